import { isDeepStrictEqual } from 'node:util';
import { TaskConflictError } from '../../errors/task.errors.js';
import type { EventDispatcher } from '../../events/event.dispatcher.js';
import type { Logger } from '../../model/logger.js';
import { isUnreadable } from '../../model/task.js';
import type { TaskRecord } from '../../model/task.js';
import type { Deadline } from '../../time/deadline.js';
import { replaceTasks } from './replace.tasks.js';
import type { StoreHandle } from './store.handle.js';

/** How many tasks are committed at a time. */
const BATCH = 1_000;

/** Commits the tasks that were added before the start. */
export class PendingTasks {
  /** The ids that were added with `replaceExisting` and wait for the start, by store. */
  readonly #replacing = new Map<string, Set<string>>();

  constructor(
    private readonly events: EventDispatcher,
    private readonly logger: Logger,
  ) {}

  /**
   * Moves the tasks that waited for the start to a store that was just opened. One with an id that is taken is reported. When the
   * store fails, or does not answer in time, what it has not taken, or may not have, waits for the next start.
   *
   * @throws StartTimeoutError
   */
  async commit(handle: StoreHandle, deadline: Deadline): Promise<void> {
    const replacing = this.#replacing.get(handle.alias) ?? new Set<string>();
    this.#replacing.delete(handle.alias);
    const tasks = handle.takePending();
    let done = 0;
    try {
      for (; done < tasks.length; done += BATCH) {
        await this.#commitBatch(handle, tasks.slice(done, done + BATCH), replacing, deadline);
      }
    } catch (error) {
      const left = tasks.slice(done);
      handle.keepPending(left);
      for (const { id } of left) if (replacing.has(id)) this.replaceAtStart(handle.alias, id);
      throw error;
    }
  }

  /** Each call of the store by itself: of one that hangs nothing comes after it. */
  async #commitBatch(
    handle: StoreHandle,
    tasks: readonly TaskRecord[],
    replacing: ReadonlySet<string>,
    deadline: Deadline,
  ): Promise<void> {
    const added = async () => handle.store.addTasks(tasks);
    const conflicts = new Set(await handle.inTime(deadline, added()));
    for (const task of tasks) {
      if (!conflicts.has(task.id)) continue;
      if (await handle.inTime(deadline, isThere(handle, task))) conflicts.delete(task.id);
    }
    const replaced = tasks.filter(({ id }) => conflicts.has(id) && replacing.has(id));
    await handle.inTime(deadline, replaceTasks(handle, replaced));
    for (const { id } of tasks) {
      const isLeft = conflicts.has(id) && !replacing.has(id);
      if (isLeft) this.#reportConflict(handle, id);
      else this.events.emit('task.added', { taskId: id, store: handle.alias });
    }
  }

  #reportConflict({ alias }: StoreHandle, id: string): void {
    const error = new TaskConflictError(id, `the store "${alias}"`);
    this.logger.error('A task that was added before the start was left out', error);
    this.events.emit('task.conflict', { taskId: id, store: alias, error });
  }

  /** The task of that id, which waits for the start of its store, replaces what is there. */
  replaceAtStart(alias: string, id: string): void {
    const ids = this.#replacing.get(alias) ?? new Set<string>();
    this.#replacing.set(alias, ids.add(id));
  }

  /** The task of that id is deleted: it is not to replace anything at the start. */
  forget({ alias }: StoreHandle, id: string): void {
    this.#replacing.get(alias)?.delete(id);
  }
}

/** Whether what the store has under the id is this very task: it was written by a start that failed. */
async function isThere({ store }: StoreHandle, { id, definition, state }: TaskRecord): Promise<boolean> {
  const stored = await store.lookupTask(id);
  if (stored === null || isUnreadable(stored)) return false;
  return stored.state.createdAt === state.createdAt && isDeepStrictEqual(stored.definition, definition);
}
