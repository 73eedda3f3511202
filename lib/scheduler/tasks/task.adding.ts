import { isDeepStrictEqual } from 'node:util';
import { TaskListError, TasksPartlyAddedError } from '../../errors/adding.errors.js';
import { InvalidOptionError } from '../../errors/input.errors.js';
import { checkFlag, checkList } from '../../errors/option.checks.js';
import { SchedulerNotRunningError } from '../../errors/scheduler.errors.js';
import { TaskConflictError, TaskUnreadableError } from '../../errors/task.errors.js';
import type { EventDispatcher } from '../../events/event.dispatcher.js';
import type { Logger } from '../../model/logger.js';
import { isUnreadable } from '../../model/task.js';
import type { TaskRecord } from '../../model/task.js';
import type { Deadline } from '../../time/deadline.js';
import { replaceTask } from '../plan/replace.plan.js';
import { ADD_TASKS_OPTIONS } from './adding.options.js';
import type { AddTasksOptions, AddTasksResult } from './adding.options.js';
import { AddingPace } from './adding.pace.js';
import { checkCall } from './call.options.js';
import type { LifePhase } from './life.phase.js';
import type { StoreHandle } from './store.handle.js';
import type { StoreRegistry } from './store.registry.js';
import type { TaskBuilder } from './task.builder.js';
import type { TaskSpec } from './task.options.js';

interface AddingServices {
  readonly stores: StoreRegistry;
  readonly builder: TaskBuilder;
  readonly events: EventDispatcher;
  readonly logger: Logger;
  readonly phase: LifePhase;
}

/** A task that was checked and is to be added. */
interface Checked {
  readonly handle: StoreHandle;
  readonly task: TaskRecord;
  /** Whether it replaces what is there. */
  readonly replaces: boolean;
}

/** The tasks of one store that are to be added. */
interface Part {
  readonly tasks: TaskRecord[];
  readonly ids: Set<string>;
  /** The ids of those that replace what is there. */
  readonly replacing: Set<string>;
}

/** What one call of a store adds. */
interface Batch extends Pick<Part, 'tasks' | 'replacing'> {
  readonly handle: StoreHandle;
  readonly transaction: unknown;
}

/** How many tasks that waited for the start are committed at a time. */
const PENDING_BATCH = 1_000;

/** Adds tasks: one, many, and those that were added before the start. */
export class TaskAdding {
  /** The ids that were added with `replaceExisting` and wait for the start, by store. */
  readonly #replaceAtStart = new Map<string, Set<string>>();

  constructor(private readonly services: AddingServices) {}

  async add(options: TaskSpec): Promise<Checked> {
    const checked = this.#check(options, 'addTask', options?.transaction);
    const { handle, task, replaces } = checked;
    const { activeStore, pending } = handle;
    const { transaction } = options;
    try {
      await activeStore.addTask(task, { transaction });
    } catch (error) {
      if (!(error instanceof TaskConflictError) || !replaces) throw error;
      await this.#replace(handle, [task], transaction);
    }
    this.#added(handle, [task], replaces ? new Set([task.id]) : null, pending);
    return checked;
  }

