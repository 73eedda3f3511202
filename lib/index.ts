// The public names of `nestjs-asyncz`, one by one. None of them needs an optional package.

export { SettableClock, SystemClock, MAX_TIMER_MS } from './model/clock.js';
export type { Clock } from './model/clock.js';
export { formatDuration, parseDuration } from './model/duration.js';
export type { Duration } from './model/duration.js';
export { SILENT_LOGGER } from './model/logger.js';
export type { Logger } from './model/logger.js';
export type {
  PageRequest,
  StoredRunFilter,
  StoredRunPage,
  RunPageRequest,
  StoredTaskFilter,
  StoredTaskPage,
  TaskSort,
  TaskSortKey,
  TaskStateName,
} from './model/query.js';
export type { CancelRequest, LiveRun, RunError, RunRecord, RunSource, RunStatus } from './model/run.js';
export type { SchedulerInstance } from './model/scheduler-instance.js';
export { DEFAULT_POLICIES } from './model/task.defaults.js';
export { dueTime, isUnreadable } from './model/task.js';
export type {
  LastRun,
  Pause,
  StoredTask,
  TaskProblem,
  TaskRecord,
  TaskState,
  UnreadableReason,
  UnreadableTask,
} from './model/task.js';
export type {
  Coalesce,
  Declaration,
  Delivery,
  Overlap,
  RetryPolicy,
  TaskDefinition,
  TaskOrigin,
  TaskPolicies,
  TriggerData,
} from './model/definition.js';

export { AsynczError } from './errors/asyncz.error.js';
export { InvalidOptionError, UnknownNameError, UnknownOptionError } from './errors/input.errors.js';
export {
  LeaseLostError,
  RunAbortedError,
  RunCancelledError,
  RunNotFoundError,
  RunTimeoutError,
  RunWaitTimeoutError,
  ShutdownError,
  RunNotDeadError,
  RunUnreadableError,
  TaskReplacedError,
} from './errors/run.errors.js';
export {
  DuplicateNameError,
  InvalidTaskStateError,
  SchedulerNotRunningError,
  SchedulerRunningError,
  DrainTimeoutError,
  DrainUnknownError,
  DrainWithdrawnError,
} from './errors/scheduler.errors.js';
export {
  EncryptionDisabledError,
  PayloadTooLargeError,
  UnserializableError,
  WeakSecretError,
} from './errors/persistence.errors.js';
export { FileLockTimeoutError, FileStoreError, FileStoreFormatError } from './errors/file-store.errors.js';
export { StoreInUseError, StoreStartError } from './errors/store.errors.js';
export { CronSyntaxError, ImpossibleTriggerError } from './errors/trigger.errors.js';
export {
  TaskConflictError,
  TaskError,
  TaskNotFoundError,
  TaskUnreadableError,
  TriggerExhaustedError,
  VersionConflictError,
} from './errors/task.errors.js';

export { AndTrigger } from './triggers/and.trigger.js';
export { BaseTrigger } from './triggers/base.trigger.js';
export { CalendarIntervalTrigger } from './triggers/calendar-interval.trigger.js';
export type { CalendarDefinition, CalendarSource, OnExcluded } from './triggers/calendars/calendar.interface.js';
export { CronTrigger } from './triggers/cron.trigger.js';
export { DateTrigger } from './triggers/date.trigger.js';
export { FixedDelayTrigger } from './triggers/fixed-delay.trigger.js';
export { IntervalTrigger } from './triggers/interval.trigger.js';
export { ShutdownTrigger, StartupTrigger } from './triggers/lifecycle.triggers.js';
export { OrTrigger } from './triggers/or.trigger.js';
export { RRuleTrigger } from './triggers/rrule.trigger.js';
export type {
  CronFieldOptions,
  DstOptions,
  ScheduleTriggerOptions,
  TriggerOptions,
  TriggerOptionsMap,
} from './triggers/trigger.options.js';
export { createTrigger, defaultTriggerRegistry, TriggerRegistry } from './triggers/trigger.registry.js';
export type { TriggerClass, TriggerFactory } from './triggers/trigger.registry.js';
export type {
  CatchUp,
  Occurrence,
  TriggerAdvance,
  TriggerCreation,
  TriggerSeed,
} from './triggers/trigger.interface.js';
export type { TriggerContext } from './triggers/trigger.context.js';

export type { EncryptionOptions, Secrets } from './persistence/key-ring.js';
export { isUnstoredResult } from './persistence/unstored-result.js';
export type { UnstoredResult } from './persistence/unstored-result.js';
export type { Serializer } from './persistence/serializer.registry.js';
export type { RunRow, TaskCodec, TaskRow, TaskStateRow } from './persistence/codec.interface.js';

