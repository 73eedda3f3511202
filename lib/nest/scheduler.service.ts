import { Observable } from 'rxjs';
import type { SchedulerListener } from '../events/event.dispatcher.js';
import type { SchedulerEvent, SchedulerEventName } from '../events/event.map.js';
import type { Executor } from '../executors/executor.interface.js';
import type { SchedulerInfo, SchedulerState } from '../scheduler/scheduler.info.js';
import type { SchedulerInstanceInfo } from '../scheduler/cluster/instance.info.js';
import type { RunInfo } from '../scheduler/tasks/run.info.js';
import type { WaitOptions } from '../scheduler/tasks/run.control.js';
import type { Scheduler } from '../scheduler/scheduler.js';
import type {
  CopyOptions,
  CopyResult,
  MaintenanceProgress,
  RotateOptions,
} from '../scheduler/tasks/store.maintenance.js';
import type { AnyTaskInfo } from '../scheduler/tasks/task.info.js';
import type {
  PreviewOptions,
  RunInfoPage,
  RunQuery,
  TaskInfoPage,
  TaskPreview,
  TaskQuery,
} from '../scheduler/tasks/task.inspection.js';
import type { ControlOptions, TaskTarget } from '../scheduler/tasks/control.options.js';
import type { DrainOptions } from '../scheduler/cluster/drain.control.js';
import type { BackfillOptions, TaskRef } from '../scheduler/tasks/task.operations.js';
import type {
  HandlerName,
  TaskChanges,
  TaskHandlers,
  TaskOptions,
  TriggerInput,
} from '../scheduler/tasks/task.options.js';
import type { Task } from '../scheduler/tasks/task.js';
import type { Store } from '../stores/store.interface.js';

/**
 * Options of `runTask`: who asks and why, and whether to wait for the end of the run.
 *
 * @publicApi
 */
export interface RunTaskOptions extends ControlOptions, WaitOptions {
  /** Whether the run is awaited. @default false */
  readonly wait?: boolean;
}

/**
 * Adds, changes, shows and controls tasks: what is injected into the application.
 *
 * With a map of handlers, names and arguments are checked by the compiler: declare `TaskHandlers` once, or give a map
 * where it is injected (`SchedulerService<MyHandlers>`).
 *
 * @publicApi
 */
export class SchedulerService<Handlers = TaskHandlers> {
  /**
   * Every event, as an Observable. Each subscription listens for itself; it completes never.
   */
  readonly events$: Observable<SchedulerEvent>;

  /** @internal */
  constructor(private readonly scheduler: Scheduler) {
    this.events$ = new Observable((subscriber) => {
      const listener = (event: SchedulerEvent) => subscriber.next(event);
      scheduler.addListener(listener);
      return () => void scheduler.removeListener(listener);
    });
  }

  /** Unique to this scheduler in this process. */
  get identity(): string {
    return this.scheduler.identity;
  }

  /** The name given to `forRoot`. */
  get name(): string {
    return this.scheduler.name;
  }

  get state(): SchedulerState {
    return this.scheduler.state;
  }

  /**
   * Adds a task. Before the application has started it waits in memory and is committed at the start.
   *
   * @throws UnknownOptionError, InvalidOptionError, UnknownNameError (handler, executor, store, trigger type),
   *   TaskConflictError (the id is taken), TriggerExhaustedError (it would never run), UnserializableError (arguments);
   *   nothing is added then.
   */
  addTask<Name extends HandlerName<Handlers>>(options: TaskOptions<Handlers, Name>): Promise<Task> {
    return this.scheduler.tasks.add(options as never);
  }

  /**
   * Changes what is given and leaves the rest. A new trigger sets the next run time; a pause stays a pause.
   *
   * @throws As {@link addTask}, and TaskNotFoundError, TaskUnreadableError; nothing is changed then.
   */
  updateTask(task: TaskRef, changes: TaskChanges, target?: TaskTarget): Promise<Task> {
    return this.scheduler.tasks.update(task, changes, target);
  }

  /** Gives a task another trigger. @throws As {@link updateTask}. */
  rescheduleTask(task: TaskRef, trigger: TriggerInput, target?: TaskTarget): Promise<Task> {
    return this.scheduler.tasks.reschedule(task, trigger, target);
  }

  /**
   * Stops a task from being started by its schedule, on all nodes; a run under way goes on. `actor` and `reason` are kept.
   *
   * @throws TaskNotFoundError, TaskUnreadableError, InvalidTaskStateError (its trigger follows the scheduler).
   */
  pauseTask(task: TaskRef, options?: ControlOptions): Promise<Task> {
    return this.scheduler.tasks.pause(task, options);
  }

