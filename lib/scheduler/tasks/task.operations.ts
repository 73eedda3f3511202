import { randomBytes } from 'node:crypto';
import { InvalidOptionError } from '../../errors/input.errors.js';
import { TaskNotFoundError, TaskUnreadableError, VersionConflictError } from '../../errors/task.errors.js';
import { namesOf } from '../../model/names.js';
import type { EventDispatcher } from '../../events/event.dispatcher.js';
import type { Attribution } from '../../model/attribution.js';
import type { Apply } from '../../model/change.js';
import { isUnreadable } from '../../model/task.js';
import type { TaskRecord } from '../../model/task.js';
import type { Observation } from '../../observe/meter/observation.js';
import { toInstant } from '../../time/inputs.js';
import { deleteJournaled, removeAllJournaled, transactJournaled } from '../../stores/journaled.js';
import type { TriggerCache } from '../../triggers/trigger.cache.js';
import { backfillTask } from '../plan/backfill.plan.js';
import type { RunAsk } from '../plan/extra.run.js';
import { pauseTask, resumeTask } from '../plan/pause.plan.js';
import type { PauseRequest } from '../plan/pause.plan.js';
import type { JournalNotes } from '../plan/journal.notes.js';
import { updateTask } from '../plan/update.plan.js';
import type { AskedTask } from './asked.task.js';
import { checkCall } from './call.options.js';
import { atVersion } from './expected.version.js';
import { ACTOR_OPTIONS, CHANGE_TASK_OPTIONS, locate, requestOf } from './control.options.js';
import type {
  ActorOptions,
  ChangeOptions,
  DeleteOptions,
  TaskRef,
  TaskTarget,
  TransactionOptions,
  VersionOptions,
} from './control.options.js';
import { hasSameInput } from './input.checks.js';
import type { InputChecks } from './input.checks.js';
import type { LifePhase } from './life.phase.js';
import { PAUSE_OPTIONS, pauseRequestOf } from './pause.request.js';
import type { PauseOptions } from './pause.request.js';
import type { PendingTasks } from './pending.tasks.js';
import { askedRuns, RunRequests } from './run.requests.js';
import type { StoreHandle } from './store.handle.js';
import type { StoreRegistry } from './store.registry.js';
import type { Added } from './adding.parts.js';
import type { TaskAdding } from './task.adding.js';
import { outcomeOf, wakeFor } from './task.outcome.js';
import type { Outcome } from './task.outcome.js';
import type { TaskBuilder } from './task.builder.js';
import { tracedAdd } from './traced.add.js';
import { toTaskInfo } from './task.info.js';
import type { AnyTaskInfo, TaskInfo } from './task.info.js';
import type { TaskChanges, TimeInput, TriggerInput, UpdateOptions } from './task.options.js';
import { Task } from './task.js';
import type { TaskActions } from './task.js';

/**
 * Options of `backfillTask`: the range of times, the store, who asks, and why.
 *
 * @publicApi
 */
export interface BackfillOptions extends ChangeOptions {
  /** The earliest time to run for. */
  readonly from: TimeInput;
  /** The latest time to run for; not in the future. */
  readonly to: TimeInput;
}

const BACKFILL_OPTIONS = [
  ...CHANGE_TASK_OPTIONS,
  ...namesOf<Exclude<keyof BackfillOptions, keyof ChangeOptions>>({ from: 0, to: 0 }),
];

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
  readonly notes: JournalNotes;
  readonly observation: Pick<Observation, 'tracing'>;
}

/**
 * What can be done to tasks: the operations behind the methods of `Scheduler`. Every change is one step in the store, and is
 * refused whole or done whole.
 */
export class TaskOperations implements TaskActions {
  readonly #requests = new RunRequests();

  constructor(private readonly services: OperationServices) {}

  async add(options: AskedTask): Promise<Task> {
    const { handle, task } = await this.#traced('addTask', options, () => this.services.adding.add(options));
    return this.#toTask(handle, task);
  }

  async upsert(options: AskedTask): Promise<Task> {
    const { handle, task } = await this.#traced('upsertTask', options, () => this.services.adding.upsert(options));
    return this.#toTask(handle, task);
  }

