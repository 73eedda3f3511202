import { randomBytes } from 'node:crypto';
import { InvalidOptionError } from '../../errors/input.errors.js';
import { TaskNotFoundError, TaskUnreadableError, VersionConflictError } from '../../errors/task.errors.js';
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
import type { AskedTask } from './asked.task.js';
import { checkCall } from './call.options.js';
import { CONTROL_OPTIONS, DELETE_OPTIONS, locate, requestOf } from './control.options.js';
import type { ControlOptions, DeleteOptions, TaskRef, TaskTarget, TransactionOptions } from './control.options.js';
import { hasSameInput } from './input.checks.js';
import type { InputChecks } from './input.checks.js';
import type { LifePhase } from './life.phase.js';
import type { PendingTasks } from './pending.tasks.js';
import type { StoreHandle } from './store.handle.js';
import type { StoreRegistry } from './store.registry.js';
import type { TaskAdding } from './task.adding.js';
import type { TaskBuilder } from './task.builder.js';
import { toTaskInfo } from './task.info.js';
import type { AnyTaskInfo, TaskInfo } from './task.info.js';
import { UPDATE_OPTIONS } from './task.options.js';
import type { TaskChanges, TimeInput, TriggerInput, UpdateOptions } from './task.options.js';
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

const BACKFILL_OPTIONS = namesOf<keyof BackfillOptions>({
  from: 0,
  to: 0,
  store: 0,
  actor: 0,
  reason: 0,
  transaction: 0,
});

/** How often a change is begun anew because somebody changed the handler or the arguments in the meantime. */
const ROUNDS = 10;

interface OperationServices {
  readonly stores: StoreRegistry;
  readonly builder: TaskBuilder;
  readonly triggers: TriggerCache;
  readonly events: EventDispatcher;
  readonly pending: PendingTasks;
  readonly adding: TaskAdding;
  readonly inputs: InputChecks;
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
  /** False in a transaction of the caller, which may still roll back. */
  readonly isCommitted: boolean;
}

/**
 * What can be done to tasks: the operations behind the methods of `Scheduler`. Every change is one step in the store, and is
 * refused whole or done whole.
 */
export class TaskOperations implements TaskActions {
  constructor(private readonly services: OperationServices) {}

  async add(options: AskedTask): Promise<Task> {
    const { handle, task } = await this.services.adding.add(options);
    return this.#toTask(handle, task);
  }

  async upsert(options: AskedTask): Promise<Task> {
    const { handle, task } = await this.services.adding.upsert(options);
    return this.#toTask(handle, task);
  }

  async update(ref: TaskRef, changes: TaskChanges, options: UpdateOptions = {}): Promise<Task> {
    checkCall('updateTask', options, UPDATE_OPTIONS);
    const changed = await this.#update(ref, changes, options);
    const { id, task, handle } = changed;
    this.services.events.emit('task.modified', { taskId: id, store: handle.alias });
    wakeFor(changed);
    return this.#toTask(handle, task!);
  }

