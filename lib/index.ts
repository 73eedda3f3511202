// The public names of `nestjs-asyncz`, one by one: what applications use. None of them needs an optional package. What only
// authors of stores and triggers use is in stores/index.ts and triggers/index.ts.

export { SettableClock } from './model/clock.js';
export type { Clock } from './model/clock.js';
export { parseDuration } from './model/duration.js';
export type { Duration } from './model/duration.js';
export type { LogFields, Logger } from './model/logger.js';
export type { TaskSortKey, TaskStateName } from './model/query.js';
export type { Attribution, DatedAttribution } from './model/attribution.js';
export type { CancelRequest, RunRecord, RunRequest, RunSource, RunStatus, StoredStep } from './model/run.js';
export type { JournalChange, JournalEntry, JournalKind } from './model/journal.js';
export { NonRetryableError, RetryLaterError } from './model/handler.errors.js';
export { isUnstoredResult } from './model/unstored-result.js';
export type { UnstoredResult } from './model/unstored-result.js';
export type { FindingConfidence, FindingSeverity, StoreFinding } from './model/finding.js';
export type {
  Forecast,
  ForecastBucket,
  ForecastOptions,
  ForecastOverlap,
  ForecastRun,
  ForecastTask,
} from './observe/forecast/forecast.js';
export type { Diagnosis, DiagnoseOptions, Finding, FindingSubject } from './observe/doctor/diagnosis.js';
export type { ExecutorUse } from './model/scheduler-instance.js';
export type { TaskControl, TaskProblem, UnreadableReason } from './model/task.js';
export type { RateLimitOptions, RatePolicy, RateScope } from './model/rate.js';
export type { ExpectOptions, ExpectPolicy } from './model/expect.js';
export type { RetryOptions, RetryPolicy } from './model/retry.js';
export type {
  Coalesce,
  Delivery,
  HistoryPolicy,
  Overlap,
  TaskPolicies,
  TaskPolicyOptions,
} from './model/task.policies.js';
export type { TaskInput, TaskOrigin } from './model/definition.js';

export { ArgumentsRefusedError, SchemaFailedError } from './errors/schema.errors.js';
export type { ArgumentIssue } from './errors/schema.errors.js';
export type { HandlerInputSchema, JsonSchema } from './model/json.schema.js';
export type {
  StandardIssue,
  StandardJsonSchemaConverter,
  StandardJsonSchemaOptions,
  StandardResult,
  StandardSchema,
  StandardSchemaProps,
} from './model/standard.schema.js';
export { AsynczError } from './errors/asyncz.error.js';
export {
  ForbiddenError,
  MediaTypeError,
  ServerUnreachableError,
  TooManyAttemptsError,
  TooManyStreamsError,
  UnauthorizedError,
  UnexpectedAnswerError,
} from './errors/api.errors.js';
export type { RunError } from './errors/thrown.js';
export { InvalidOptionError, UnknownNameError, UnknownOptionError } from './errors/input.errors.js';
export {
  LeaseLostError,
  LifecycleError,
  RunAbortedError,
  RunCancelledError,
  RunNotFoundError,
  RunTimeoutError,
  RunWaitTimeoutError,
  TaskWaitTimeoutError,
  ShutdownError,
  RunNotDeadError,
  RunUnreadableError,
  TaskReplacedError,
} from './errors/run.errors.js';
export {
  DuplicateStepError,
  RunSuspendedError,
  StepError,
  StepLimitError,
  StepOutsideRunError,
  StepResultError,
  StepTransactionError,
} from './errors/step.errors.js';
export {
  DuplicateNameError,
  InvalidTaskStateError,
  SchedulerNotRunningError,
  SchedulerRunningError,
  DrainTimeoutError,
  DrainUnknownError,
  DrainWithdrawnError,
  ReadOnlyError,
} from './errors/scheduler.errors.js';
export {
  EncryptionDisabledError,
  PayloadTooLargeError,
  UnserializableError,
  WeakSecretError,
} from './errors/persistence.errors.js';
export { FileLockTimeoutError, FileStoreError, FileStoreFormatError } from './errors/file-store.errors.js';
export { StartTimeoutError, StoreInUseError, StoreStartError, StoreUnavailableError } from './errors/store.errors.js';
export { WorkerBootError, WorkerEndedError } from './errors/executor.errors.js';
export { MissingDependencyError } from './errors/dependency.error.js';
export { TaskListError, TasksPartlyAddedError, TasksPartlyChangedError } from './errors/adding.errors.js';
export { GuardRejectedError, RunScopeError } from './errors/pipeline.errors.js';
export { DeclarationError } from './errors/declaration.error.js';
export { DeployConflictError, DeployPendingError } from './errors/deploy.errors.js';
export { CronSyntaxError, ImpossibleTriggerError, SearchLimitError } from './errors/trigger.errors.js';
export type { CronProblem } from './errors/trigger.errors.js';
export {
  TaskConflictError,
  TaskError,
  TaskNotFoundError,
  TaskUnreadableError,
  TriggerExhaustedError,
  VersionConflictError,
} from './errors/task.errors.js';

