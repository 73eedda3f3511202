import { randomBytes } from 'node:crypto';
import { watch } from 'node:fs';
import type { FSWatcher } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from '../model/logger.js';
import { WakeListeners } from './wake-listeners.js';

/**
 * Wakes the other processes by writing to a file in a folder that all of them watch; each writes its own, so that it knows
 * its own wake-ups. Where a disk cannot be watched, the poll is what is left.
 */
export class WakeFolder {
  readonly #file = `${randomBytes(8).toString('hex')}.wake`;
  readonly #listeners = new WakeListeners();
  #watcher: FSWatcher | null = null;

  constructor(
    readonly folder: string,
    private readonly mode: number,
    private readonly logger: Logger,
  ) {}

  /** Whether it is watched. */
  get isOpen(): boolean {
    return this.#watcher !== null;
  }

  open(): void {
    try {
      this.#watcher = watch(this.folder, { persistent: false }, (_event, file) => {
        if (file !== this.#file) this.#listeners.call(this.logger);
      });
      this.#watcher.on('error', (error) => this.#giveUp(error));
    } catch (error) {
      this.#giveUp(error);
    }
  }

  async close(): Promise<void> {
    this.#watcher?.close();
    this.#watcher = null;
    this.#listeners.clear();
    await rm(join(this.folder, this.#file), { force: true });
  }

  /** Returns a function that ends it. */
  listen(listener: () => void): () => void {
    return this.#listeners.add(listener);
  }

  /** Never rejects: whoever is not woken polls. */
  async wake(at: number): Promise<void> {
    try {
      await writeFile(join(this.folder, this.#file), `${at}\n`, { mode: this.mode });
    } catch (error) {
      this.logger.debug(`The other processes were not woken: ${String(error)}`);
    }
  }

  #giveUp(error: unknown): void {
    this.#watcher?.close();
    this.#watcher = null;
    this.logger.warn(
      `The folder ${this.folder} cannot be watched; other processes are only seen by polling: ${String(error)}`,
    );
  }
}
