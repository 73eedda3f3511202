import { TaskListError, TasksPartlyAddedError } from '../../errors/adding.errors.js';
import { InvalidOptionError } from '../../errors/input.errors.js';
import { checkFlag, checkList } from '../../errors/option.checks.js';
import { SchedulerNotRunningError } from '../../errors/scheduler.errors.js';
import { TaskConflictError } from '../../errors/task.errors.js';
import type { EventDispatcher } from '../../events/event.dispatcher.js';
import type { TaskRecord } from '../../model/task.js';
import { ADD_TASKS_OPTIONS } from './adding.options.js';
import type { AddTasksOptions, AddTasksResult } from './adding.options.js';
import { checkCall } from './call.options.js';
import type { LifePhase } from './life.phase.js';
import type { PendingTasks } from './pending.tasks.js';
import { replaceTasks } from './replace.tasks.js';
import type { StoreHandle } from './store.handle.js';
import type { StoreRegistry } from './store.registry.js';
import type { TaskBuilder } from './task.builder.js';
import type { TaskSpec } from './task.options.js';
import { TaskSeries } from './task.series.js';
import { WorkPace } from './work.pace.js';

interface AddingServices {
  readonly stores: StoreRegistry;
  readonly builder: TaskBuilder;
  readonly pending: PendingTasks;
  readonly events: EventDispatcher;
  readonly phase: LifePhase;
}

/** A task that was added, or waits for the start. */
interface Added {
  readonly handle: StoreHandle;
  readonly task: TaskRecord;
}

/** A task that was checked and is to be added. */
interface Checked {
  readonly task: TaskRecord;
  /** Whether it replaces what is there. */
  readonly replaces: boolean;
}

/** The tasks of one store that are to be added. */
interface Part {
  readonly handle: StoreHandle;
  readonly series: TaskSeries;
  readonly tasks: TaskRecord[];
  /** The ids that were given. */
  readonly ids: Set<string>;
  /** The ids of those that replace what is there. */
  readonly replacing: Set<string>;
}

/** What one call of a store adds. */
interface Batch extends Pick<Part, 'handle' | 'tasks' | 'replacing'> {
  readonly transaction: unknown;
}

/** Adds tasks, one or many. */
export class TaskAdding {
  constructor(private readonly services: AddingServices) {}

  async add(options: TaskSpec): Promise<Added> {
    const handle = this.#storeOf(options, 'addTask');
    const transaction = options?.transaction;
    const { task, replaces } = this.#check(options, handle, new TaskSeries(handle.clock.now()), transaction);
    const { activeStore, pending } = handle;
    try {
      await activeStore.addTask(task, { transaction });
    } catch (error) {
      if (!(error instanceof TaskConflictError) || !replaces) throw error;
      await replaceTasks(handle, [task], transaction);
    }
    this.#added(handle, [task], replaces ? new Set([task.id]) : null, pending);
    return { handle, task };
  }

  async addMany(list: readonly TaskSpec[], options: AddTasksOptions = {}): Promise<AddTasksResult> {
    checkCall('addTasks', options, ADD_TASKS_OPTIONS);
    const { transaction } = options;
    const pace = new WorkPace();
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
  async #checkAll(list: readonly TaskSpec[], transaction: unknown, pace: WorkPace): Promise<readonly Part[]> {
    const parts = new Map<StoreHandle, Part>();
    // A copy: whoever has their turn in between may change the list.
    const specs = [...checkList('tasks', list, 'tasks')];
    for (let index = 0; index < specs.length; index += 1) {
      const options = specs[index]!;
      try {
        const handle = this.#storeOf(options, 'addTasks');
        let part = parts.get(handle);
        if (!part) parts.set(handle, (part = newPart(handle)));
        this.#checkInto(part, options, transaction);
      } catch (error) {
        throw new TaskListError(index, specs.length, error);
      }
      if (pace.step()) await pace.rest();
    }
    return [...parts.values()];
  }

  #checkInto({ handle, series, tasks, ids, replacing }: Part, options: TaskSpec, transaction: unknown): void {
    if (options?.transaction !== undefined) {
      throw new InvalidOptionError('transaction', 'given', 'that of addTasks(tasks, { transaction }), for all of them');
    }
    const { task, replaces } = this.#check(options, handle, series, transaction);
    if (options.id !== undefined) {
      if (ids.has(task.id)) throw new InvalidOptionError('id', task.id, 'an id that only one of the tasks has');
      ids.add(task.id);
    }
    tasks.push(task);
    if (replaces) replacing.add(task.id);
  }

  #storeOf(options: TaskSpec, operation: 'addTask' | 'addTasks'): StoreHandle {
    const { stores, phase } = this.services;
    const handle = stores.get(options?.store ?? 'default');
    // The store is closed, and what waited in memory now might wait for a start that never comes.
    if (handle.pending && phase.name === 'stopping') throw new SchedulerNotRunningError(operation);
    return handle;
  }

  #check(options: TaskSpec, handle: StoreHandle, series: TaskSeries, transaction: unknown): Checked {
    const task = this.services.builder.build(options, series);
    const replaces = checkFlag('replaceExisting', options.replaceExisting ?? false);
    if (transaction !== undefined) {
      handle.requireTransactions('transactionalAdds');
      if (replaces) handle.requireTransactions('transactionalChanges');
    }
    return { task, replaces };
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
    await replaceTasks(handle, replaced, transaction);
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
    else if (replacing)
      for (const { id } of tasks) if (replacing.has(id)) this.services.pending.replaceAtStart(store, id);
    handle.wakeSelf();
  }
}

function newPart(handle: StoreHandle): Part {
  return { handle, series: new TaskSeries(handle.clock.now()), tasks: [], ids: new Set(), replacing: new Set() };
}

function* batchesOf(parts: readonly Part[], pace: WorkPace, transaction: unknown): Generator<Batch> {
  for (const { handle, tasks, replacing } of parts) {
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
