import { MemoryStore } from 'nestjs-asyncz';
import type { PageRequest, StoredTaskFilter, StoredTaskPage, TaskSort } from 'nestjs-asyncz/store';

/** A store whose queries hang, or are refused, when a test says so. */
export class BlockingStore extends MemoryStore {
  #isFree = Promise.resolve();
  #reason: string | null = null;
  #free = (): void => {};

  block(): void {
    this.#isFree = new Promise((resolve) => (this.#free = resolve));
  }

  refuse(reason: string): void {
    this.#reason = reason;
  }

  free(): void {
    this.#free();
    this.#reason = null;
  }

  override async query(filter: StoredTaskFilter, sort: TaskSort, page: PageRequest): Promise<StoredTaskPage> {
    await this.#isFree;
    if (this.#reason !== null) throw new Error(this.#reason);
    return super.query(filter, sort, page);
  }
}