export type { SchedulerListener } from './events/event.dispatcher.js';
export type { SchedulerEvent, SchedulerEventMap, SchedulerEventName } from './events/event.map.js';

export { BaseStore } from './stores/base.store.js';
export { fileStore } from './stores/file/file-store.config.js';
export type { FileStoreConfig } from './stores/file/file-store.config.js';
export { FileStore } from './stores/file/file.store.js';
export type { FileStoreOptions } from './stores/file/file-store.options.js';
export { MemoryStore } from './stores/memory/memory.store.js';
export type {
  AddOptions,
  Awaitable,
  ClaimDecision,
  ClaimedTask,
  ClaimPlan,
  ClaimRequest,
  ClaimResult,
  Committed,
  DueFilter,
  DueOrder,
  FailedChange,
  FinishResult,
  LeaseRef,
  PruneOptions,
  RenewResult,
  RunResult,
  Selection,
  Store,
  StoreCapabilities,
  StoreContext,
  Transacted,
} from './stores/store.interface.js';
export type { Apply, Change } from './model/change.js';
export { DUE_KEYS } from './model/due-keys.js';
export type { DueExcept, DueKey, DueKeyValues } from './model/due-keys.js';

export { AsyncExecutor } from './executors/async.executor.js';
export type { AsyncExecutorOptions } from './executors/async.executor.js';
export type { Executor, ExecutorJob } from './executors/executor.interface.js';
export { currentTaskContext, TaskContext } from './executors/task-context.js';

export type { Handler, HandlerPolicy } from './scheduler/loop/handler.registry.js';
export type { RunInfo } from './scheduler/tasks/run.info.js';
export type { WaitOptions } from './scheduler/tasks/run.control.js';
export type { DeclaredTask } from './scheduler/tasks/task.reconciler.js';
export type { BackoffFunction } from './scheduler/loop/backoff.registry.js';
export type { SchedulerInfo, SchedulerState, StoreInfo } from './scheduler/scheduler.info.js';
export type { SchedulerInstanceInfo } from './scheduler/cluster/instance.info.js';
export type { RetentionOptions, SchedulerOptions, SchedulerSettings } from './scheduler/scheduler.options.js';
export type { OrphanPolicy } from './scheduler/tasks/task.reconciler.js';
export { Scheduler } from './scheduler/scheduler.js';
export type {
  CopyOptions,
  CopyResult,
  MaintenanceProgress,
  RotateOptions,
} from './scheduler/tasks/store.maintenance.js';
export type { AnyTaskInfo, TaskInfo, UnreadableTaskInfo } from './scheduler/tasks/task.info.js';
export type {
  PreviewOptions,
  RunInfoPage,
  RunQuery,
  TaskInfoPage,
  TaskPreview,
  TaskQuery,
} from './scheduler/tasks/task.inspection.js';
export type { ActorOptions, ControlOptions, TaskTarget } from './scheduler/tasks/control.options.js';
export type { DrainOptions } from './scheduler/cluster/drain.control.js';
export type { BackfillOptions, TaskRef } from './scheduler/tasks/task.operations.js';
export type {
  HandlerArgs,
  HandlerName,
  RetryOptions,
  TaskBaseOptions,
  TaskChanges,
  TaskHandlers,
  TaskOptions,
  TaskPolicyOptions,
  TimeInput,
  TriggerInput,
} from './scheduler/tasks/task.options.js';
export { Task } from './scheduler/tasks/task.js';

export { AsynczModule } from './nest/asyncz.module.js';
export { InjectScheduler, InjectStore } from './nest/inject.decorators.js';
export type {
  AsynczModuleAsyncOptions,
  AsynczModuleOptions,
  AsynczOptionsFactory,
  AsynczRuntimeOptions,
  ExecutorConfig,
  StoreByType,
  StoreConfig,
  StoreProvider,
  StoreTypeFactory,
} from './nest/module.options.js';
export { ScheduledTask } from './nest/scheduled-task.decorator.js';
export type { ScheduledTaskOptions } from './nest/scheduled-task.decorator.js';
export { SchedulerService } from './nest/scheduler.service.js';
export type { RunTaskOptions } from './nest/scheduler.service.js';
export { TaskHandler } from './nest/task-handler.decorator.js';
export type { TaskHandlerOptions } from './nest/task-handler.decorator.js';
export { DEFAULT_SCHEDULER, getSchedulerToken, getStoreToken } from './nest/tokens.js';
export { VERSION } from './version.js';
