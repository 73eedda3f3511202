import { randomBytes } from 'node:crypto';
import { InvalidOptionError } from '../../errors/input.errors.js';
import { TaskNotFoundError, TaskUnreadableError } from '../../errors/task.errors.js';
import { namesOf } from '../../model/names.js';
import type { EventDispatcher } from '../../events/event.dispatcher.js';
import type { Apply } from '../../model/change.js';
import { isUnreadable } from '../../model/task.js';
import type { TaskRecord } from '../../model/task.js';
import { toInstant } from '../../time/inputs.js';
import type { Transacted } from '../../stores/store.interface.js';
import type { TriggerCache } from '../../triggers/trigger.cache.js';
import { backfillTask } from '../plan/backfill.plan.js';
import { runTask } from '../plan/extra.run.js';
import { pauseTask, resumeTask } from '../plan/pause.plan.js';
import { updateTask } from '../plan/update.plan.js';
import { checkCall } from './call.options.js';
import { CONTROL_OPTIONS, locate, requestOf, TARGET_OPTIONS } from './control.options.js';
import type { ControlOptions, TaskRef, TaskTarget } from './control.options.js';
import type { LifePhase } from './life.phase.js';
import type { PendingTasks } from './pending.tasks.js';
import type { StoreHandle } from './store.handle.js';
import type { StoreRegistry } from './store.registry.js';
import type { TaskAdding } from './task.adding.js';
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
  readonly pending: PendingTasks;
  readonly adding: TaskAdding;
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
  constructor(private readonly services: OperationServices) {}

  async add(options: TaskSpec): Promise<Task> {
    const { handle, task } = await this.services.adding.add(options);
    return this.#toTask(handle, task);
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
    if (transaction === undefined) handle.wakeFor(task!);
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
    handle.wakeFor(task);
    return this.#toTask(handle, task);
  }

  async delete(ref: TaskRef, target: TaskTarget = {}): Promise<AnyTaskInfo> {
    checkCall('deleteTask', target, TARGET_OPTIONS);
    const { id, store } = locate(ref, target);
    const { handle, task } = await this.services.stores.require(id, store);
    if (!(await handle.activeStore.deleteTask(id))) throw new TaskNotFoundError(id, `the store "${handle.alias}"`);
    this.services.pending.forget(handle, id);
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
    if (task) handle.wakeFor(task);
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
    if (task) handle.wakeFor(task);
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
    handle.requireTransactions('transactionalChanges');
    return outcomeOf(id, handle, await handle.activeStore.transact({ ids: [id] }, plan, { transaction }));
  }

  #toTask(handle: StoreHandle, task: TaskRecord): Task {
    return new Task(this, toTaskInfo(task, handle, this.services.triggers) as TaskInfo);
  }
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