  /**
   * Goes on with a paused task. Times that were due during the pause are not made up for; a one-shot whose date has
   * passed meanwhile runs now, unless its grace time forbids it.
   *
   * @returns null when nothing was left to run and the task is gone.
   * @throws TaskNotFoundError, TaskUnreadableError, InvalidTaskStateError.
   */
  resumeTask(task: TaskRef, options?: ControlOptions): Promise<Task | null> {
    return this.scheduler.tasks.resume(task, options);
  }

  /**
   * Removes a task; a run of it under way is aborted with the next renewal of its lease. Works on unreadable ones too.
   *
   * @returns What was removed.
   * @throws TaskNotFoundError
   */
  deleteTask(task: TaskRef, target?: TaskTarget): Promise<AnyTaskInfo> {
    return this.scheduler.tasks.delete(task, target);
  }

  /**
   * Removes every task of one store, or of all.
   *
   * @returns How many there were.
   * @throws UnknownNameError
   */
  removeAllTasks(store?: string): Promise<number> {
    return this.scheduler.tasks.removeAll(store);
  }

  /**
   * Asks for an extra run, now, on whichever node has the handler. Schedule and pause stay as they are; while the task
   * runs at its `maxInstances` it waits for its turn.
   *
   * @param options With `wait: true` it is awaited, retries included, wherever it runs; `timeout` bounds that.
   * @returns The id of the run; with `wait`, the run as it ended.
   * @throws SchedulerNotRunningError, TaskNotFoundError, TaskUnreadableError, RunWaitTimeoutError
   */
  runTask(task: TaskRef, options: RunTaskOptions & { readonly wait: true }): Promise<RunInfo>;
  runTask(task: TaskRef, options?: RunTaskOptions): Promise<string>;
  async runTask(task: TaskRef, options: RunTaskOptions = {}): Promise<RunInfo | string> {
    const { wait = false, timeout, ...control } = options;
    const runId = await this.scheduler.tasks.run(task, control);
    const store = control.store ?? (typeof task === 'string' ? undefined : task.store);
    return wait ? this.scheduler.runs.wait(runId, store, { ...(timeout !== undefined && { timeout }) }) : runId;
  }

  /**
   * Runs a task for each time of its trigger within a past range, deliberately: after an outage longer than its grace
   * time, or for data that came late. At most 1,000 runs at once; they take their turn within `maxInstances`.
   *
   * @returns The ids of the runs.
   * @throws SchedulerNotRunningError, TaskNotFoundError, TaskUnreadableError, InvalidOptionError
   */
  backfill(task: TaskRef, options: BackfillOptions): Promise<readonly string[]> {
    return this.scheduler.tasks.backfill(task, options);
  }

  /**
   * Aborts a run that is under way, on whatever node, and takes back one that waits for its turn. The node that has it
   * learns of it by a wake-up, or with the next renewal of its lease.
   *
   * @throws SchedulerNotRunningError, RunNotFoundError
   */
  cancelRun(runId: string, options?: ControlOptions): Promise<void> {
    return this.scheduler.runs.cancel(runId, options);
  }

  /**
   * Gives a dead run (one that failed or was lost for good: `getRuns({ dead: true })`) one more attempt, under its own id
   * and on whichever node has the handler. It runs although its task is paused, and is not retried by itself. It gets the
   * arguments that its task has now; a task of the run time that is gone comes back as it was, for as long as that takes.
   *
   * @throws SchedulerNotRunningError, RunNotFoundError, RunNotDeadError, TaskReplacedError (another task has that id now),
   * TaskNotFoundError (of the code, and gone), TaskUnreadableError, RunUnreadableError, VersionConflictError
   */
  redrive(runId: string, options?: ControlOptions): Promise<void> {
    return this.scheduler.runs.redrive(runId, options);
  }

  /**
   * Asks a scheduler, wherever it is, to claim nothing more, so that it can be stopped without haste; its runs go on. It
   * learns of it by a wake-up, or within a minute. Its identity is in {@link getSchedulerInstanceInfos}.
   *
   * @param options With `wait: true` it resolves when that scheduler has no run under way any more, or is gone.
   * @throws SchedulerNotRunningError, UnknownNameError (no live scheduler has that identity); with `wait` DrainTimeoutError,
   * DrainWithdrawnError (somebody took it back), DrainUnknownError (this scheduler was stopped meanwhile)
   */
  drain(identity: string, options?: DrainOptions): Promise<void> {
    return this.scheduler.drains.drain(identity, options);
  }

  /** Takes {@link drain} back. @throws SchedulerNotRunningError, UnknownNameError */
  undrain(identity: string): Promise<void> {
    return this.scheduler.drains.undrain(identity);
  }

