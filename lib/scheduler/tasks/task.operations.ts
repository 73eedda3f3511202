import { randomBytes } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { InvalidOptionError } from '../../errors/input.errors.js';
import { SchedulerNotRunningError } from '../../errors/scheduler.errors.js';
import { TaskConflictError, TaskNotFoundError, TaskUnreadableError } from '../../errors/task.errors.js';
import { namesOf } from '../../model/names.js';
import type { EventDispatcher } from '../../events/event.dispatcher.js';
import type { Apply } from '../../model/change.js';
import type { Logger } from '../../model/logger.js';
import { dueTime, isUnreadable } from '../../model/task.js';
import type { TaskRecord } from '../../model/task.js';
import { toInstant } from '../../time/inputs.js';
import type { Transacted } from '../../stores/store.interface.js';
import type { TriggerCache } from '../../triggers/trigger.cache.js';
import { backfillTask } from '../plan/backfill.plan.js';
import { runTask } from '../plan/extra.run.js';
import { pauseTask, resumeTask } from '../plan/pause.plan.js';
import { replaceTask } from '../plan/replace.plan.js';
import { updateTask } from '../plan/update.plan.js';
import { checkCall } from './call.options.js';
import { CONTROL_OPTIONS, locate, requestOf, TARGET_OPTIONS } from './control.options.js';
import type { ControlOptions, TaskRef, TaskTarget } from './control.options.js';
import type { LifePhase } from './life.phase.js';
import type { Deadline } from '../../time/deadline.js';
import type { StoreHandle } from './store.handle.js';
import type { StoreRegistry } from './store.registry.js';
import type { TaskBuilder } from './task.builder.js';
import { toTaskInfo } from './task.info.js';
import type { AnyTaskInfo, TaskInfo } from './task.info.js';
import { UPDATE_OPTIONS } from './task.options.js';
import type { TaskChanges, TaskSpec, TimeInput, TriggerInput, UpdateOptions } from './task.options.js';
import { Task } from './task.js';
import type { TaskActions } from './task.js';

/**
 * Options of `backfillTask`: the range of times, the store, who asks, and why.
 *
 * @publicApi
 */
export interface BackfillOptions extends ControlOptions {
  /** The earliest time to run for. */
  readonly from: TimeInput;
  /** The latest time to run for; not in the future. */
  readonly to: TimeInput;
}

const BACKFILL_OPTIONS = namesOf<keyof BackfillOptions>({ from: 0, to: 0, store: 0, actor: 0, reason: 0 });

interface OperationServices {
  readonly stores: StoreRegistry;
  readonly builder: TaskBuilder;
  readonly triggers: TriggerCache;
  readonly events: EventDispatcher;
  readonly logger: Logger;
  readonly phase: LifePhase;
}

/** A change of one task that is in its store. */
interface Outcome<T> {
  readonly id: string;
  readonly handle: StoreHandle;
  /** The task as it is now; null when it was deleted because it has nothing left to run. */
  readonly task: TaskRecord | null;
  /** What the plan gave; null when it left the task as it was. */
  readonly value: T | null;
}

/**
 * What can be done to tasks: the operations behind the methods of `Scheduler`. Every change is one step in the store, and is
 * refused whole or done whole.
 */
export class TaskOperations implements TaskActions {
  /** The ids that were added with `replaceExisting` and wait for the start, by store. */
  readonly #replaceAtStart = new Map<string, Set<string>>();

  constructor(private readonly services: OperationServices) {}

