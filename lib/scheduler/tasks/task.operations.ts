import { InvalidOptionError, rejectUnknownOptions } from '../../errors/input.errors.js';
import { InvalidTaskStateError, SchedulerNotRunningError } from '../../errors/scheduler.errors.js';
import { TaskConflictError, TaskNotFoundError, TaskUnreadableError } from '../../errors/task.errors.js';
import type { EventDispatcher } from '../../events/event.dispatcher.js';
import type { Logger } from '../../model/logger.js';
import type { RunRequest } from '../../model/run.js';
import { dueTime, isUnreadable } from '../../model/task.js';
import { INTERNAL_PREFIX } from '../../model/definition.js';
import type { TaskRecord } from '../../model/task.js';
import { isSpent } from '../plan/end.plan.js';
import type { Apply } from '../../model/change.js';
import { toInstant } from '../../time/inputs.js';
import { backfill } from '../plan/backfill.plan.js';
import { requestOf } from './control.options.js';
import { controlled } from '../plan/control.plan.js';
import type { ControlOptions, TaskTarget } from './control.options.js';
import { extraRun } from '../plan/extra-run.js';
import type { StoreHandle } from './store.handle.js';
import type { StoreRegistry } from './store.registry.js';
import type { TaskBuilder } from './task.builder.js';
import { toTaskInfo } from './task.info.js';
import type { AnyTaskInfo, TaskInfo } from './task.info.js';
import type { TaskBaseOptions, TaskChanges, TimeInput, TriggerInput } from './task.options.js';
import { Task } from './task.js';

/**
 * A task, or its id.
 *
 * @publicApi
 */
export type TaskRef = string | { readonly id: string; readonly store?: string };

/**
 * Options of a deliberate run for past times.
 *
 * @publicApi
 */
export interface BackfillOptions extends ControlOptions {
  /** The first time that may be made up for. */
  readonly from: TimeInput;
  /** The last one. */
  readonly to: TimeInput;
}

type AddTaskOptions = TaskBaseOptions & { readonly handler: string; readonly args?: readonly unknown[] };

export interface OperationServices {
  readonly stores: StoreRegistry;
  readonly builder: TaskBuilder;
  readonly events: EventDispatcher;
  readonly logger: Logger;
  readonly describe: (task: TaskRecord) => string;
  readonly isRunning: () => boolean;
}

/** What can be done to tasks. Every change is one step in the store, and is refused whole or done whole. */
export class TaskOperations {
  /** The ids that were added with `replaceExisting` and wait for the start, by store. */
  readonly #replaceAtStart = new Map<string, Set<string>>();

  constructor(private readonly services: OperationServices) {}

  async add(options: AddTaskOptions): Promise<Task> {
    const handle = this.services.stores.get(options.store ?? 'default');
    const task = this.services.builder.build(options, handle.clock.now());
    const { replaceExisting = false, transaction } = options;
    if (typeof replaceExisting !== 'boolean') {
      throw new InvalidOptionError('replaceExisting', replaceExisting, 'true or false');
    }
    if (transaction !== undefined && !handle.target.capabilities.transactionalAdds) {
      throw new InvalidOptionError('transaction', transaction, `left out: the store "${handle.alias}" has none`);
    }
    try {
      await handle.target.addTask(task, { transaction });
    } catch (error) {
      if (!(error instanceof TaskConflictError) || !replaceExisting) throw error;
      await this.#replace(handle, task);
    }
    if (handle.pending && replaceExisting) this.#rememberReplace(handle.alias, task.id);
    if (!handle.pending) this.services.events.emit('task.added', { taskId: task.id, store: handle.alias });
    handle.wakeSelf();
    return this.#toTask(handle, task);
  }

  /** Hands the tasks that waited for the start to a store that was just opened. One with an id that is taken is reported. */
  async commitPending(handle: StoreHandle): Promise<void> {
    const replacing = this.#replaceAtStart.get(handle.alias) ?? new Set<string>();
    this.#replaceAtStart.delete(handle.alias);
    const tasks = handle.takePending();
    const conflicts = new Set(tasks.length > 0 ? await handle.store.addTasks(tasks) : []);
    for (const task of tasks) {
      const event = { taskId: task.id, store: handle.alias };
      if (conflicts.has(task.id) && !replacing.has(task.id)) {
        const error = new TaskConflictError(task.id, `the store "${handle.alias}"`);
        this.services.logger.error('A task that was added before the start was left out', error);
        this.services.events.emit('task.conflict', { ...event, error });
        continue;
      }
      if (conflicts.has(task.id)) await this.#replace(handle, task);
      this.services.events.emit('task.added', event);
    }
  }

