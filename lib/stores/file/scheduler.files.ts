import { createHash } from 'node:crypto';
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { FileStoreError } from '../../errors/file-store.errors.js';
import type { SchedulerInstance } from '../../model/scheduler-instance.js';
import { ifThere, readText, replaceFile } from './durable.fs.js';

/** How long the last heartbeat of a dead scheduler is kept, in milliseconds: a week. */
const FORGOTTEN_MS = 604_800_000;

/** The heartbeats: one file for each scheduler, which only that one writes. */
export class SchedulerFiles {
  /** Heartbeats of one scheduler go one after another: they share a temporary name. */
  readonly #writing = new Map<string, Promise<void>>();

  constructor(
    private readonly folder: string,
    private readonly mode: number,
  ) {}

  async write(instance: SchedulerInstance): Promise<void> {
    const path = this.#path(instance.identity);
    await this.#inOrder(path, () => replaceFile(path, `${JSON.stringify(instance, null, 2)}\n`, this.mode));
  }

  async remove(identity: string): Promise<void> {
    const path = this.#path(identity);
    await this.#inOrder(path, () => rm(path, { force: true }));
  }

  /** Removes what schedulers have left that died long ago. */
  async forgetOld(now: number): Promise<void> {
    for (const file of await readdir(this.folder)) {
      const path = join(this.folder, file);
      const stats = await ifThere(stat(path));
      if (stats && now - stats.mtimeMs > FORGOTTEN_MS) await rm(path, { force: true });
    }
  }

  async #inOrder(path: string, work: () => Promise<void>): Promise<void> {
    const before = this.#writing.get(path) ?? Promise.resolve();
    const writing = before.catch(() => {}).then(work);
    this.#writing.set(path, writing);
    try {
      await writing;
    } catch (error) {
      throw error instanceof FileStoreError ? error : new FileStoreError(path, error);
    } finally {
      if (this.#writing.get(path) === writing) this.#writing.delete(path);
    }
  }

  async list(): Promise<SchedulerInstance[]> {
    const instances: SchedulerInstance[] = [];
    for (const file of (await readdir(this.folder)).sort()) {
      if (!file.endsWith('.json')) continue;
      // A heartbeat that cannot be read is one that did not come.
      const text = await readText(join(this.folder, file)).catch(() => null);
      const instance = text === null ? null : parseInstance(text);
      if (instance) instances.push(instance);
    }
    return instances;
  }

  #path(identity: string): string {
    return join(this.folder, `${createHash('sha256').update(identity).digest('hex').slice(0, 32)}.json`);
  }
}

function parseInstance(text: string): SchedulerInstance | null {
  try {
    const instance = JSON.parse(text) as Partial<SchedulerInstance> | null;
    const isWhole = typeof instance?.identity === 'string' && typeof instance.heartbeatAt === 'number';
    return isWhole ? (instance as SchedulerInstance) : null;
  } catch {
    return null;
  }
}