  /** Where the schema of a handler has a say, the task is read, checked, and changed if it is still the same in that. */
  async #update(ref: TaskRef, changes: TaskChanges, options: UpdateOptions): Promise<Outcome<unknown>> {
    const { builder, inputs } = this.services;
    if (!inputs.concerns(changes)) {
      return this.#change(ref, options, (old, now) => updateTask(old, now, builder.update(old, changes, now)));
    }
    for (let round = 1; ; round += 1) {
      const { task: read, handle } = await this.#change(ref, options, () => null);
      const { definition: checked } = builder.update(read!, changes, handle.clock.now());
      await inputs.check(checked, { handle, transaction: options.transaction });
      const changed = await this.#change(ref, options, (old, now) => {
        const update = builder.update(old, changes, now);
        return hasSameInput(update.definition, checked) ? updateTask(old, now, update) : null;
      });
      if (changed.value !== null) return changed;
      if (round === ROUNDS) throw new VersionConflictError(read!.id, read!.version, changed.task?.version ?? 0);
    }
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
    const changed = await this.#change(ref, options, (old, now) =>
      resumeTask(old, now, this.services.builder.triggerOf(old), request),
    );
    const { id, task, value, handle } = changed;
    if (value) this.services.events.emit('task.resumed', { taskId: id, store: handle.alias, ...value });
    if (!task) {
      this.services.events.emit('task.removed', { taskId: id, store: handle.alias, reason: 'finished' });
      return null;
    }
    wakeFor(changed);
    return this.#toTask(handle, task);
  }

  async delete(ref: TaskRef, options: DeleteOptions = {}): Promise<AnyTaskInfo> {
    checkCall('deleteTask', options, DELETE_OPTIONS);
    if (options.transaction !== undefined) return this.#deleteWithin(ref, options);
    const { id, store } = locate(ref, options);
    const { handle, task } = await this.services.stores.require(id, store);
    if (!(await handle.activeStore.deleteTask(id))) throw new TaskNotFoundError(id, `the store "${handle.alias}"`);
    this.services.pending.forget(handle, id);
    this.services.events.emit('task.removed', { taskId: id, store: handle.alias, reason: 'deleted' });
    return toTaskInfo(task, handle, this.services.triggers);
  }

  async #deleteWithin(ref: TaskRef, options: DeleteOptions): Promise<AnyTaskInfo> {
    const { id, handle, value } = await this.#change(ref, options, (task) => ({ task: null, value: task }));
    this.services.events.emit('task.removed', { taskId: id, store: handle.alias, reason: 'deleted' });
    return toTaskInfo(value!, handle, this.services.triggers);
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
    const changed = await this.#change(ref, options, (old, now) => runTask(old, now, suffix, request));
    wakeFor(changed);
    return changed.value!;
  }

  async backfill(ref: TaskRef, options: BackfillOptions): Promise<readonly string[]> {
    this.services.phase.requireStarted('backfillTask');
    checkCall('backfillTask', options, BACKFILL_OPTIONS);
    const request = requestOf(options);
    const range = { from: toInstant(options.from, 'from'), to: toInstant(options.to, 'to') };
    const changed = await this.#change(ref, options, (old, now) =>
      backfillTask(old, now, this.services.builder.triggerOf(old), range, request),
    );
    wakeFor(changed);
    return changed.value!;
  }

  /**
   * One step in the store; a plan that gives null leaves the task as it is. In a transaction of the caller, nothing is read
   * outside of it: that would wait for its end.
   */
  async #change<T>(ref: TaskRef, options: TaskTarget & TransactionOptions, plan: Apply<T>): Promise<Outcome<T>> {
    const { id, store } = locate(ref, options);
    const { transaction } = options;
    const handle = transaction === undefined ? await this.#readableAt(id, store) : this.#openFor(store);
    return outcomeOf(id, handle, transaction, await handle.activeStore.transact({ ids: [id] }, plan, { transaction }));
  }

  async #readableAt(id: string, store: string | undefined): Promise<StoreHandle> {
    const { handle, task: stored } = await this.services.stores.require(id, store);
    if (isUnreadable(stored)) throw new TaskUnreadableError(id, stored.unreadable, stored.message);
    return handle;
  }

  #openFor(store = 'default'): StoreHandle {
    const handle = this.services.stores.get(store);
    handle.requireTransactions('transactionalChanges');
    return handle;
  }

  #toTask(handle: StoreHandle, task: TaskRecord): Task {
    return new Task(this, toTaskInfo(task, handle, this.services.triggers) as TaskInfo);
  }
}

/** @throws TaskNotFoundError, TaskUnreadableError, and what the plan has thrown. */
function outcomeOf<T>(id: string, handle: StoreHandle, transaction: unknown, done: Transacted<T>): Outcome<T> {
  const { committed, left, missing, unreadable, failed } = done;
  if (missing.length > 0) throw new TaskNotFoundError(id, `the store "${handle.alias}"`);
  if (unreadable[0]) throw new TaskUnreadableError(id, unreadable[0].unreadable, unreadable[0].message);
  if (failed[0]) throw failed[0].error;
  const isCommitted = transaction === undefined;
  const [changed] = committed;
  return changed
    ? { handle, isCommitted, ...changed }
    : { id, handle, isCommitted, task: left[0] ?? null, value: null };
}

/** Has schedulers look for a task that was changed. What is not committed yet is due for nobody; the store tells when it is. */
function wakeFor({ handle, task, isCommitted }: Outcome<unknown>): void {
  if (task && isCommitted) handle.wakeFor(task);
}