  async add(options: TaskSpec): Promise<Task> {
    const handle = this.services.stores.get(options?.store ?? 'default');
    // The store is closed, and what waited in memory now might wait for a start that never comes.
    if (handle.pending && this.services.phase.name === 'stopping') throw new SchedulerNotRunningError('addTask');
    const task = this.services.builder.build(options, handle.clock.now());
    const { replaceExisting = false, transaction } = options;
    if (typeof replaceExisting !== 'boolean') {
      throw new InvalidOptionError('replaceExisting', replaceExisting, 'true or false');
    }
    if (transaction !== undefined) requireTransactions(handle, 'transactionalAdds');
    try {
      await handle.activeStore.addTask(task, { transaction });
    } catch (error) {
      if (!(error instanceof TaskConflictError) || !replaceExisting) throw error;
      await this.#replace(handle, task);
    }
    if (handle.pending && replaceExisting) this.#rememberReplace(handle.alias, task.id);
    if (!handle.pending) this.services.events.emit('task.added', { taskId: task.id, store: handle.alias });
    handle.wakeSelf();
    return this.#toTask(handle, task);
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
    const left = new Set(tasks);
    try {
      const added = async () => (tasks.length > 0 ? handle.store.addTasks(tasks) : []);
      const conflicts = new Set(await handle.inTime(deadline, added()));
      for (const task of tasks) {
        const isTaken = conflicts.has(task.id);
        const isConflict = isTaken && !(await handle.inTime(deadline, isThere(handle, task)));
        await handle.inTime(deadline, this.#committed(handle, task, isConflict, replacing.has(task.id)));
        left.delete(task);
      }
    } catch (error) {
      handle.keepPending([...left]);
      for (const { id } of left) if (replacing.has(id)) this.#rememberReplace(handle.alias, id);
      throw error;
    }
  }

  async #committed(handle: StoreHandle, task: TaskRecord, isConflict: boolean, replaces: boolean): Promise<void> {
    const event = { taskId: task.id, store: handle.alias };
    if (isConflict && !replaces) {
      const error = new TaskConflictError(task.id, `the store "${handle.alias}"`);
      this.services.logger.error('A task that was added before the start was left out', error);
      this.services.events.emit('task.conflict', { ...event, error });
      return;
    }
    if (isConflict) await this.#replace(handle, task);
    this.services.events.emit('task.added', event);
  }

  async #replace(handle: StoreHandle, task: TaskRecord): Promise<void> {
    const { committed, unreadable } = await handle.activeStore.transact({ ids: [task.id] }, (old) =>
      replaceTask(old, task),
    );
    if (committed[0]) return this.#wake(handle, committed[0].task);
    if (unreadable.length > 0) await handle.activeStore.deleteTask(task.id);
    await handle.activeStore.addTask(task);
  }

  async update(ref: TaskRef, changes: TaskChanges, options: UpdateOptions = {}): Promise<Task> {
    checkCall('updateTask', options, UPDATE_OPTIONS);
    const plan: Apply<unknown> = (old, now) => updateTask(old, now, this.services.builder.update(old, changes, now));
    const { transaction } = options;
    const { id, task, handle } =
      transaction === undefined
        ? await this.#change(ref, options, plan)
        : await this.#changeWithin(transaction, ref, options, plan);
    this.services.events.emit('task.modified', { taskId: id, store: handle.alias });
    // What is not committed yet is due for nobody; the store tells when it is.
    if (transaction === undefined) this.#wake(handle, task);
    return this.#toTask(handle, task!);
  }

  async reschedule(ref: TaskRef, trigger: TriggerInput, options: UpdateOptions = {}): Promise<Task> {
    checkCall('rescheduleTask', options, UPDATE_OPTIONS);
    if (trigger === undefined) throw new InvalidOptionError('trigger', trigger, 'an object with a "type"');
    return this.update(ref, { trigger }, options);
  }

  async pause(ref: TaskRef, options: ControlOptions = {}): Promise<Task> {
    checkCall('pauseTask', options, CONTROL_OPTIONS);
    const request = requestOf(options);
    const { id, task, value, handle } = await this.#change(ref, options, (old, now) =>
      pauseTask(old, now, this.services.builder.triggerOf(old), request),
    );
    if (value) this.services.events.emit('task.paused', { taskId: id, store: handle.alias, ...value });
    return this.#toTask(handle, task!);
  }

  async resume(ref: TaskRef, options: ControlOptions = {}): Promise<Task | null> {
    checkCall('resumeTask', options, CONTROL_OPTIONS);
    const request = requestOf(options);
    const { id, task, value, handle } = await this.#change(ref, options, (old, now) =>
      resumeTask(old, now, this.services.builder.triggerOf(old), request),
    );
    if (value) this.services.events.emit('task.resumed', { taskId: id, store: handle.alias, ...value });
    if (!task) {
      this.services.events.emit('task.removed', { taskId: id, store: handle.alias, reason: 'finished' });
      return null;
    }
    this.#wake(handle, task);
    return this.#toTask(handle, task);
  }

  async delete(ref: TaskRef, target: TaskTarget = {}): Promise<AnyTaskInfo> {
    checkCall('deleteTask', target, TARGET_OPTIONS);
    const { id, store } = locate(ref, target);
    const { handle, task } = await this.services.stores.require(id, store);
    if (!(await handle.activeStore.deleteTask(id))) throw new TaskNotFoundError(id, `the store "${handle.alias}"`);
    this.#replaceAtStart.get(handle.alias)?.delete(id);
    this.services.events.emit('task.removed', { taskId: id, store: handle.alias, reason: 'deleted' });
    return toTaskInfo(task, handle, this.services.triggers);
  }

  async removeAll(store?: string): Promise<number> {
    let total = 0;
    for (const handle of this.services.stores.select(store)) {
      // A store may keep records of its own among the tasks, which nobody has to know of.
      const { total: count } = await handle.activeStore.query(
        {},
        { by: 'id', descending: false },
        { offset: 0, limit: 0 },
      );
      await handle.activeStore.removeAllTasks();
      total += count;
      this.services.events.emit('tasks.removed', { store: handle.alias, count });
    }
    return total;
  }

  async run(ref: TaskRef, options: ControlOptions = {}): Promise<string> {
    this.services.phase.requireStarted('runTask');
    checkCall('runTask', options, CONTROL_OPTIONS);
    const request = requestOf(options);
    const suffix = randomBytes(4).toString('hex');
    const { task, value, handle } = await this.#change(ref, options, (old, now) => runTask(old, now, suffix, request));
    this.#wake(handle, task);
    return value!;
  }

  async backfill(ref: TaskRef, options: BackfillOptions): Promise<readonly string[]> {
    this.services.phase.requireStarted('backfillTask');
    checkCall('backfillTask', options, BACKFILL_OPTIONS);
    const request = requestOf(options);
    const range = { from: toInstant(options.from, 'from'), to: toInstant(options.to, 'to') };
    const { task, value, handle } = await this.#change(ref, options, (old, now) =>
      backfillTask(old, now, this.services.builder.triggerOf(old), range, request),
    );
    this.#wake(handle, task);
    return value!;
  }

  /** One step in the store; a plan that gives null leaves the task as it is. */
  async #change<T>(ref: TaskRef, target: TaskTarget, plan: Apply<T>): Promise<Outcome<T>> {
    const { id, store } = locate(ref, target);
    const { handle, task: stored } = await this.services.stores.require(id, store);
    if (isUnreadable(stored)) throw new TaskUnreadableError(id, stored.unreadable, stored.message);
    return outcomeOf(id, handle, await handle.activeStore.transact({ ids: [id] }, plan));
  }

  /** The same in a transaction of the caller, outside of which nothing is read: that would wait for its end. */
  async #changeWithin<T>(transaction: unknown, ref: TaskRef, target: TaskTarget, plan: Apply<T>): Promise<Outcome<T>> {
    const { id, store = 'default' } = locate(ref, target);
    const handle = this.services.stores.get(store);
    requireTransactions(handle, 'transactionalChanges');
    return outcomeOf(id, handle, await handle.activeStore.transact({ ids: [id] }, plan, { transaction }));
  }

  #rememberReplace(alias: string, id: string): void {
    const ids = this.#replaceAtStart.get(alias) ?? new Set<string>();
    this.#replaceAtStart.set(alias, ids.add(id));
  }

  #wake(handle: StoreHandle, task: TaskRecord | null): void {
    if (handle.pending || !task) return;
    // Under its lease the task is due for nobody.
    if (task.state.lease) void handle.loop?.writeClaim(task.id);
    const due = dueTime(task.definition, task.state);
    if (due !== null) handle.wake(due);
  }

  #toTask(handle: StoreHandle, task: TaskRecord): Task {
    return new Task(this, toTaskInfo(task, handle, this.services.triggers) as TaskInfo);
  }
}

