import { InvalidOptionError } from '../errors/input.errors.js';
import type { SchedulerCore } from './scheduler.core.js';
import { redriveRuns } from './tasks/bulk.redrive.js';
import type { RedriveManyOptions, RedriveManyResult } from './tasks/bulk.redrive.js';
import { checkCall } from './tasks/call.options.js';
import { locate } from './tasks/control.options.js';
import type { ControlOptions, RedriveOptions, TaskRef, TaskTarget } from './tasks/control.options.js';
import type { HandlerRun } from './tasks/handler.types.js';
import { RUN_TASK_OPTIONS } from './tasks/run.control.js';
import type { RunControl, RunTaskOptions } from './tasks/run.control.js';
import { lookupRun } from './tasks/run.lookup.js';
import type { FollowOptions, RunOutputEvent, RunOutputInfo, RunOutputs } from './tasks/run.outputs.js';
import type { RunWaits, WaitOptions } from './tasks/run.waits.js';
import type { AnyRunInfo, RunInfo } from './tasks/run.info.js';
import type { StoreRegistry } from './tasks/store.registry.js';
import type { RunInfoPage, RunQuery, TaskInspection } from './tasks/task.inspection.js';
import type { BackfillOptions, TaskOperations } from './tasks/task.operations.js';
import type { HandlerName, TaskHandlers } from './tasks/task.options.js';
import type { Task } from './tasks/task.js';

/** The methods of `Scheduler` about runs. */
export abstract class SchedulerRuns<Handlers = TaskHandlers> {
  readonly #operations: TaskOperations;
  readonly #inspection: TaskInspection;
  readonly #runs: RunControl;
  readonly #waits: RunWaits;
  readonly #outputs: RunOutputs;
  readonly #stores: StoreRegistry;

  /** @internal */
  constructor({ operations, inspection, runs, waits, outputs, stores }: SchedulerCore) {
    this.#operations = operations;
    this.#inspection = inspection;
    this.#runs = runs;
    this.#waits = waits;
    this.#outputs = outputs;
    this.#stores = stores;
  }

  /**
   * Adds an extra run, now, on any node that has the handler. Schedule and pause are not changed. While `maxInstances` runs
   * of the task are under way, the run waits.
   *
   * @param options With `wait: true` the run is awaited as by {@link waitForRun}. In a transaction of the caller, the run is
   *   there when that commits.
   * @returns The id of the run; with `wait`, the run as it ended.
   * @throws SchedulerNotRunningError, TaskNotFoundError, TaskUnreadableError; with `wait` also RunWaitTimeoutError
   */
  runTask<Name extends HandlerName<Handlers> = HandlerName<Handlers>>(
    task: Task<Handlers, Name> | TaskRef,
    options: RunTaskOptions & { readonly wait: true },
  ): Promise<HandlerRun<Handlers, Name>>;
  runTask(task: TaskRef, options?: RunTaskOptions): Promise<string>;
  async runTask(task: TaskRef, options: RunTaskOptions = {}): Promise<RunInfo | string> {
    checkCall('runTask', options, RUN_TASK_OPTIONS);
    const { wait = false, timeout, signal, ...control } = options;
    if (wait && control.transaction !== undefined)
      throw new InvalidOptionError('wait', wait, 'false with a transaction: the run begins after its commit');
    const runId = await this.#operations.run(task, control);
    return wait ? this.#waits.forRun(runId, { store: locate(task, control).store, timeout, signal }) : runId;
  }

  /**
   * Resolves when a run on any node has ended for good, including its retries: at once in the process that runs it and, on stores
   * that push wake-ups, for runs that somebody has asked for; within a second otherwise.
   *
   * @returns The run as it ended, with its result where the history keeps it.
   * @throws RunNotFoundError, RunWaitTimeoutError, SchedulerNotRunningError (it is stopped, also in the middle of the wait),
   *   InvalidOptionError, and the reason of the `signal`. The run goes on.
   */
  waitForRun<Name extends HandlerName<Handlers> = HandlerName<Handlers>>(
    runId: string,
    options?: WaitOptions & TaskTarget,
  ): Promise<HandlerRun<Handlers, Name>> {
    return this.#waits.forRun(runId, options) as Promise<HandlerRun<Handlers, Name>>;
  }