  async #replace(handle: StoreHandle, task: TaskRecord): Promise<void> {
    const { committed, unreadable } = await handle.target.transact<null>({ ids: [task.id] }, (old) => ({
      // Runs under way belong to the task that was: they end under their tokens, and new ones get larger ones.
      task: {
        ...task,
        state: { ...task.state, createdAt: old.state.createdAt, live: old.state.live, lastToken: old.state.lastToken },
      },
      history: [],
      value: null,
    }));
    if (committed.length > 0) return this.#wake(handle, task);
    if (unreadable.length > 0) await handle.target.deleteTask(task.id);
    await handle.target.addTask(task);
  }

  async update(ref: TaskRef, changes: TaskChanges, target: TaskTarget = {}): Promise<Task> {
    const { task, handle } = await this.#change(ref, target, (old, now) =>
      this.services.builder.change(old, changes, now),
    );
    this.services.events.emit('task.modified', { taskId: task!.id, store: handle.alias });
    this.#wake(handle, task!);
    return this.#toTask(handle, task!);
  }

  reschedule(ref: TaskRef, trigger: TriggerInput, target: TaskTarget = {}): Promise<Task> {
    if (trigger === undefined) throw new InvalidOptionError('trigger', trigger, 'an object with a "type"');
    return this.update(ref, { trigger }, target);
  }

  async pause(ref: TaskRef, options: ControlOptions = {}): Promise<Task> {
    const request = requestOf(options);
    const { task, handle } = await this.#change(ref, options, (old, now) => {
      this.#refuseLifecycle(old, 'paused');
      if (old.state.pause) return null;
      return { ...old, state: { ...controlled(old.state, 'pause', now, request), pause: { at: now, ...request } } };
    });
    this.services.events.emit('task.paused', { taskId: task!.id, store: handle.alias, ...request });
    return this.#toTask(handle, task!);
  }

  /** @returns null when nothing was left to run and the task is gone. */
  async resume(ref: TaskRef, options: ControlOptions = {}): Promise<Task | null> {
    const request = requestOf(options);
    const { task, handle, id } = await this.#change(ref, options, (old, now) => {
      this.#refuseLifecycle(old, 'resumed');
      return old.state.pause ? this.#resumed(old, now, request) : null;
    });
    this.services.events.emit('task.resumed', { taskId: id, store: handle.alias, ...request });
    if (!task) {
      this.services.events.emit('task.removed', { taskId: id, store: handle.alias, reason: 'finished' });
      return null;
    }
    this.#wake(handle, task);
    return this.#toTask(handle, task);
  }

  /** The runs that were due during the pause are forgotten; a date that has passed meanwhile runs late, as its grace allows. */
  #resumed(old: TaskRecord, now: number, request: RunRequest): TaskRecord {
    const { nextRunTime } = old.state;
    const state = { ...controlled(old.state, 'resume', now, request), pause: null, failuresInARow: 0 };
    if (nextRunTime === null || nextRunTime > now) return { ...old, state };
    const next = this.services.builder.triggerOf(old).nextOccurrence(null, now, { taskId: old.id });
    return {
      ...old,
      state: {
        ...state,
        nextScheduledTime: next?.scheduledTime ?? null,
        nextRunTime: next?.runTime ?? null,
        exhausted: next === null,
      },
    };
  }

  /** A task that waits for a scheduler's start or stop has no time to pause. */
  #refuseLifecycle(task: TaskRecord, operation: string): void {
    const { advance, type } = this.services.builder.triggerOf(task);
    if (advance === 'startup' || advance === 'shutdown') {
      throw new InvalidTaskStateError(
        task.id,
        operation,
        `its trigger "${type}" follows the scheduler, not the time. Delete it instead.`,
      );
    }
  }

  async delete(ref: TaskRef, target: TaskTarget = {}): Promise<AnyTaskInfo> {
    const { id, store } = locate(ref, target);
    const { handle, task } = await this.services.stores.require(id, store);
    if (!(await handle.target.deleteTask(id))) throw new TaskNotFoundError(id, `the store "${handle.alias}"`);
    this.#replaceAtStart.get(handle.alias)?.delete(id);
    this.services.events.emit('task.removed', { taskId: id, store: handle.alias, reason: 'deleted' });
    return toTaskInfo(task, handle.alias, handle.pending, this.services.describe);
  }

  async removeAll(store?: string): Promise<number> {
    let total = 0;
    for (const handle of this.services.stores.select(store)) {
      // A store may keep records of its own among the tasks, which nobody has to know of.
      const { total: count } = await handle.target.query({}, { by: 'id', descending: false }, { offset: 0, limit: 0 });
      await handle.target.removeAllTasks();
      total += count;
      this.services.events.emit('tasks.removed', { store: handle.alias, count });
    }
    return total;
  }

  /** An extra run: schedule and pause stay as they are. Returns its id. */
  async run(ref: TaskRef, options: ControlOptions = {}): Promise<string> {
    if (!this.services.isRunning()) throw new SchedulerNotRunningError('runTask');
    const request = requestOf(options);
    let runId = '';
    const { task, handle } = await this.#change(ref, options, (old, now) => {
      const run = extraRun(old, 'manual', now, request);
      runId = run.id;
      return { ...old, state: { ...controlled(old.state, 'run', now, request), live: [...old.state.live, run] } };
    });
    this.#wake(handle, task!);
    return runId;
  }

  /** Runs for each time of a past range. Returns their ids. */
  async backfill(ref: TaskRef, options: BackfillOptions): Promise<readonly string[]> {
    if (!this.services.isRunning()) throw new SchedulerNotRunningError('backfill');
    rejectUnknownOptions('backfill', options, ['from', 'to', 'store', 'actor', 'reason']);
    const request = requestOf(options);
    const from = toInstant(options.from, 'from');
    const to = toInstant(options.to, 'to');
    let added: readonly string[] = [];
    const { task, handle } = await this.#change(ref, options, (old, now) => {
      const { added: runs, ...next } = backfill(old, this.services.builder.triggerOf(old), { from, to, now, request });
      added = runs.map(({ id }) => id);
      return next;
    });
    this.#wake(handle, task!);
    return added;
  }

  /** One step in the store; `change` gives null to leave the task as it is. */
  async #change(ref: TaskRef, target: TaskTarget, change: (task: TaskRecord, now: number) => TaskRecord | null) {
    const { id, store } = locate(ref, target);
    const { handle, task: stored } = await this.services.stores.require(id, store);
    if (isUnreadable(stored)) throw new TaskUnreadableError(id, stored.unreadable, stored.message);
    const apply: Apply<null> = (task, now) => {
      const next = change(task, now);
      return next && { task: isSpent(next) ? null : next, history: [], value: null };
    };
    const { committed, missing, unreadable, failed } = await handle.target.transact({ ids: [id] }, apply);
    if (missing.length > 0) throw new TaskNotFoundError(id, `the store "${handle.alias}"`);
    if (unreadable[0]) throw new TaskUnreadableError(id, unreadable[0].unreadable, unreadable[0].message);
    if (failed[0]) throw failed[0].error;
    const changed = committed[0];
    return { id, handle, task: changed ? changed.task : stored };
  }

  #rememberReplace(alias: string, id: string): void {
    const ids = this.#replaceAtStart.get(alias) ?? new Set<string>();
    this.#replaceAtStart.set(alias, ids.add(id));
  }

  #wake(handle: StoreHandle, task: TaskRecord): void {
    if (handle.pending) return;
    const due = dueTime(task.definition, task.state);
    if (due !== null) handle.wake(due);
  }

  #toTask(handle: StoreHandle, task: TaskRecord): Task {
    return new Task(this, toTaskInfo(task, handle.alias, handle.pending, this.services.describe) as TaskInfo);
  }
}

function locate(ref: TaskRef, target: TaskTarget): { id: string; store: string | undefined } {
  const { id, store } = typeof ref === 'string' ? { id: ref, store: undefined } : ref;
  if (typeof id !== 'string' || id === '' || id.startsWith(INTERNAL_PREFIX)) {
    throw new InvalidOptionError('task', ref, 'the id of a task, or a task');
  }
  return { id, store: target.store ?? store };
}
