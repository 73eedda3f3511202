import { hostname } from 'node:os';
import { randomBytes } from 'node:crypto';
import { InvalidOptionError, rejectUnknownOptions } from '../errors/input.errors.js';
import { listOf } from '../errors/asyncz.error.js';
import { namesOf } from '../model/names.js';
import type { Executor } from '../executors/executor.interface.js';
import { SystemClock } from '../model/clock.js';
import type { Clock } from '../model/clock.js';
import type { Duration } from '../model/duration.js';
import { SILENT_LOGGER } from '../model/logger.js';
import type { Logger } from '../model/logger.js';
import { DEFAULT_POLICIES, POLICY_OPTIONS } from '../model/task.policies.js';
import type { TaskPolicies, TaskPolicyOptions } from '../model/task.policies.js';
import type { EncryptionOptions } from '../persistence/key-ring.js';
import { resolveRecordSizes } from '../persistence/record.size.js';
import type { Serializer } from '../persistence/serializer.registry.js';
import type { Store } from '../stores/store.interface.js';
import { assertTimezone, toMilliseconds } from '../time/inputs.js';
import type { CalendarDefinition } from '../triggers/calendars/calendar.interface.js';
import type { TriggerClass, TriggerFactory } from '../triggers/trigger.registry.js';
import type { Retention } from './cluster/housekeeper.js';
import type { OrphanPolicy } from './tasks/task.reconciler.js';
import type { BackoffFunction } from './loop/backoff.registry.js';
import { BackoffRegistry } from './loop/backoff.registry.js';
import { resolvePolicies } from './tasks/policy.reader.js';

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
   * `worker` runs tasks; `client` only adds and controls them.
   *
   * @default 'worker'
   */
  readonly role?: 'worker' | 'client';
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
  /** Custom serializers. */
  readonly serializers?: readonly Serializer[];
  /** Custom trigger types, by type name. */
  readonly triggers?: Readonly<Record<string, TriggerFactory | TriggerClass>>;
  /** Exclusion calendars by the names that triggers use: see `docs/triggers.md`. */
  readonly calendars?: Readonly<Record<string, CalendarDefinition>>;
  /** Custom back-off functions, by name. */
  readonly backoffs?: Readonly<Record<string, BackoffFunction>>;
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
  readonly clock?: Clock;
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
  startPaused: 0,
  orphans: 0,
  orphanAfter: 0,
  encryption: 0,
  maxPayloadBytes: 0,
  maxRecordBytes: 0,
  retention: 0,
  serializers: 0,
  triggers: 0,
  calendars: 0,
  backoffs: 0,
});

const OPTIONS = [
  ...SCHEDULER_SETTINGS,
  ...namesOf<Exclude<keyof SchedulerOptions, keyof SchedulerSettings>>({
    stores: 0,
    executors: 0,
    clock: 0,
    logger: 0,
  }),
];

const RETENTION_OPTIONS = namesOf<keyof RetentionOptions>({ count: 0, age: 0, failuresLonger: 0 });

const ROLES = ['worker', 'client'] as const;
const ORPHANS = namesOf<OrphanPolicy>({ report: 0, pause: 0, remove: 0 });