  /**
   * Resolves when a run of a task has ended for good: that which is under way, or else the next one. Of a task that has nothing left
   * to run, or is gone because of that, it is the last one.
   *
   * @returns The run as it ended, with its result where the history keeps it.
   * @throws TaskNotFoundError, TaskUnreadableError, TaskWaitTimeoutError, InvalidTaskStateError (it never ran, and never will),
   *   RunNotFoundError (it ran, and its record is not kept), and as {@link waitForRun}.
   */
  waitForTask<Name extends HandlerName<Handlers> = HandlerName<Handlers>>(
    task: Task<Handlers, Name> | TaskRef,
    options?: WaitOptions & TaskTarget,
  ): Promise<HandlerRun<Handlers, Name>> {
    return this.#waits.forTask(task, options) as Promise<HandlerRun<Handlers, Name>>;
  }

  /**
   * A run as it stands on any node: waiting, under way, or its last attempt as it ended. One that started on another node less than
   * a second ago may be missing.
   *
   * @returns null when there is no such run, or its record was not kept.
   * @throws InvalidOptionError, UnknownNameError (store)
   */
  getRun(runId: string, target?: TaskTarget): Promise<AnyRunInfo | null> {
    return lookupRun(this.#stores, runId, target);
  }

  /**
   * What a run has said on any node with `TaskContext.log` and `TaskContext.progress`, also while it is under way: up to a second ago.
   *
   * @returns The attempts, the first one first; none when there is no such run, or its record was not kept.
   * @throws UnknownOptionError, RunNotFoundError (no run has such an id), UnknownNameError (store)
   */
  getRunOutput(runId: string, target?: TaskTarget): Promise<readonly RunOutputInfo[]> {
    return this.#outputs.read(runId, target);
  }

  /**
   * Gives what a run on any node has said and goes on to say, until it has ended for good, including its retries: what it says on
   * another node about a second later.
   *
   * ```ts
   * for await (const said of scheduler.followRunOutput(runId)) if (said.type === 'line') console.log(said.line.message);
   * ```
   *
   * @throws UnknownOptionError, RunNotFoundError, UnknownNameError (store), and the reason of the `signal`. The run goes on.
   */
  followRunOutput(runId: string, options?: FollowOptions): AsyncGenerator<RunOutputEvent, void, undefined> {
    return this.#outputs.follow(runId, options);
  }

  /**
   * Runs a task for each time of its trigger within a past range: for example after an outage longer than its grace time, or
   * for data that came late. At most 1,000 runs at once; they wait for their turn within `maxInstances`. A range that reaches
   * into the future is refused.
   *
   * @returns The ids of the runs.
   * @throws SchedulerNotRunningError, TaskNotFoundError, TaskUnreadableError, InvalidOptionError
   */
  backfillTask(task: TaskRef, options: BackfillOptions): Promise<readonly string[]> {
    return this.#operations.backfill(task, options);
  }

  /**
   * Aborts a run that is under way on any node, or ends one that waits for its turn. The node that runs it finds the request
   * by a wake-up, or with the next renewal of its lease.
   *
   * @throws SchedulerNotRunningError, RunNotFoundError (it has ended, or never was)
   */
  cancelRun(runId: string, options?: ControlOptions): Promise<void> {
    return this.#runs.cancel(runId, options);
  }

  /**
   * Gives a dead run (one that failed or was lost for good: `getRuns({ dead: true })`) one more attempt, under its own id, on
   * any node that has the handler. It runs even if its task is paused. It gets the arguments that its task has now. A task
   * that was added at run time and is gone is restored for the attempt.
   *
   * @throws SchedulerNotRunningError, RunNotFoundError, RunNotDeadError, TaskReplacedError (another task has that id now),
   *   TaskNotFoundError (of the code, and gone), TaskUnreadableError, RunUnreadableError, VersionConflictError
   */
  redriveRun(runId: string, options?: RedriveOptions): Promise<void> {
    return this.#runs.redrive(runId, options);
  }

  /**
   * Gives each dead run that meets a filter one more attempt, as {@link redriveRun} does: the latest ones, at most 1,000 in one call.
   * One that is refused is named in the result.
   *
   * @throws SchedulerNotRunningError, UnknownOptionError, InvalidOptionError, UnknownNameError (store); what the store throws in the
   *   middle. It can be repeated.
   */
  redriveRuns(filter: Omit<RunQuery, 'dead' | 'limit'>, options?: RedriveManyOptions): Promise<RedriveManyResult> {
    const services = {
      getRuns: (query: RunQuery) => this.#inspection.getRuns(query),
      redrive: (runId: string, asked: RedriveOptions) => this.#runs.redrive(runId, asked),
    };
    return redriveRuns(services, filter, options);
  }

  /** The ended runs of a store, the latest first. @throws UnknownOptionError, InvalidOptionError, UnknownNameError */
  getRuns(query?: RunQuery): Promise<RunInfoPage> {
    return this.#inspection.getRuns(query);
  }
}
