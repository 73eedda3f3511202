import { namesOf } from '../model/names.js';
import type { Executor } from '../executors/executor.interface.js';
import type { LogRedaction } from '../executors/task-log.js';
import type { Clock } from '../model/clock.js';
import type { Duration } from '../model/duration.js';
import type { Logger } from '../model/logger.js';
import type { TaskPolicyOptions } from '../model/task.policies.js';
import type { Instrumentation } from '../observe/meter/observation.js';
import type { EncryptionOptions } from '../persistence/key-ring.js';
import type { Serializer } from '../persistence/serializer.registry.js';
import type { Store } from '../stores/store.interface.js';
import type { CalendarDefinition } from '../triggers/calendars/calendar.interface.js';
import type { TriggerClass, TriggerFactory } from '../triggers/trigger.registry.js';
import type { OrphanPolicy } from './tasks/deploy.survey.js';
import type { BackoffFunction } from './loop/backoff.registry.js';

/**
 * How much of the journal of a store is kept.
 *
 * @publicApi
 */
export interface JournalRetentionOptions {
  /** How many entries, a whole number from 1; null for no limit. @default 100000 */
  readonly count?: number | null;
  /** For how long; null for no limit. @default '90d' */
  readonly age?: Duration | null;
}

/**
 * How long ended runs are kept. Runs beyond a bound are removed in small batches, some minutes later.
 *
 * @publicApi
 */
export interface RetentionOptions {
  /** How many ended runs of each task, a whole number from 1; null for no limit. @default 1000 */
  readonly count?: number | null;
  /** For how long; null for no limit. @default '7d' */
  readonly age?: Duration | null;
  /**
   * For how long runs that failed or were lost are kept, however many they are: people look at them, and `redriveRun` needs
   * them. null to keep them like the others.
   *
   * @default null
   */
  readonly failuresLonger?: Duration | null;
  /**
   * How much of the journal of each store is kept.
   *
   * @default { count: 100000, age: '90d' }
   */
  readonly journal?: JournalRetentionOptions;
}

/**
 * What a scheduler does with the tasks of its stores: runs them, controls them, or reads them.
 *
 * @publicApi
 */
export type SchedulerRole = 'worker' | 'client' | 'observer';

/**
 * What a start does about what the code declares.
 *
 * - `apply`: brings the stores to it;
 * - `plan-only`: says what it would do, in the log and with the event `scheduler.deploy-pending`, and runs what is stored;
 * - `verify`: refuses to start where it would do something.
 *
 * @publicApi
 */
export type ReconcileMode = 'apply' | 'plan-only' | 'verify';

/**
 * How much is kept of what a run says with `TaskContext.log` and `TaskContext.progress`: it is stored with the run, a second after it
 * was said at the latest.
 *
 * @publicApi
 */
export interface OutputOptions {
  /** How many lines of the log of an attempt are kept, the newest; 0 for none, 500 at the most. @default 100 */
  readonly lines?: number;
  /** How many bytes these lines have in all, 65,536 at the most. @default 16384 */
  readonly bytes?: number;
  /** What is kept of a line, for secrets that must not be. By default all of it. */
  readonly redact?: LogRedaction;
}

/**
 * The options of a scheduler that are plain values: those of `AsynczModule.forRoot` without stores and executors.
 *
 * @publicApi
 */
