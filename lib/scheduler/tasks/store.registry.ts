import { UnknownNameError } from '../../errors/input.errors.js';
import { TaskNotFoundError } from '../../errors/task.errors.js';
import type { StoredTask } from '../../model/task.js';
import type { StoreHandle } from './store.handle.js';

/** The stores of one scheduler, in the order in which they were added. */
export class StoreRegistry {
  readonly #handles = new Map<string, StoreHandle>();

  add(handle: StoreHandle): void {
    this.#handles.set(handle.alias, handle);
  }

  /** @throws UnknownNameError */
  remove(alias: string): StoreHandle {
    const handle = this.get(alias);
    this.#handles.delete(alias);
    return handle;
  }

  has(alias: string): boolean {
    return this.#handles.has(alias);
  }

  aliases(): readonly string[] {
    return [...this.#handles.keys()].sort();
  }

  all(): readonly StoreHandle[] {
    return [...this.#handles.values()];
  }

  /** @throws UnknownNameError */
  get(alias: string): StoreHandle {
    const handle = this.#handles.get(alias);
    if (!handle) throw new UnknownNameError('store', alias, this.aliases());
    return handle;
  }

  /** The store of that alias alone, or all of them. @throws UnknownNameError */
  select(alias: string | undefined): readonly StoreHandle[] {
    return alias === undefined ? this.all() : [this.get(alias)];
  }

  /** The first store that has the task, or null. @throws UnknownNameError When the alias is not known. */
  async find(id: string, alias?: string): Promise<{ handle: StoreHandle; task: StoredTask } | null> {
    for (const handle of this.select(alias)) {
      const task = await handle.lookup(id);
      if (task !== null) return { handle, task };
    }
    return null;
  }

  /** As {@link find}. @throws TaskNotFoundError When no store has it. */
  async require(id: string, alias?: string): Promise<{ handle: StoreHandle; task: StoredTask }> {
    const found = await this.find(id, alias);
    if (!found) throw new TaskNotFoundError(id, alias === undefined ? undefined : `the store "${alias}"`);
    return found;
  }
}
