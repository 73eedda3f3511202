import type { Diagnosis } from '../observe/doctor/diagnosis.js';
import type { Forecast } from '../observe/forecast/forecast.js';
import type { JournalPage } from '../scheduler/tasks/journal.inspection.js';
import type { SchedulerInstanceInfo } from '../scheduler/cluster/instance.info.js';
import type { SchedulerInfo } from '../scheduler/scheduler.info.js';
import type { AddTasksResult } from '../scheduler/tasks/adding.options.js';
import type { RedriveManyResult } from '../scheduler/tasks/bulk.redrive.js';
import type { BulkResult } from '../scheduler/tasks/bulk.operations.js';
import type { RunInfo } from '../scheduler/tasks/run.info.js';
import type { AnyTaskInfo, TaskInfo, UnreadableTaskInfo } from '../scheduler/tasks/task.info.js';
import type { TaskPreview } from '../scheduler/tasks/preview.info.js';
import type { RunInfoPage, TaskInfoPage } from '../scheduler/tasks/task.inspection.js';
import type {
  AddTasksInput,
  BackfillInput,
  BulkInput,
  BulkRedriveInput,
  CallOptions,
  ChangeInput,
  DrainInput,
  DiagnoseInput,
  EventsInput,
  ForecastInput,
  JournalInput,
  InstanceInput,
  PauseInput,
  PauseManyInput,
  PreviewInput,
  RescheduleInput,
  RunChangeInput,
  RunInput,
  RunListInput,
  RunTaskInput,
  TaskChangesInput,
  TaskDefinitionInput,
  TaskFilterInput,
  TaskListInput,
  TaskReadInput,
  TimelineInput,
  UnreadableInput,
  WaitRunInput,
} from './operation.inputs.js';
import type {
  BulkCount,
  DefinitionPage,
  EventMessage,
  ExecutorOverview,
  HandlerOverview,
  Health,
  RunDetails,
  RunTaskResult,
  Timeline,
} from './operation.results.js';
import type { Serialized } from './serialized.js';

/**
 * Everything that can be seen and done from outside of the application: over HTTP by `AsynczClient`, and in the process of a
 * scheduler by `LocalOperations`. All that goes in and comes out is JSON. The names are those of the table {@link ROUTES}; the
 * least role that may call an operation stands there.
 *
 * Each throws the errors of the method of `Scheduler` that it calls; over HTTP also UnauthorizedError, ForbiddenError,
 * TooManyAttemptsError, ServerUnreachableError, UnexpectedAnswerError and the reason of the `signal`.
 *
 * @publicApi
 */
export interface AsynczOperations {
  /** The scheduler of the process that answers, the health of its stores, and how many tasks there are in each state. */
  getInfo(input?: object, options?: CallOptions): Promise<Serialized<SchedulerInfo>>;
  /** Whether the scheduler that answers runs, and its stores work. Cheap: no store is asked. */
  getHealth(input?: object, options?: CallOptions): Promise<Health>;
  /** The schedulers that share the stores, live and dead. */
  listInstances(input?: object, options?: CallOptions): Promise<readonly Serialized<SchedulerInstanceInfo>[]>;
  /** Asks a scheduler to claim nothing more; with `wait`, resolves when it has no run under way. */
  drainInstance(input: DrainInput, options?: CallOptions): Promise<void>;
  /** Ends a drain. */
  undrainInstance(input: InstanceInput, options?: CallOptions): Promise<void>;
  /** The stores of the scheduler that answers. */
  listStores(input?: object, options?: CallOptions): Promise<Serialized<SchedulerInfo['stores']>>;
  /** The executors of all live schedulers, by alias. */
  listExecutors(input?: object, options?: CallOptions): Promise<readonly ExecutorOverview[]>;
  /** The handlers of all live schedulers, by name. */
  listHandlers(input?: object, options?: CallOptions): Promise<readonly HandlerOverview[]>;

  /** A page of tasks. Arguments that are longer than 2,000 characters are left out of it. */
  listTasks(input?: TaskListInput, options?: CallOptions): Promise<Serialized<TaskInfoPage>>;
  /** One task. @throws TaskNotFoundError */
  getTask(input: TaskReadInput, options?: CallOptions): Promise<Serialized<AnyTaskInfo>>;
  /** When a task will run. @throws TaskNotFoundError, TaskUnreadableError */
  previewTask(input: PreviewInput, options?: CallOptions): Promise<Serialized<TaskPreview>>;
  /** The next runs of all tasks, by time. */
  getTimeline(input?: TimelineInput, options?: CallOptions): Promise<Timeline>;
  /** A task as `addTask` takes it again. @throws TaskNotFoundError, TaskUnreadableError */
  exportTask(input: TaskReadInput, options?: CallOptions): Promise<TaskDefinitionInput>;
  /** A page of tasks as `addTask` takes them again. */
  exportTasks(input?: TaskListInput, options?: CallOptions): Promise<DefinitionPage>;
  /** The records of tasks that cannot be read. */
  listUnreadable(input?: UnreadableInput, options?: CallOptions): Promise<readonly Serialized<UnreadableTaskInfo>[]>;