/** Whether what the store has under the id is this very task: it was written by a start that failed. */
async function isThere({ store }: StoreHandle, { id, definition, state }: TaskRecord): Promise<boolean> {
  const stored = await store.lookupTask(id);
  if (stored === null || isUnreadable(stored)) return false;
  return stored.state.createdAt === state.createdAt && isDeepStrictEqual(stored.definition, definition);
}

/** @throws TaskNotFoundError, TaskUnreadableError, and what the plan has thrown. */
function outcomeOf<T>(id: string, handle: StoreHandle, done: Transacted<T>): Outcome<T> {
  const { committed, left, missing, unreadable, failed } = done;
  if (missing.length > 0) throw new TaskNotFoundError(id, `the store "${handle.alias}"`);
  if (unreadable[0]) throw new TaskUnreadableError(id, unreadable[0].unreadable, unreadable[0].message);
  if (failed[0]) throw failed[0].error;
  const [changed] = committed;
  return changed ? { handle, ...changed } : { id, handle, task: left[0] ?? null, value: null };
}

/** @throws InvalidOptionError When the store has no transactions of the caller for that, or was not started. */
function requireTransactions(
  { alias, activeStore }: StoreHandle,
  kind: 'transactionalAdds' | 'transactionalChanges',
): void {
  if (!activeStore.capabilities[kind]) {
    throw new InvalidOptionError('transaction', 'given', `left out: the store "${alias}" has none for this (${kind})`);
  }
}