export { createTrigger } from './triggers/trigger.registry.js';
export type {
  CronFieldOptions,
  DstOptions,
  ScheduleTriggerOptions,
  TriggerOptions,
  TriggerOptionsMap,
} from './triggers/trigger.options.js';
export type { CronDialect, DayMatch } from './triggers/cron/cron.fields.js';
export type { DstGap, DstOverlap, DstRules } from './time/dst.js';
export type { CalendarDefinition, CalendarSource, OnExcluded } from './triggers/calendars/calendar.interface.js';

export type { EncryptionOptions, Secrets } from './persistence/key-ring.js';
export type { Serializer } from './persistence/serializer.registry.js';

export type { EventFilter, EventFilterOptions } from './events/event.filter.js';
export type {
  EndedRunEvent,
  RunEvent,
  SchedulerEvent,
  SchedulerEventMap,
  SchedulerEventName,
  SchedulerListener,
} from './events/event.map.js';

export { fileStore } from './stores/file/file-store.config.js';
export { FileStore } from './stores/file/file.store.js';
export type { FileStoreOptions } from './stores/file/file-store.options.js';
export { MemoryStore } from './stores/memory/memory.store.js';
export type { ConnectRetry } from './stores/connect-retry.js';
export type { Awaitable, Store } from './stores/store.interface.js';
export type { ProviderToken, StoreProvider } from './stores/store.provider.js';

export type { InstrumentedScheduler, Instrumentation } from './observe/meter/observation.js';
export type { MetricFamily, SchedulerMetrics } from './observe/meter/scheduler.metrics.js';
export type { MetricLabels, MetricSample } from './observe/meter/metric.series.js';
export type { MetricLabel, MetricName } from './observe/meter/metric.table.js';
export type { HealthCheck, HealthOptions, SchedulerHealth } from './observe/health/health.report.js';

export type { SleepOptions, StepOptions, TransactionWork } from './executors/steps.interface.js';
export { AsyncExecutor } from './executors/async.executor.js';
export type { AsyncExecutorOptions } from './executors/async.executor.js';
export { BaseExecutor } from './executors/base.executor.js';
export { DebugExecutor } from './executors/debug.executor.js';
export type { Executor, ExecutorContext, ExecutorJob, HandlerCall } from './executors/executor.interface.js';
export type { PoolExecutorOptions } from './executors/pool/pool.executor.js';
export type { WorkerModule } from './executors/pool/module.location.js';
export { ProcessExecutor } from './executors/process.executor.js';
export type { ProcessExecutorOptions } from './executors/process.executor.js';
export { WorkerExecutor } from './executors/worker.executor.js';
export type { WorkerExecutorOptions } from './executors/worker.executor.js';
export { TaskContext } from './executors/task-context.js';
export type { PreviousRun } from './executors/task-context.js';
export { TaskLog } from './executors/task-log.js';
export type { StoredLine, StoredOutput, TaskLogLevel } from './model/run.output.js';
export type { LogRedaction, TaskLogLine } from './executors/task-log.js';

