import { InvalidOptionError, rejectUnknownOptions } from '../../errors/input.errors.js';
import { namesOf } from '../../model/names.js';
import type { JournalEntry } from '../../model/journal.js';
import type { RunRecord } from '../../model/run.js';
import { isUnreadable } from '../../model/task.js';
import { INTERNAL_PREFIX } from '../../model/definition.js';
import type { StoredTask, TaskRecord } from '../../model/task.js';
import { OUTCOME_UNREADABLE } from '../../persistence/run-error.js';
import type { Store } from '../../stores/store.interface.js';
import { compareText } from '../../stores/task-query.js';
import { requestOf } from './control.options.js';
import type { ActorOptions } from './control.options.js';

/** How many records one step reads and writes. */
const BATCH = 200;

/** More than any store holds, and a limit that every database takes. */
const ALL = 2_147_483_647;

/**
 * The progress of a rotation or a copy.
 *
 * @publicApi
 */
export interface MaintenanceProgress {
  /** The tasks that were handled so far. */
  readonly tasks: number;
  /** The ended runs that were handled so far. */
  readonly runs: number;
  /** The records that cannot be read and were left as they are. */
  readonly unreadable: number;
  /** The id of the last task that was handled: what `after` takes to go on from there. */
  readonly lastTaskId: string | null;
}

/**
 * Options of `rotateEncryption`.
 *
 * @publicApi
 */
export interface RotateOptions extends ActorOptions {
  /** Goes on after the task of this id, where an earlier rotation stopped. */
  readonly after?: string;
  /** Called after every batch. */
  readonly onProgress?: (progress: MaintenanceProgress) => void;
}

/**
 * Options of `copyTasks`.
 *
 * @publicApi
 */
export interface CopyOptions extends RotateOptions {
  /**
   * Whether each task is removed from the first store when it is stored in the other. Otherwise both stores have it, and a
   * scheduler that uses both runs it twice.
   *
   * @default false
   */
  readonly move?: boolean;
}

/**
 * The result of `copyTasks`.
 *
 * @publicApi
 */
export interface CopyResult extends MaintenanceProgress {
  /** The ids that exist in the other store already; these tasks were not copied. */
  readonly skipped: readonly string[];
}

const ROTATE_OPTIONS = namesOf<keyof RotateOptions>({ after: 0, onProgress: 0, actor: 0, reason: 0 });
const COPY_OPTIONS = [...ROTATE_OPTIONS, ...namesOf<Exclude<keyof CopyOptions, keyof RotateOptions>>({ move: 0 })];

/**
 * Writes every record again, so that it is under the first key of the ring. Each task is one step in the store, so it can
 * be done while schedulers work; what was interrupted can be done again, from the beginning or from where it stopped.
 */
export async function rotateStore(store: Store, options: RotateOptions = {}): Promise<MaintenanceProgress> {
  rejectUnknownOptions('rotateEncryption', options, ROTATE_OPTIONS);
  requestOf(options);
  const counter = new Counter(options);
  const all = await store.getAllTasks();
  const isInternal = ({ id }: StoredTask) => id.startsWith(INTERNAL_PREFIX);
  const users = all.filter((task) => !isInternal(task)).sort((a, b) => compareText(a.id, b.id));
  for (const { tasks, unreadable } of taskBatches(users, options.after)) {
    await rewrite(
      store,
      tasks.map(({ id }) => id),
    );
    counter.addTasks(tasks, unreadable);
  }
  // No query shows what schedulers keep for themselves, and no interruption is to leave it out.
  await rewrite(
    store,
    all.filter(isInternal).map(({ id }) => id),
  );
  for await (const runs of runBatches(store)) {
    // Of one that is too large nothing was read that could be written again.
    await store.saveRuns(runs.filter(({ error }) => error?.code !== OUTCOME_UNREADABLE));
    counter.addRuns(runs.length);
  }
  for await (const entries of journalBatches(store)) await store.appendJournal(entries);
  return counter.progress;
}

/** Writes tasks again as they are. A new definition object is what makes the store write it, and not only the state. */
async function rewrite(store: Store, ids: readonly string[]): Promise<void> {
  await store.transact({ ids }, (task) => ({
    task: { ...task, definition: { ...task.definition } },
    history: [],
    value: null,
  }));
}