  /** Adds a task. */
  addTask(input: TaskDefinitionInput, options?: CallOptions): Promise<Serialized<TaskInfo>>;
  /** Adds many tasks, or none when one of them is refused. */
  addTasks(input: AddTasksInput, options?: CallOptions): Promise<AddTasksResult>;
  /** Makes a task what it is given as, as a whole. */
  upsertTask(
    input: TaskDefinitionInput & { readonly id: string },
    options?: CallOptions,
  ): Promise<Serialized<TaskInfo>>;
  /** Changes the given options of a task. */
  updateTask(input: TaskChangesInput, options?: CallOptions): Promise<Serialized<TaskInfo>>;
  /** Gives a task another trigger. */
  rescheduleTask(input: RescheduleInput, options?: CallOptions): Promise<Serialized<TaskInfo>>;
  /** Pauses a task, until it is resumed or until a time. */
  pauseTask(input: PauseInput, options?: CallOptions): Promise<Serialized<TaskInfo>>;
  /** Ends the pause of a task. Gives null when nothing was left to run and the task is gone. */
  resumeTask(input: ChangeInput, options?: CallOptions): Promise<Serialized<TaskInfo> | null>;
  /** Adds an extra run, now; with `wait`, resolves when it has ended. */
  runTask(input: RunTaskInput, options?: CallOptions): Promise<RunTaskResult>;
  /** Runs a task for each time of its trigger within a past range. Gives the ids of the runs. */
  backfillTask(input: BackfillInput, options?: CallOptions): Promise<readonly string[]>;
  /** Removes a task, readable or not. Gives what was removed. */
  deleteTask(input: ChangeInput, options?: CallOptions): Promise<Serialized<AnyTaskInfo>>;

  /** How many tasks meet a filter. */
  countTasks(input?: TaskFilterInput, options?: CallOptions): Promise<BulkCount>;
  /** Pauses all tasks that meet a filter; with `dryRun`, counts them. */
  pauseTasks(input: PauseManyInput, options?: CallOptions): Promise<BulkResult | BulkCount>;
  /** Ends the pause of all tasks that meet a filter; with `dryRun`, counts them. */
  resumeTasks(input: BulkInput, options?: CallOptions): Promise<BulkResult | BulkCount>;
  /** Adds an extra run to each task that meets a filter; with `dryRun`, counts them. */
  runTasks(input: BulkInput, options?: CallOptions): Promise<BulkResult | BulkCount>;
  /** Removes all tasks that meet a filter; with `dryRun`, counts them. */
  deleteTasks(input: BulkInput, options?: CallOptions): Promise<BulkResult | BulkCount>;

  /** A page of ended runs, the latest end first. */
  listRuns(input?: RunListInput, options?: CallOptions): Promise<Serialized<RunInfoPage>>;
  /** A run as it stands, with the attempts of it that have ended. @throws RunNotFoundError */
  getRun(input: RunInput, options?: CallOptions): Promise<RunDetails>;
  /** Resolves when a run has ended for good. */
  waitForRun(input: WaitRunInput, options?: CallOptions): Promise<Serialized<RunInfo>>;
  /** Aborts a run that is under way, or ends one that waits. */
  cancelRun(input: RunChangeInput, options?: CallOptions): Promise<void>;
  /** Gives a dead run one more attempt. */
  redriveRun(input: RunChangeInput, options?: CallOptions): Promise<void>;
  /** Gives each dead run that meets a filter one more attempt; with `dryRun`, counts them. */
  redriveRuns(input: BulkRedriveInput, options?: CallOptions): Promise<RedriveManyResult | BulkCount>;

  /** A page of the journal: who did what to tasks, and what happened to them, the latest first. */
  getJournal(input?: JournalInput, options?: CallOptions): Promise<Serialized<JournalPage>>;
  /** What is wrong with the tasks, the stores and the schedulers. */
  diagnose(input?: DiagnoseInput, options?: CallOptions): Promise<Serialized<Diagnosis>>;
  /** The runs to come, and their load. */
  getForecast(input?: ForecastInput, options?: CallOptions): Promise<Serialized<Forecast>>;

  /** The events of the scheduler that answers, from now on, until the caller stops or the scheduler does. */
  streamEvents(input?: EventsInput, options?: CallOptions): AsyncIterable<EventMessage>;
}

/** The name of an operation. @publicApi */
export type OperationName = keyof AsynczOperations;