export interface SchedulerSettings {
  /**
   * The name that the schedulers of one application share, on all replicas.
   *
   * @default 'default'
   */
  readonly name?: string;
  /**
   * `worker` runs tasks; `client` only adds and controls them; `observer` only reads: it makes no tables, changes no record, and
   * no other scheduler sees it.
   *
   * @default 'worker'
   */
  readonly role?: SchedulerRole;
  /** Unique to this scheduler. Host, process and a random part when left out. */
  readonly identity?: string;
  /**
   * The IANA zone of triggers that name none.
   *
   * @default 'UTC'
   */
  readonly timezone?: string;
  /** The policies of tasks that do not set them. */
  readonly taskDefaults?: TaskPolicyOptions;
  /**
   * How long a run's lease holds without a renewal: after that, another scheduler takes over the runs of a process that died.
   * It is renewed three times in that time. At least `'1s'`.
   *
   * @default '30s'
   */
  readonly lease?: Duration;
  /**
   * How often a store is polled for tasks of other processes; also finds what a lost wake-up did not announce. At least
   * `'10ms'`.
   *
   * @default '10s', and '30s' for stores that push wake-ups
   */
  readonly pollInterval?: Duration;
  /**
   * How often the scheduler writes a heartbeat. After three missed ones others consider it dead. At least `'1s'`.
   *
   * @default '15s'
   */
  readonly heartbeatInterval?: Duration;
  /**
   * How long a start may take in all, whatever hangs: a store that does not answer fails it then, and nothing is left open. At
   * least `'1s'`. Make it longer than what a store's `connectRetry` may take.
   *
   * @default '30s'
   */
  readonly startTimeout?: Duration;
  /**
   * How long a shutdown waits for runs under way before it aborts them and gives them back. It ends 5 seconds after that at
   * the latest, whatever hangs.
   *
   * @default '10s'
   */
  readonly shutdownTimeout?: Duration;
  /**
   * How long a handler has to end once its signal was aborted, by a `timeout` or a cancellation; at most an hour. After that its
   * run is ended without it. A shutdown waits for five seconds of it at the most.
   *
   * @default '5s'
   */
  readonly abortGrace?: Duration;
  /**
   * Whether it starts paused and claims nothing until `resume()`.
   *
   * @default false
   */
  readonly startPaused?: boolean;
  /**
   * What happens to tasks that the code no longer declares.
   *
   * @default 'report'
   */
  readonly orphans?: OrphanPolicy;
  /**
   * What a start does where the stores are not as the code declares.
   *
   * @default 'apply'
   */
  readonly reconcile?: ReconcileMode;
  /**
   * After how long a due task is reported if no live scheduler has its handler. At least `'1s'`.
   *
   * @default '5m'
   */
  readonly orphanAfter?: Duration;
  /**
   * Keys for encryption at rest; by default those of the variable `ASYNCZ_STORE_ENCRYPTION_KEY`. See `docs/persistence.md`.
   */
  readonly encryption?: EncryptionOptions;
  /**
   * The largest stored definition or outcome, in bytes.
   *
   * @default 1048576
   */
  readonly maxPayloadBytes?: number;
  /**
   * The largest definition, state or outcome that is read from a store, in bytes: what is larger stays in the store and is
   * unreadable. At least `maxPayloadBytes`.
   *
   * @default four times `maxPayloadBytes`, and 1 MiB at least
   */
  readonly maxRecordBytes?: number;
  /**
   * How long ended runs are kept.
   *
   * @default { count: 1000, age: '7d' }
   */
  readonly retention?: RetentionOptions;
  /**
   * How much is kept of what runs say.
   *
   * @default { lines: 100, bytes: 16384 }
   */
  readonly output?: OutputOptions;
  /** Custom serializers. */
  readonly serializers?: readonly Serializer[];
  /** Custom trigger types, by type name. */
  readonly triggers?: Readonly<Record<string, TriggerFactory | TriggerClass>>;
  /** Exclusion calendars by the names that triggers use: see `docs/triggers.md`. */
  readonly calendars?: Readonly<Record<string, CalendarDefinition>>;
  /** Custom back-off functions, by name. */
  readonly backoffs?: Readonly<Record<string, BackoffFunction>>;
  /**
   * What looks at the scheduler: `openTelemetry()` of `nestjs-asyncz/opentelemetry`, or a function of your own. See
   * `docs/observability.md`.
   */
  readonly instrumentations?: readonly Instrumentation[];
  /**
   * The clock of the scheduler and of stores that have none of their own, such as a `SettableClock` in tests.
   *
   * @default that of the machine
   */
  readonly clock?: Clock;
}

/**
 * Options of a {@link Scheduler} without NestJS.
 *
 * @publicApi
 */
export interface SchedulerOptions extends SchedulerSettings {
  /** Stores by alias. If none is called `default` at the start, a `MemoryStore` is. */
  readonly stores?: Readonly<Record<string, Store>>;
  /** Executors by alias. If none is called `default`, an `AsyncExecutor` is. */
  readonly executors?: Readonly<Record<string, Executor>>;
  /** Where its log goes; nowhere when left out. */
  readonly logger?: Logger;
}

/** The names of {@link SchedulerSettings}. */
export const SCHEDULER_SETTINGS = namesOf<keyof SchedulerSettings>({
  name: 0,
  role: 0,
  identity: 0,
  timezone: 0,
  taskDefaults: 0,
  lease: 0,
  pollInterval: 0,
  heartbeatInterval: 0,
  startTimeout: 0,
  shutdownTimeout: 0,
  abortGrace: 0,
  startPaused: 0,
  orphans: 0,
  reconcile: 0,
  orphanAfter: 0,
  encryption: 0,
  maxPayloadBytes: 0,
  maxRecordBytes: 0,
  retention: 0,
  output: 0,
  serializers: 0,
  triggers: 0,
  calendars: 0,
  backoffs: 0,
  instrumentations: 0,
  clock: 0,
});

/** The names of {@link SchedulerOptions}. */
export const SCHEDULER_OPTIONS = [
  ...SCHEDULER_SETTINGS,
  ...namesOf<Exclude<keyof SchedulerOptions, keyof SchedulerSettings>>({ stores: 0, executors: 0, logger: 0 }),
];