  async addMany(list: readonly TaskSpec[], options: AddTasksOptions = {}): Promise<AddTasksResult> {
    checkCall('addTasks', options, ADD_TASKS_OPTIONS);
    const { transaction } = options;
    const pace = new AddingPace();
    const parts = await this.#checkAll(list, transaction, pace);
    const results: (AddTasksResult | null)[] = [];
    let last = Promise.resolve();
    try {
      for (const batch of batchesOf(parts, pace, transaction)) {
        const at = results.push(null) - 1;
        const earlier = last;
        const result = pace.measured(batch.tasks.length, () => this.#addBatch(batch));
        last = result.then((done) => void (results[at] = done));
        last.catch(() => {});
        await pace.rest();
        // A store writes one batch while the next one is encoded; one connection does one thing at a time.
        await (transaction === undefined ? earlier : last);
      }
      await last;
    } catch (error) {
      await last.catch(() => {});
      const { added, replaced, existing } = together(results);
      if (transaction !== undefined || results.every((result) => result === null)) throw error;
      throw new TasksPartlyAddedError(added, replaced, existing, list.length, error);
    }
    return together(results);
  }

  /** All are checked before the first is written. @throws TaskListError */
  async #checkAll(
    list: readonly TaskSpec[],
    transaction: unknown,
    pace: AddingPace,
  ): Promise<ReadonlyMap<StoreHandle, Part>> {
    const parts = new Map<StoreHandle, Part>();
    // A copy: whoever has their turn in between may change the list.
    for (const [index, options] of [...checkList('tasks', list, 'tasks')].entries()) {
      try {
        if (options?.transaction !== undefined) {
          throw new InvalidOptionError(
            'transaction',
            'given',
            'that of addTasks(tasks, { transaction }), for all of them',
          );
        }
        const { handle, task, replaces } = this.#check(options, 'addTasks', transaction);
        const part = parts.get(handle) ?? { tasks: [], ids: new Set(), replacing: new Set() };
        if (part.ids.has(task.id)) throw new InvalidOptionError('id', task.id, 'an id that only one of the tasks has');
        part.tasks.push(task);
        part.ids.add(task.id);
        if (replaces) part.replacing.add(task.id);
        parts.set(handle, part);
      } catch (error) {
        throw new TaskListError(index, list.length, error);
      }
      if (pace.step()) await pace.rest();
    }
    return parts;
  }

