import { fromJsonValue } from '../client/json.value.js';
import type {
  AddTasksInput,
  BackfillInput,
  BulkInput,
  CallOptions,
  ChangeInput,
  PauseInput,
  PauseManyInput,
  RescheduleInput,
  RunTaskInput,
  TaskChangesInput,
  TaskDefinitionInput,
  TaskFilterInput,
} from '../client/operation.inputs.js';
import type { BulkCount, RunTaskResult } from '../client/operation.results.js';
import type { Serialized } from '../client/serialized.js';
import { InvalidOptionError, UnknownNameError } from '../errors/input.errors.js';
import { checkFlag } from '../errors/option.checks.js';
import type { AddTasksResult } from '../scheduler/tasks/adding.options.js';
import type { BulkResult } from '../scheduler/tasks/bulk.operations.js';
import { FILTER_OPTIONS } from '../scheduler/tasks/task.filter.js';
import type { AnyTaskInfo, TaskInfo } from '../scheduler/tasks/task.info.js';
import type { TriggerInput } from '../scheduler/tasks/task.options.js';
import { checkInput, given } from './operations.base.js';
import { serializeTask } from './serialize.js';
import { TaskReads } from './task.reads.js';

/** How many tasks are added at once. */
const MOST_ADDED = 1_000;

const CHANGE = ['id', 'store', 'reason', 'expectedVersion'];
const BULK = ['filter', 'reason', 'dryRun'];

/** The operations that change tasks. */
export abstract class TaskWrites extends TaskReads {
  async addTask(input: TaskDefinitionInput, _options?: CallOptions): Promise<Serialized<TaskInfo>> {
    const options = await this.#definition('addTask', input);
    return infoOf(await this.scheduler.addTask(options));
  }