/** {@link SchedulerOptions} checked and filled in. */
export interface ResolvedSchedulerOptions {
  readonly name: string;
  readonly role: 'worker' | 'client';
  readonly identity: string;
  readonly timezone: string;
  readonly taskDefaults: TaskPolicies;
  readonly leaseMs: number;
  /** null: by what the store can. */
  readonly pollIntervalMs: number | null;
  readonly heartbeatMs: number;
  readonly startTimeoutMs: number;
  readonly shutdownTimeoutMs: number;
  readonly startPaused: boolean;
  readonly orphans: OrphanPolicy;
  readonly orphanAfterMs: number;
  readonly encryption: EncryptionOptions | undefined;
  readonly maxPayloadBytes: number;
  readonly maxRecordBytes: number;
  readonly retention: Retention;
  readonly serializers: readonly Serializer[];
  readonly triggers: Readonly<Record<string, TriggerFactory | TriggerClass>>;
  readonly calendars: Readonly<Record<string, CalendarDefinition>>;
  readonly backoffs: BackoffRegistry;
  /** undefined: one in memory. */
  readonly stores: Readonly<Record<string, Store>> | undefined;
  readonly executors: Readonly<Record<string, Executor>>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Checks the options of a scheduler and fills in what is left out. Changes nothing of what it is given.
 *
 * @throws InvalidOptionError, UnknownOptionError
 */
export function resolveSchedulerOptions(options: SchedulerOptions): ResolvedSchedulerOptions {
  rejectUnknownOptions('a scheduler', options, OPTIONS);
  const { name = 'default', role = 'worker', timezone = 'UTC', orphans = 'report', taskDefaults = {} } = options;
  if (!ROLES.includes(role)) throw new InvalidOptionError('role', role, listOf(ROLES));
  if (!ORPHANS.includes(orphans)) throw new InvalidOptionError('orphans', orphans, listOf(ORPHANS));
  assertTimezone(timezone, 'timezone');
  rejectUnknownOptions('taskDefaults', taskDefaults, POLICY_OPTIONS);
  const backoffs = new BackoffRegistry();
  for (const [key, backoff] of Object.entries(options.backoffs ?? {})) backoffs.register(key, backoff);
  return {
    name: checkText('name', name),
    role,
    identity: checkText('identity', options.identity ?? newIdentity()),
    timezone,
    taskDefaults: resolvePolicies(taskDefaults, DEFAULT_POLICIES, backoffs.names()),
    leaseMs: toMilliseconds(options.lease ?? '30s', 'lease', { min: 1_000 }),
    pollIntervalMs:
      options.pollInterval === undefined ? null : toMilliseconds(options.pollInterval, 'pollInterval', { min: 10 }),
    heartbeatMs: toMilliseconds(options.heartbeatInterval ?? '15s', 'heartbeatInterval', { min: 1_000 }),
    startTimeoutMs: toMilliseconds(options.startTimeout ?? '30s', 'startTimeout', { min: 1_000 }),
    shutdownTimeoutMs: toMilliseconds(options.shutdownTimeout ?? '10s', 'shutdownTimeout', { min: 0 }),
    startPaused: options.startPaused ?? false,
    orphans,
    orphanAfterMs: toMilliseconds(options.orphanAfter ?? '5m', 'orphanAfter', { min: 1_000 }),
    encryption: options.encryption,
    ...resolveRecordSizes(options),
    retention: resolveRetention(options.retention ?? {}),
    serializers: options.serializers ?? [],
    triggers: options.triggers ?? {},
    calendars: options.calendars ?? {},
    backoffs,
    stores: options.stores,
    executors: options.executors ?? {},
    clock: options.clock ?? new SystemClock(),
    logger: options.logger ?? SILENT_LOGGER,
  };
}

function resolveRetention(options: RetentionOptions): Retention {
  rejectUnknownOptions('retention', options, RETENTION_OPTIONS);
  const { count = 1_000, age = '7d', failuresLonger = null } = options;
  if (count !== null && (!Number.isSafeInteger(count) || count < 1)) {
    throw new InvalidOptionError('retention.count', count, 'a whole number from 1, or null');
  }
  const ageMs = age === null ? null : toMilliseconds(age, 'retention.age', { min: 0 });
  const failuresMs =
    failuresLonger === null ? null : toMilliseconds(failuresLonger, 'retention.failuresLonger', { min: ageMs ?? 0 });
  return { count, ageMs, failuresMs };
}

function newIdentity(): string {
  return `${hostname()}-${process.pid}-${randomBytes(4).toString('hex')}`;
}

function checkText(option: string, value: unknown): string {
  if (typeof value !== 'string' || value.trim() === '' || value.length > 200) {
    throw new InvalidOptionError(option, value, 'a text of 1 to 200 characters');
  }
  return value;
}