  #check(options: TaskSpec, operation: 'addTask' | 'addTasks', transaction: unknown): Checked {
    const { stores, builder, phase } = this.services;
    const handle = stores.get(options?.store ?? 'default');
    // The store is closed, and what waited in memory now might wait for a start that never comes.
    if (handle.pending && phase.name === 'stopping') throw new SchedulerNotRunningError(operation);
    const task = builder.build(options, handle.clock.now());
    const replaces = checkFlag('replaceExisting', options.replaceExisting ?? false);
    if (transaction !== undefined) {
      handle.requireTransactions('transactionalAdds');
      if (replaces) handle.requireTransactions('transactionalChanges');
    }
    return { handle, task, replaces };
  }

  async #addBatch({ handle, tasks, replacing, transaction }: Batch): Promise<AddTasksResult> {
    const { activeStore, pending } = handle;
    const taken = await activeStore.addTasks(tasks, { transaction });
    if (taken.length === 0) {
      this.#added(handle, tasks, replacing, pending);
      return { added: tasks.map(({ id }) => id), replaced: [], existing: [] };
    }
    const there = new Set(taken);
    const replaced = tasks.filter(({ id }) => there.has(id) && replacing.has(id));
    await this.#replace(handle, replaced, transaction);
    const fresh = tasks.filter(({ id }) => !there.has(id));
    this.#added(
      handle,
      tasks.filter(({ id }) => !there.has(id) || replacing.has(id)),
      replacing,
      pending,
    );
    const existing = taken.filter((id) => !replacing.has(id));
    return { added: fresh.map(({ id }) => id), replaced: replaced.map(({ id }) => id), existing };
  }

  /** What follows when tasks are in the store, or wait for the start. */
  #added(
    handle: StoreHandle,
    tasks: readonly TaskRecord[],
    replacing: ReadonlySet<string> | null,
    pending: boolean,
  ): void {
    const store = handle.alias;
    if (!pending) for (const { id } of tasks) this.services.events.emit('task.added', { taskId: id, store });
    else if (replacing) for (const { id } of tasks) if (replacing.has(id)) this.#rememberReplace(store, id);
    handle.wakeSelf();
  }

  /** Puts tasks in the place of what is there under their ids; what is gone by now is added. */
  async #replace(handle: StoreHandle, tasks: readonly TaskRecord[], transaction?: unknown): Promise<void> {
    if (tasks.length === 0) return;
    const { activeStore } = handle;
    const byId = new Map(tasks.map((task) => [task.id, task]));
    const { committed, missing, unreadable, failed } = await activeStore.transact(
      { ids: [...byId.keys()] },
      (old) => replaceTask(old, byId.get(old.id)!),
      { transaction },
    );
    if (failed[0]) throw failed[0].error;
    // What is not committed yet is due for nobody; the store tells when it is.
    if (transaction === undefined) for (const { task } of committed) if (task) handle.wakeFor(task);
    for (const { id, unreadable: reason, message } of unreadable) {
      // A removal is a step of its own.
      if (transaction !== undefined) throw new TaskUnreadableError(id, reason, message);
      await activeStore.deleteTask(id);
    }
    const gone = [...missing, ...unreadable.map(({ id }) => id)].map((id) => byId.get(id)!);
    const [taken] = gone.length > 0 ? await activeStore.addTasks(gone, { transaction }) : [];
    if (taken !== undefined) throw new TaskConflictError(taken);
  }

  /**
   * Moves the tasks that waited for the start to a store that was just opened. One with an id that is taken is reported. When the
   * store fails, or does not answer in time, what it has not taken, or may not have, waits for the next start.
   *
   * @throws StartTimeoutError
   */
  async commitPending(handle: StoreHandle, deadline: Deadline): Promise<void> {
    const replacing = this.#replaceAtStart.get(handle.alias) ?? new Set<string>();
    this.#replaceAtStart.delete(handle.alias);
    const tasks = handle.takePending();
    let done = 0;
    try {
      for (; done < tasks.length; done += PENDING_BATCH) {
        await this.#commit(handle, tasks.slice(done, done + PENDING_BATCH), replacing, deadline);
      }
    } catch (error) {
      const left = tasks.slice(done);
      handle.keepPending(left);
      for (const { id } of left) if (replacing.has(id)) this.#rememberReplace(handle.alias, id);
      throw error;
    }
  }

  /** Each call of the store by itself: of one that hangs nothing comes after it. */
  async #commit(
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
    await handle.inTime(deadline, this.#replace(handle, replaced));
    for (const { id } of tasks) {
      const isLeft = conflicts.has(id) && !replacing.has(id);
      if (isLeft) this.#reportConflict(handle, id);
      else this.services.events.emit('task.added', { taskId: id, store: handle.alias });
    }
  }

  #reportConflict({ alias }: StoreHandle, id: string): void {
    const error = new TaskConflictError(id, `the store "${alias}"`);
    this.services.logger.error('A task that was added before the start was left out', error);
    this.services.events.emit('task.conflict', { taskId: id, store: alias, error });
  }

  /** The task of that id is deleted: it is not to replace anything at the start. */
  forget({ alias }: StoreHandle, id: string): void {
    this.#replaceAtStart.get(alias)?.delete(id);
  }

  #rememberReplace(alias: string, id: string): void {
    const ids = this.#replaceAtStart.get(alias) ?? new Set<string>();
    this.#replaceAtStart.set(alias, ids.add(id));
  }
}

function* batchesOf(parts: ReadonlyMap<StoreHandle, Part>, pace: AddingPace, transaction: unknown): Generator<Batch> {
  for (const [handle, { tasks, replacing }] of parts) {
    for (let at = 0; at < tasks.length;) {
      const batch = tasks.slice(at, at + pace.limit);
      at += batch.length;
      yield { handle, tasks: batch, replacing, transaction };
    }
  }
}

function together(results: readonly (AddTasksResult | null)[]): AddTasksResult {
  const done = results.filter((result) => result !== null);
  return {
    added: done.flatMap(({ added }) => added),
    replaced: done.flatMap(({ replaced }) => replaced),
    existing: done.flatMap(({ existing }) => existing),
  };
}

/** Whether what the store has under the id is this very task: it was written by a start that failed. */
async function isThere({ store }: StoreHandle, { id, definition, state }: TaskRecord): Promise<boolean> {
  const stored = await store.lookupTask(id);
  if (stored === null || isUnreadable(stored)) return false;
  return stored.state.createdAt === state.createdAt && isDeepStrictEqual(stored.definition, definition);
}