export type { Handler, HandlerOptions } from './scheduler/loop/handler.registry.js';
export type { HandlerSchemaOptions } from './scheduler/loop/handler.schema.js';
export type { ErrorClass, ErrorFilter, HandlerPolicy } from './scheduler/loop/handler.policy.js';
export type { AbandonedHandler } from './scheduler/loop/abandoned.handlers.js';
export type { AnyRunInfo, LiveRunInfo, RunInfo } from './scheduler/tasks/run.info.js';
export type { FollowOptions, RunOutputEvent, RunOutputInfo } from './scheduler/tasks/run.outputs.js';
export type { AddTasksOptions, AddTasksResult, ListedTask } from './scheduler/tasks/adding.options.js';
export type { BulkResult } from './scheduler/tasks/bulk.operations.js';
export type { TaskFilter } from './scheduler/tasks/task.filter.js';
export type { RedriveManyOptions, RedriveManyResult } from './scheduler/tasks/bulk.redrive.js';
export type { RunTaskOptions } from './scheduler/tasks/run.control.js';
export type { WaitOptions } from './scheduler/tasks/run.waits.js';
export type { DeclaredTask } from './scheduler/tasks/declared.tasks.js';
export type { BackoffFunction } from './scheduler/loop/backoff.registry.js';
export type { AsynczConfig } from './cli/target/cli.config.js';
export type { SchedulerInfo, SchedulerState, StoreInfo } from './scheduler/scheduler.info.js';
export type { HandlerInfo, HandlerVariant } from './scheduler/cluster/handler.info.js';
export type { SchedulerInstanceInfo } from './scheduler/cluster/instance.info.js';
export type {
  OutputOptions,
  ReconcileMode,
  JournalRetentionOptions,
  RetentionOptions,
  SchedulerOptions,
  SchedulerRole,
  SchedulerSettings,
} from './scheduler/scheduler.options.js';
export type {
  ApplyDeployOptions,
  DeployAction,
  DeployEntry,
  DeployField,
  DeployKind,
  DeployPlan,
  DeployResult,
} from './scheduler/tasks/deploy.info.js';
export type { OrphanPolicy } from './scheduler/tasks/deploy.survey.js';
export { Scheduler } from './scheduler/scheduler.js';
export type {
  CopyOptions,
  CopyResult,
  MaintenanceProgress,
  RotateOptions,
} from './scheduler/tasks/store.maintenance.js';
export type { AnyTaskInfo, TaskInfo, UnreadableTaskInfo } from './scheduler/tasks/task.info.js';
export type {
  PreviewedRun,
  PreviewOptions,
  TaskPreview,
  TriggerPreview,
  TriggerPreviewOptions,
} from './scheduler/tasks/preview.info.js';
export type { RunInfoPage, RunQuery, TaskInfoPage, TaskQuery } from './scheduler/tasks/task.inspection.js';
export type { TimelineEntry, TimelinePage, TimelineQuery } from './scheduler/tasks/timeline.info.js';
export type { ClusterEventsOptions } from './scheduler/tasks/journal.follower.js';
export type { ExportOptions, ImportOptions, ImportResult, UnreadLine } from './scheduler/tasks/transfer.info.js';
export type { JournalEntryInfo, JournalPage, JournalQuery } from './scheduler/tasks/journal.inspection.js';
export type { AskingOptions, DedupeOptions } from './scheduler/tasks/asking.options.js';
export type { DedupeMode } from './scheduler/plan/dedupe.plan.js';
export type {
  ActorOptions,
  ChangeOptions,
  ControlOptions,
  DeleteOptions,
  RedriveOptions,
  TaskRef,
  TaskTarget,
  TransactionOptions,
  VersionOptions,
} from './scheduler/tasks/control.options.js';
export type { DrainOptions } from './scheduler/cluster/drain.control.js';
export type { PauseManyOptions, PauseOptions } from './scheduler/tasks/pause.request.js';
export type { BackfillOptions } from './scheduler/tasks/task.operations.js';
export type {
  HandlerArgs,
  HandlerData,
  HandlerName,
  TaskBaseOptions,
  TaskChanges,
  TaskHandlers,
  TaskOptions,
  TaskSpec,
  TimeInput,
  TriggerInput,
  UpdateOptions,
  UpsertOptions,
} from './scheduler/tasks/task.options.js';
export type { GivenInput } from './scheduler/tasks/task.input.js';
export type { HandlerEvent, HandlerResult, HandlerRun, StoredResult } from './scheduler/tasks/handler.types.js';
export { Task } from './scheduler/tasks/task.js';

export { AsynczModule } from './nest/asyncz.module.js';
export { AsynczExceptionFilter } from './nest/exception.filter.js';
export { InjectScheduler, InjectStore } from './nest/inject.decorators.js';
export type {
  AsynczModuleAsyncOptions,
  AsynczModuleOptions,
  AsynczOptionsFactory,
  AsynczRuntimeOptions,
  ExecutorConfig,
  StoreByContainer,
  StoreByType,
  StoreConfig,
  StoreTypeFactory,
} from './nest/module.options.js';
export type { LogFieldsMode } from './nest/nest.logger.js';
export { OnTaskEvent } from './nest/on-task-event.decorator.js';
export type { OnTaskEventOptions } from './nest/on-task-event.decorator.js';
export type { EnhancerKind } from './nest/pipeline/enhancers.js';
export { AsynczExecutionContext } from './nest/pipeline/execution.context.js';
export type { AsynczContextType } from './nest/pipeline/execution.context.js';
export type { GlobalEnhancers } from './nest/pipeline/global.enhancers.js';
export { Args, Context, Payload } from './nest/pipeline/param.decorators.js';
export { ScheduledTask } from './nest/scheduled-task.decorator.js';
export type { ScheduledTaskOptions } from './nest/scheduled-task.decorator.js';
export { SchedulerService } from './nest/scheduler.service.js';
export { TaskHandler } from './nest/task-handler.decorator.js';
export type { TaskHandlerOptions } from './nest/task-handler.decorator.js';
export { getSchedulerToken, getStoreToken } from './nest/tokens.js';
export { VERSION } from './version.js';