  /** A task, or null. @throws TaskUnreadableError, UnknownNameError (store) */
  getTask(id: string, target?: TaskTarget): Promise<Task | null> {
    return this.scheduler.inspection.getTask(id, target);
  }

  /** The readable tasks that match, by next run time unless told otherwise. @throws As {@link getTaskInfos}. */
  getTasks(query?: TaskQuery): Promise<readonly Task[]> {
    return this.scheduler.inspection.getTasks(query);
  }

  /** A task as plain data, or null; an unreadable one says why. @throws UnknownNameError (store) */
  getTaskInfo(id: string, target?: TaskTarget): Promise<AnyTaskInfo | null> {
    return this.scheduler.inspection.getTaskInfo(id, target);
  }

  /**
   * A page of tasks as plain data, filtered and sorted in the store.
   *
   * @throws UnknownOptionError, InvalidOptionError, UnknownNameError (store)
   */
  getTaskInfos(query?: TaskQuery): Promise<TaskInfoPage> {
    return this.scheduler.inspection.getTaskInfos(query);
  }

  /**
   * When a task will run, and which of these times a change of clocks or a calendar touches. Changes nothing.
   *
   * @returns null when there is no such task.
   * @throws InvalidOptionError, TaskUnreadableError
   */
  previewTaskRuns(id: string, options?: PreviewOptions): Promise<TaskPreview | null> {
    return this.scheduler.inspection.preview(id, options);
  }

  /** The ended runs of a store, the latest first. @throws UnknownOptionError, InvalidOptionError, UnknownNameError */
  getRuns(query?: RunQuery): Promise<RunInfoPage> {
    return this.scheduler.inspection.getRuns(query);
  }

  /** This scheduler, the health of its stores, and how many tasks they hold. */
  getSchedulerInfo(): Promise<SchedulerInfo> {
    return this.scheduler.getInfo();
  }

  /** The schedulers that share the stores, live and dead. */
  getSchedulerInstanceInfos(): Promise<readonly SchedulerInstanceInfo[]> {
    return this.scheduler.getInstances();
  }

  /**
   * Writes every record of a store again under the first key of the ring, while schedulers work.
   *
   * @throws UnknownNameError, SchedulerNotRunningError
   */
  rotateEncryption(store: string, options?: RotateOptions): Promise<MaintenanceProgress> {
    return this.scheduler.rotateEncryption(store, options);
  }

  /**
   * Copies definitions, schedule states and history from one store to another, or moves them. What is there already is
   * left alone, so an interrupted copy can be done again.
   *
   * @throws UnknownNameError, SchedulerNotRunningError
   */
  copyTasks(from: string, to: string, options?: CopyOptions): Promise<CopyResult> {
    return this.scheduler.copyTasks(from, to, options);
  }

  /** Claims nothing more in this process until {@link resume}; runs under way go on. @throws SchedulerNotRunningError */
  pause(): void {
    this.scheduler.pause();
  }

  /** Goes on after {@link pause}; what came due meanwhile is handled as missed times are. @throws SchedulerNotRunningError */
  resume(): void {
    this.scheduler.resume();
  }

  /**
   * Calls a function for events. What it throws is logged and stops nothing; it is not awaited.
   *
   * @param names The events; all when left out.
   * @throws InvalidOptionError
   */
  addListener<Name extends SchedulerEventName = SchedulerEventName>(
    listener: SchedulerListener<Name>,
    names?: Name | readonly Name[],
  ): void {
    this.scheduler.addListener(listener, names);
  }

  /** Ends the first registration of a listener. Returns whether there was one. */
  removeListener(listener: SchedulerListener<never>): boolean {
    return this.scheduler.removeListener(listener);
  }

  /** Adds a store while the application runs. @throws DuplicateNameError, InvalidOptionError, StoreStartError, StoreInUseError */
  addStore(alias: string, store: Store): Promise<void> {
    return this.scheduler.addStore(alias, store);
  }

  /** Takes a store out and closes what it opened; its tasks stay in it. @throws UnknownNameError */
  removeStore(alias: string): Promise<void> {
    return this.scheduler.removeStore(alias);
  }

  /** Adds an executor while the application runs. @throws DuplicateNameError, InvalidOptionError */
  addExecutor(alias: string, executor: Executor): Promise<void> {
    return this.scheduler.addExecutor(alias, executor);
  }

  /** Takes an executor out; tasks that name it wait until one of that alias is back. @throws UnknownNameError */
  removeExecutor(alias: string): Promise<void> {
    return this.scheduler.removeExecutor(alias);
  }
}
