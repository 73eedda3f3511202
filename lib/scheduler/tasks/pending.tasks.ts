import { isDeepStrictEqual } from 'node:util';
import { TaskConflictError } from '../../errors/task.errors.js';
import type { EventDispatcher } from '../../events/event.dispatcher.js';
import type { JournalEntry } from '../../model/journal.js';
import type { Logger } from '../../model/logger.js';
import { isUnreadable } from '../../model/task.js';
import type { TaskRecord } from '../../model/task.js';
import type { Deadline } from '../../time/deadline.js';
import { addAllJournaled } from '../../stores/journaled.js';
import type { JournalNotes } from '../plan/journal.notes.js';
import { replaceTasks } from './replace.tasks.js';
import { settleTasks } from './settle.tasks.js';
import type { SettlePlan, Unsettled } from './settle.tasks.js';
import type { StoreHandle } from './store.handle.js';

/** How many tasks are committed at a time. */
const BATCH = 1_000;

/** What becomes at the start of what is there under the id of a task that waits for it, where that is no conflict. */
export type AtStart = 'replace' | SettlePlan;

/** Commits the tasks that were added before the start. */
export class PendingTasks {
  /** Those that are no conflict, by store and id. */
  readonly #onConflict = new Map<string, Map<string, AtStart>>();

  constructor(
    private readonly events: EventDispatcher,
    private readonly logger: Logger,
    private readonly notes: JournalNotes,
  ) {}

  /**
   * Moves the tasks that waited for the start to a store that was just opened. One with an id that is taken is reported. When the
   * store fails, or does not answer in time, what it has not taken, or may not have, waits for the next start.
   *
   * @throws StartTimeoutError
   */
  async commit(handle: StoreHandle, deadline: Deadline): Promise<void> {
    const onConflict = this.#onConflict.get(handle.alias) ?? new Map<string, AtStart>();
    this.#onConflict.delete(handle.alias);
    const { tasks, journal } = handle.takePending();
    const added = new Map<string | null, JournalEntry>();
    for (const entry of journal) if (entry.kind === 'task.added') added.set(entry.taskId, entry);
    let done = 0;
    try {
      for (; done < tasks.length; done += BATCH) {
        const batch = tasks.slice(done, done + BATCH);
        const entries = added.size > 0 ? batch.flatMap(({ id }) => added.get(id) ?? []) : [];
        await this.#commitBatch(handle, batch, onConflict, entries, deadline);
      }
      // What was done to them while they waited.
      const others = journal.filter(({ kind }) => kind !== 'task.added');
      if (others.length > 0) await handle.inTime(deadline, Promise.resolve(handle.store.appendJournal(others)));
    } catch (error) {
      const left = tasks.slice(done);
      handle.keepPending(left, journal);
      for (const { id } of left) if (onConflict.has(id)) this.onConflict(handle.alias, id, onConflict.get(id)!);
      throw error;
    }
  }

  /** Each call of the store by itself: of one that hangs nothing comes after it. */
  async #commitBatch(
    handle: StoreHandle,
    tasks: readonly TaskRecord[],
    onConflict: ReadonlyMap<string, AtStart>,
    journal: readonly JournalEntry[],
    deadline: Deadline,
  ): Promise<void> {
    const added = async () => addAllJournaled(handle.store, tasks, { journal });
    const conflicts = new Set(await handle.inTime(deadline, added()));
    for (const task of tasks) {
      if (!conflicts.has(task.id)) continue;
      if (await handle.inTime(deadline, isThere(handle, task))) conflicts.delete(task.id);
    }
    const replaced = tasks.filter(({ id }) => conflicts.has(id) && onConflict.get(id) === 'replace');
    await handle.inTime(deadline, replaceTasks(handle, replaced, undefined, this.notes, journal));
    const unsettled = tasks.flatMap((task): Unsettled[] => {
      const plan = conflicts.has(task.id) ? onConflict.get(task.id) : undefined;
      return plan === undefined || plan === 'replace' ? [] : [{ task, plan }];
    });
    const settled = await handle.inTime(deadline, settleTasks(handle, unsettled, undefined, false, journal));
    for (const { id } of tasks) {
      const outcome = settled.get(id)?.outcome ?? 'added';
      if (conflicts.has(id) && !onConflict.has(id)) this.#reportConflict(handle, id);
      else if (outcome !== 'existing')
        this.events.emit(outcome === 'added' ? 'task.added' : 'task.modified', { taskId: id, store: handle.alias });
    }
  }

  #reportConflict({ alias }: StoreHandle, id: string): void {
    const error = new TaskConflictError(id, `the store "${alias}"`);
    this.logger.error('A task that was added before the start was left out', error);
    this.events.emit('task.conflict', { taskId: id, store: alias, error });
  }

  /** The task of that id waits for the start of its store: what becomes of what is there. */
  onConflict(alias: string, id: string, then: AtStart): void {
    const ids = this.#onConflict.get(alias) ?? new Map<string, AtStart>();
    this.#onConflict.set(alias, ids.set(id, then));
  }

  /** The task of that id is deleted: it is not to change anything at the start. */
  forget({ alias }: StoreHandle, id: string): void {
    this.#onConflict.get(alias)?.delete(id);
  }
}

/** Whether what the store has under the id is this very task: it was written by a start that failed. */
async function isThere({ store }: StoreHandle, { id, definition, state }: TaskRecord): Promise<boolean> {
  const stored = await store.lookupTask(id);
  if (stored === null || isUnreadable(stored)) return false;
  return stored.state.createdAt === state.createdAt && isDeepStrictEqual(stored.definition, definition);
}