/**
 * Copies definitions, schedule states, history and journal from one store to another. What is there already is left alone, so it
 * can be done again after an interruption.
 */
export async function copyStore(from: Store, to: Store, options: CopyOptions = {}): Promise<CopyResult> {
  rejectUnknownOptions('copyTasks', options, COPY_OPTIONS);
  requestOf(options);
  const { move = false } = options;
  if (typeof move !== 'boolean') throw new InvalidOptionError('move', move, 'true or false');
  const counter = new Counter(options);
  const skipped: string[] = [];
  // History first: with `move` a task that is gone from one store has its past in the other.
  for await (const runs of runBatches(from)) {
    await to.saveRuns(runs);
    counter.addRuns(runs.length);
  }
  for await (const entries of journalBatches(from)) await to.appendJournal(entries);
  const page = { offset: 0, limit: ALL };
  const { tasks: all } = await from.query({}, { by: 'id', descending: false }, page);
  for (const { tasks, unreadable } of taskBatches(all, options.after)) {
    const known = new Set(await to.addTasks(tasks.map((task) => ({ ...task, version: 1 }))));
    skipped.push(...known);
    if (move)
      await takeOut(
        from,
        to,
        tasks.filter(({ id }) => !known.has(id)),
      );
    counter.addTasks(tasks, unreadable);
  }
  return { ...counter.progress, skipped };
}

/** A task that was changed between copy and removal is copied once more instead: its change is not lost. */
async function takeOut(from: Store, to: Store, tasks: readonly TaskRecord[]): Promise<void> {
  const copied = new Map(tasks.map((task) => [task.id, task]));
  await from.transact({ ids: [...copied.keys()] }, (task) =>
    task.version === copied.get(task.id)!.version ? { task: null, history: [], value: null } : null,
  );
  for (const { id } of tasks) {
    const left = await from.lookupTask(id);
    if (left === null || isUnreadable(left)) continue;
    await to.deleteTask(id);
    await to.addTasks([{ ...left, version: 1 }]);
    await takeOut(from, to, [left]);
  }
}

/**
 * All tasks, by id, in batches. They are read at once: with pages by offset, a task that goes meanwhile would let another
 * one slip through.
 */
function* taskBatches(all: readonly StoredTask[], after?: string) {
  const start = after === undefined ? 0 : all.findIndex(({ id }) => id === after) + 1;
  if (after !== undefined && start === 0) throw new InvalidOptionError('after', after, 'the id of a task in the store');
  for (let index = start; index < all.length; index += BATCH) {
    const batch = all.slice(index, index + BATCH);
    const tasks = batch.filter((task): task is TaskRecord => !isUnreadable(task));
    yield { tasks, unreadable: batch.length - tasks.length };
  }
}

/** The journal in batches, without what cannot be read. */
async function* journalBatches(store: Store): AsyncIterable<readonly JournalEntry[]> {
  let cursor: string | undefined;
  do {
    const { entries, next } = await store.journal({}, { limit: BATCH, ...(cursor !== undefined && { cursor }) });
    const readable = entries.filter(({ unreadable }) => unreadable === undefined);
    if (readable.length > 0) yield readable;
    cursor = next ?? undefined;
  } while (cursor !== undefined);
}

async function* runBatches(store: Store): AsyncIterable<readonly RunRecord[]> {
  let cursor: string | undefined;
  do {
    const { runs, next } = await store.runs({}, { limit: BATCH, ...(cursor !== undefined && { cursor }) });
    if (runs.length > 0) yield runs;
    cursor = next ?? undefined;
  } while (cursor !== undefined);
}

class Counter {
  progress: MaintenanceProgress = { tasks: 0, runs: 0, unreadable: 0, lastTaskId: null };

  constructor(private readonly options: RotateOptions) {}

  addTasks(tasks: readonly TaskRecord[], unreadable: number): void {
    this.#report({
      ...this.progress,
      tasks: this.progress.tasks + tasks.length,
      unreadable: this.progress.unreadable + unreadable,
      lastTaskId: tasks.at(-1)?.id ?? this.progress.lastTaskId,
    });
  }

  addRuns(count: number): void {
    this.#report({ ...this.progress, runs: this.progress.runs + count });
  }

  #report(progress: MaintenanceProgress): void {
    this.progress = progress;
    this.options.onProgress?.(progress);
  }
}