  /** Adds within a span, where somebody traces. What is given was not checked yet. */
  #traced(operation: 'addTask' | 'upsertTask', given: AskedTask, work: () => Promise<Added>): Promise<Added> {
    const { tracing } = this.services.observation;
    return tracing === null ? work() : tracing.add(tracedAdd(operation, [given]), work, ({ task }) => task.id);
  }

  async update(ref: TaskRef, changes: TaskChanges, options: UpdateOptions = {}): Promise<Task> {
    checkCall('updateTask', options, CHANGE_TASK_OPTIONS);
    return this.#updateAs('task.updated', ref, changes, options);
  }

  async #updateAs(
    kind: 'task.updated' | 'task.rescheduled',
    ref: TaskRef,
    changes: TaskChanges,
    options: UpdateOptions,
  ): Promise<Task> {
    const changed = await this.#update(kind, ref, changes, options);
    const { id, task, handle } = changed;
    this.services.events.emit('task.modified', { taskId: id, store: handle.alias });
    wakeFor(changed);
    return this.#toTask(handle, task!);
  }

  /** Where the schema of a handler has a say, the task is read, checked, and changed if it is still the same in that. */
  async #update(
    kind: 'task.updated' | 'task.rescheduled',
    ref: TaskRef,
    changes: TaskChanges,
    options: UpdateOptions,
  ): Promise<Outcome<unknown>> {
    const { builder, inputs, notes } = this.services;
    const request = requestOf(options);
    const noted = <T>(plan: Apply<T>) => notes.noted(kind, request, plan);
    if (!inputs.concerns(changes)) {
      const plan = noted((old, now) => updateTask(old, now, builder.update(old, changes, now)));
      return this.#change(ref, options, plan);
    }
    for (let round = 1; ; round += 1) {
      const { task: read, handle } = await this.#change(ref, options, () => null);
      const { definition: checked } = builder.update(read!, changes, handle.clock.now());
      await inputs.check(checked, { handle, transaction: options.transaction });
      const plan: Apply<true> = (old, now) => {
        const update = builder.update(old, changes, now);
        return hasSameInput(update.definition, checked) ? updateTask(old, now, update) : null;
      };
      const changed = await this.#change(ref, options, noted(plan));
      if (changed.value !== null) return changed;
      if (round === ROUNDS) throw new VersionConflictError(read!.id, read!.version, changed.task?.version ?? 0);
    }
  }

  async reschedule(ref: TaskRef, trigger: TriggerInput, options: UpdateOptions = {}): Promise<Task> {
    checkCall('rescheduleTask', options, CHANGE_TASK_OPTIONS);
    if (trigger === undefined) throw new InvalidOptionError('trigger', trigger, 'an object with a "type"');
    return this.#updateAs('task.rescheduled', ref, { trigger }, options);
  }

  async pause(ref: TaskRef, options: PauseOptions = {}): Promise<Task> {
    checkCall('pauseTask', options, PAUSE_OPTIONS);
    const request = pauseRequestOf(options);
    const plan: Apply<PauseRequest> = (old, now) => pauseTask(old, now, this.services.builder.triggerOf(old), request);
    const noted = this.services.notes.noted('task.paused', request, plan);
    const changed = await this.#change(ref, options, noted);
    const { id, task, value, handle } = changed;
    if (value) {
      const { actor, reason, until } = value;
      this.services.events.emit('task.paused', { taskId: id, store: handle.alias, actor, reason });
      if (until !== undefined) wakeFor(changed);
    }
    return this.#toTask(handle, task!);
  }

  async resume(ref: TaskRef, options: ChangeOptions = {}): Promise<Task | null> {
    checkCall('resumeTask', options, CHANGE_TASK_OPTIONS);
    const request = requestOf(options);
    const plan: Apply<Attribution> = (old, now) => resumeTask(old, now, this.services.builder.triggerOf(old), request);
    const changed = await this.#change(ref, options, this.services.notes.noted('task.resumed', request, plan));
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
    checkCall('deleteTask', options, CHANGE_TASK_OPTIONS);
    const { transaction, expectedVersion } = options;
    if (transaction !== undefined || expectedVersion !== undefined) return this.#deleteReadable(ref, options);
    const { id, store } = locate(ref, options);
    const request = requestOf(options);
    const { handle, task } = await this.services.stores.require(id, store);
    const read = isUnreadable(task) ? null : task;
    const journal = [this.services.notes.deleted(id, read, handle.clock.now(), request)];
    if (!(await deleteJournaled(handle.activeStore, id, { journal })))
      throw new TaskNotFoundError(id, `the store "${handle.alias}"`);
    this.services.pending.forget(handle, id);
    this.services.events.emit('task.removed', { taskId: id, store: handle.alias, reason: 'deleted' });
    return toTaskInfo(task, handle, this.services.triggers);
  }

  async #deleteReadable(ref: TaskRef, options: DeleteOptions): Promise<AnyTaskInfo> {
    const plan: Apply<TaskRecord> = (task) => ({ task: null, value: task });
    const noted = this.services.notes.noted('task.deleted', requestOf(options), plan);
    const { id, handle, value } = await this.#change(ref, options, noted);
    if (options.transaction === undefined) this.services.pending.forget(handle, id);
    this.services.events.emit('task.removed', { taskId: id, store: handle.alias, reason: 'deleted' });
    return toTaskInfo(value!, handle, this.services.triggers);
  }

  async removeAll(store?: string, options: ActorOptions = {}): Promise<number> {
    checkCall('removeAllTasks', options, ACTOR_OPTIONS);
    const request = requestOf(options);
    let total = 0;
    for (const handle of this.services.stores.select(store)) {
      // A store may keep records of its own among the tasks, which nobody has to know of.
      const { total: count } = await handle.activeStore.query(
        {},
        { by: 'id', descending: false },
        { offset: 0, limit: 0 },
      );
      const fields = { ...request, details: { count } };
      const entry = this.services.notes.entry('tasks.removed', handle.clock.now(), fields);
      await removeAllJournaled(handle.activeStore, { journal: [entry] });
      total += count;
      this.services.events.emit('tasks.removed', { store: handle.alias, count });
    }
    return total;
  }

  async run(ref: TaskRef, options: ChangeOptions = {}): Promise<string> {
    this.services.phase.requireStarted('runTask');
    checkCall('runTask', options, CHANGE_TASK_OPTIONS);
    const ask = { suffix: randomBytes(4).toString('hex'), request: requestOf(options) };
    const addRuns = async (asks: readonly RunAsk[]) => {
      const changed = await this.#change(ref, options, askedRuns(this.services.notes, asks));
      wakeFor(changed);
      return changed.value!;
    };
    // What stands and falls with something else is not put together with what others ask for.
    const isAlone = options.transaction !== undefined || options.expectedVersion !== undefined;
    if (isAlone) return (await addRuns([ask]))[0]!;
    const { id, store } = locate(ref, options);
    return this.#requests.add(JSON.stringify([id, store]), ask, addRuns);
  }

  async backfill(ref: TaskRef, options: BackfillOptions): Promise<readonly string[]> {
    this.services.phase.requireStarted('backfillTask');
    checkCall('backfillTask', options, BACKFILL_OPTIONS);
    const request = requestOf(options);
    const range = { from: toInstant(options.from, 'from'), to: toInstant(options.to, 'to') };
    const plan: Apply<readonly string[]> = (old, now) =>
      backfillTask(old, now, this.services.builder.triggerOf(old), range, request);
    const details = { from: new Date(range.from), to: new Date(range.to) };
    const noted = this.services.notes.noted('task.backfilled', request, plan, ({ length: runs }) => ({
      ...details,
      runs,
    }));
    const changed = await this.#change(ref, options, noted);
    wakeFor(changed);
    return changed.value!;
  }

  /**
   * One step in the store; a plan that gives null leaves the task as it is. In a transaction of the caller, nothing is read
   * outside of it: that would wait for its end.
   */
  async #change<T>(
    ref: TaskRef,
    options: TaskTarget & VersionOptions & TransactionOptions,
    plan: Apply<T>,
  ): Promise<Outcome<T>> {
    const { id, store } = locate(ref, options);
    const { transaction, expectedVersion } = options;
    const apply = expectedVersion === undefined ? plan : atVersion(expectedVersion, plan);
    const handle = transaction === undefined ? await this.#readableAt(id, store) : this.#openFor(store);
    return outcomeOf(
      id,
      handle,
      transaction,
      await transactJournaled(handle.activeStore, { ids: [id] }, apply, { transaction }),
    );
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