  async addTasks(input: AddTasksInput, _options?: CallOptions): Promise<AddTasksResult> {
    const { tasks } = checkInput('addTasks', input, ['tasks']);
    if (!Array.isArray(tasks) || tasks.length > MOST_ADDED)
      throw new InvalidOptionError('tasks', tasks, `a list of at most ${MOST_ADDED} tasks`);
    const definitions: TaskDefinitionInput[] = [];
    for (const task of tasks as readonly TaskDefinitionInput[]) {
      definitions.push(await this.#definition('addTasks', task));
    }
    return this.scheduler.addTasks(definitions);
  }

  async upsertTask(
    input: TaskDefinitionInput & { readonly id: string },
    _options?: CallOptions,
  ): Promise<Serialized<TaskInfo>> {
    const options = await this.#definition('upsertTask', input);
    return infoOf(await this.scheduler.upsertTask(options));
  }

  async updateTask(input: TaskChangesInput, _options?: CallOptions): Promise<Serialized<TaskInfo>> {
    const { id, store, reason, expectedVersion, ...changes } = checkObject('updateTask', input);
    const options = { ...given('store', store), ...given('expectedVersion', expectedVersion), ...this.asked(reason) };
    const read = await this.#definition('updateTask', changes);
    return infoOf(await this.scheduler.updateTask(id, read, options));
  }

  async rescheduleTask(input: RescheduleInput, _options?: CallOptions): Promise<Serialized<TaskInfo>> {
    const { id, trigger, ...rest } = checkInput('rescheduleTask', input, [...CHANGE, 'trigger']);
    return infoOf(await this.scheduler.rescheduleTask(id, trigger as unknown as TriggerInput, this.#change(rest)));
  }

  async pauseTask(input: PauseInput, _options?: CallOptions): Promise<Serialized<TaskInfo>> {
    const { id, until, ...rest } = checkInput('pauseTask', input, [...CHANGE, 'until']);
    return infoOf(await this.scheduler.pauseTask(id, { ...this.#change(rest), ...given('until', until) }));
  }

  async resumeTask(input: ChangeInput, _options?: CallOptions): Promise<Serialized<TaskInfo> | null> {
    const { id, ...rest } = checkInput('resumeTask', input, CHANGE);
    const task = await this.scheduler.resumeTask(id, this.#change(rest));
    return task && infoOf(task);
  }

  async runTask(input: RunTaskInput, { signal }: CallOptions = {}): Promise<RunTaskResult> {
    const { id, wait = false, timeout, ...rest } = checkInput('runTask', input, [...CHANGE, 'wait', 'timeout']);
    checkFlag('wait', wait);
    const waiting = wait ? this.waitOf(timeout) : {};
    const runId = await this.scheduler.runTask(id, this.#change(rest));
    if (!wait) return { runId, run: null };
    const run = await this.endOf(runId, { ...given('store', rest.store), ...waiting, ...given('signal', signal) });
    return { runId, run };
  }

  async backfillTask(input: BackfillInput, _options?: CallOptions): Promise<readonly string[]> {
    const { id, from, to, ...rest } = checkInput('backfillTask', input, [...CHANGE, 'from', 'to']);
    return this.scheduler.backfillTask(id, { ...this.#change(rest), from, to });
  }

  async deleteTask(input: ChangeInput, _options?: CallOptions): Promise<Serialized<AnyTaskInfo>> {
    const { id, ...rest } = checkInput('deleteTask', input, CHANGE);
    return serializeTask(await this.scheduler.deleteTask(id, this.#change(rest)));
  }

  async pauseTasks(input: PauseManyInput, _options?: CallOptions): Promise<BulkResult | BulkCount> {
    const { until, reason, ...rest } = checkInput('pauseTasks', input, [...BULK, 'until']);
    return this.#many(rest, (filter) =>
      this.scheduler.pauseTasks(filter, { ...this.asked(reason), ...given('until', until) }),
    );
  }

  async resumeTasks(input: BulkInput, _options?: CallOptions): Promise<BulkResult | BulkCount> {
    const { reason, ...rest } = checkInput('resumeTasks', input, BULK);
    return this.#many(rest, (filter) => this.scheduler.resumeTasks(filter, this.asked(reason)));
  }

  async runTasks(input: BulkInput, _options?: CallOptions): Promise<BulkResult | BulkCount> {
    const { reason, ...rest } = checkInput('runTasks', input, BULK);
    return this.#many(rest, (filter) => this.scheduler.runTasks(filter, this.asked(reason)));
  }

  async deleteTasks(input: BulkInput, _options?: CallOptions): Promise<BulkResult | BulkCount> {
    const { reason, ...rest } = checkInput('deleteTasks', input, BULK);
    return this.#many(rest, (filter) => this.scheduler.deleteTasks(filter, this.asked(reason)));
  }

  /** What everyone changes by mistake, an operation on many does not: a filter without a condition is refused. */
  async #many(
    { filter, dryRun = false }: Pick<BulkInput, 'filter' | 'dryRun'>,
    change: (filter: TaskFilterInput) => Promise<BulkResult>,
  ): Promise<BulkResult | BulkCount> {
    checkInput('filter', filter, FILTER_OPTIONS);
    if (Object.values(filter).every((condition) => condition === undefined))
      throw new InvalidOptionError('filter', filter, 'at least one condition');
    return checkFlag('dryRun', dryRun) ? this.countTasks(filter) : change(filter);
  }

  #change({ store, reason, expectedVersion }: Omit<ChangeInput, 'id'>) {
    return { ...given('store', store), ...given('expectedVersion', expectedVersion), ...this.asked(reason) };
  }

  /** Reads marks in the arguments, and refuses handlers that nobody has. */
  async #definition<T extends Partial<TaskDefinitionInput> | Omit<TaskChangesInput, 'id'>>(
    call: string,
    input: T,
  ): Promise<T> {
    const { handler, args, data } = checkObject(call, input);
    if ('transaction' in input) throw new InvalidOptionError('transaction', input.transaction, 'nothing from outside');
    if (handler !== undefined) await this.#requireHandler(handler);
    return {
      ...input,
      ...(args !== undefined && { args: fromJsonValue(args) }),
      ...(data !== undefined && { data: fromJsonValue(data) }),
    };
  }

  /** A worker knows its handlers, and refuses others by itself. A client would take any name. */
  async #requireHandler(handler: unknown): Promise<void> {
    if (this.scheduler.role === 'worker') return;
    const known = (await this.listHandlers()).map((one) => one.handler);
    if (!known.includes(handler as string)) throw new UnknownNameError('handler', String(handler), known);
  }
}

function infoOf(task: { readonly info: TaskInfo }): Serialized<TaskInfo> {
  return serializeTask(task.info);
}

function checkObject<T extends object>(call: string, input: T): T {
  return checkInput(call, input, Object.keys(input ?? {}));
}
