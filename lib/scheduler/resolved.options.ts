import { hostname } from 'node:os';
import { randomBytes } from 'node:crypto';
import { InvalidOptionError, rejectUnknownOptions } from '../errors/input.errors.js';
import { listOf } from '../errors/asyncz.error.js';
import { checkFlag, checkList, checkMethods, checkName, checkNamed } from '../errors/option.checks.js';
import { namesOf } from '../model/names.js';
import type { Executor } from '../executors/executor.interface.js';
import { SystemClock } from '../model/clock.js';
import { MOST_OUTPUT } from '../model/run.output.js';
import type { Clock } from '../model/clock.js';
import { guardedLogger, SILENT_LOGGER } from '../model/logger.js';
import type { Logger } from '../model/logger.js';
import { DEFAULT_POLICIES, POLICY_OPTIONS } from '../model/task.policies.js';
import type { TaskPolicies } from '../model/task.policies.js';
import type { Instrumentation } from '../observe/meter/observation.js';
import type { EncryptionOptions } from '../persistence/key-ring.js';
import { resolveRecordSizes } from '../persistence/record.size.js';
import type { Serializer } from '../persistence/serializer.registry.js';
import type { Store } from '../stores/store.interface.js';
import { assertTimezone, toMilliseconds } from '../time/inputs.js';
import type { CalendarDefinition } from '../triggers/calendars/calendar.interface.js';
import type { TriggerClass, TriggerFactory } from '../triggers/trigger.registry.js';
import type { Retention } from './cluster/housekeeper.js';
import { SCHEDULER_OPTIONS } from './scheduler.options.js';
import type {
  JournalRetentionOptions,
  OutputOptions,
  ReconcileMode,
  RetentionOptions,
  SchedulerOptions,
  SchedulerRole,
} from './scheduler.options.js';
import type { OutputKeeping } from './loop/run.output.js';
import type { OrphanPolicy } from './tasks/deploy.survey.js';
import { BackoffRegistry } from './loop/backoff.registry.js';
import { resolvePolicies } from './tasks/policy.reader.js';
import { wholeClock } from '../time/whole.clock.js';

const OUTPUT_OPTIONS = namesOf<keyof OutputOptions>({ lines: 0, bytes: 0, redact: 0 });
const RETENTION_OPTIONS = namesOf<keyof RetentionOptions>({ count: 0, age: 0, failuresLonger: 0, journal: 0 });
const JOURNAL_RETENTION_OPTIONS = namesOf<keyof JournalRetentionOptions>({ count: 0, age: 0 });

/** One hour: a run whose handler does not obey must end some time. */
const MAX_ABORT_GRACE_MS = 3_600_000;

const ROLES = namesOf<SchedulerRole>({ worker: 0, client: 0, observer: 0 });
const RECONCILE = namesOf<ReconcileMode>({ apply: 0, 'plan-only': 0, verify: 0 });
const ORPHANS = namesOf<OrphanPolicy>({ report: 0, pause: 0, remove: 0 });

/** {@link SchedulerOptions} checked and filled in. */
export interface ResolvedSchedulerOptions {
  readonly name: string;
  readonly role: SchedulerRole;
  readonly identity: string;
  readonly timezone: string;
  /** Whether it was given. */
  readonly hasTimezone: boolean;
  readonly taskDefaults: TaskPolicies;
  readonly leaseMs: number;
  /** null: by what the store can. */
  readonly pollIntervalMs: number | null;
  readonly heartbeatMs: number;
  readonly startTimeoutMs: number;
  readonly shutdownTimeoutMs: number;
  readonly abortGraceMs: number;
  readonly startPaused: boolean;
  readonly orphans: OrphanPolicy;
  readonly reconcile: ReconcileMode;
  readonly orphanAfterMs: number;
  readonly encryption: EncryptionOptions | undefined;
  readonly maxPayloadBytes: number;
  readonly maxRecordBytes: number;
  readonly retention: Retention;
  readonly output: OutputKeeping;
  readonly serializers: readonly Serializer[];
  readonly triggers: Readonly<Record<string, TriggerFactory | TriggerClass>>;
  readonly calendars: Readonly<Record<string, CalendarDefinition>>;
  readonly backoffs: BackoffRegistry;
  /** undefined: one in memory. */
  readonly stores: Readonly<Record<string, Store>> | undefined;
  readonly executors: Readonly<Record<string, Executor>>;
  readonly instrumentations: readonly Instrumentation[];
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Checks the options of a scheduler and fills in what is left out. Changes nothing of what it is given.
 *
 * @throws InvalidOptionError, UnknownOptionError
 */
export function resolveSchedulerOptions(options: SchedulerOptions): ResolvedSchedulerOptions {
  rejectUnknownOptions('a scheduler', options, SCHEDULER_OPTIONS);
  const { role = 'worker', timezone = 'UTC', taskDefaults = {}, startPaused = false } = options;
  const { orphans = 'report', reconcile = 'apply' } = options;
  if (!ROLES.includes(role)) throw new InvalidOptionError('role', role, listOf(ROLES));
  if (!ORPHANS.includes(orphans)) throw new InvalidOptionError('orphans', orphans, listOf(ORPHANS));
  if (!RECONCILE.includes(reconcile)) throw new InvalidOptionError('reconcile', reconcile, listOf(RECONCILE));
  assertTimezone(timezone, 'timezone');
  rejectUnknownOptions('taskDefaults', taskDefaults, POLICY_OPTIONS);
  const backoffs = new BackoffRegistry();
  for (const [key, backoff] of Object.entries(checkNamed('backoffs', options.backoffs ?? {}, 'functions')))
    backoffs.register(key, backoff);
  return {
    ...resolveIdentity(options),
    ...resolveTimes(options),
    ...resolveParts(options),
    role,
    timezone,
    hasTimezone: options.timezone !== undefined,
    taskDefaults: resolvePolicies(taskDefaults, DEFAULT_POLICIES, backoffs.names()),
    startPaused: checkFlag('startPaused', startPaused),
    orphans,
    reconcile,
    encryption: options.encryption,
    ...resolveRecordSizes(options),
    retention: resolveRetention(options.retention),
    output: resolveOutput(options.output),
    backoffs,
  };
}

function resolveIdentity({ name = 'default', identity = newIdentity() }: SchedulerOptions) {
  return { name: checkName('name', name), identity: checkName('identity', identity) };
}

function newIdentity(): string {
  return `${hostname()}-${process.pid}-${randomBytes(4).toString('hex')}`;
}

function resolveTimes({
  lease = '30s',
  pollInterval,
  heartbeatInterval = '15s',
  startTimeout = '30s',
  shutdownTimeout = '10s',
  abortGrace = '5s',
  orphanAfter = '5m',
}: SchedulerOptions) {
  return {
    leaseMs: toMilliseconds(lease, 'lease', { min: 1_000 }),
    pollIntervalMs: pollInterval === undefined ? null : toMilliseconds(pollInterval, 'pollInterval', { min: 10 }),
    heartbeatMs: toMilliseconds(heartbeatInterval, 'heartbeatInterval', { min: 1_000 }),
    startTimeoutMs: toMilliseconds(startTimeout, 'startTimeout', { min: 1_000 }),
    shutdownTimeoutMs: toMilliseconds(shutdownTimeout, 'shutdownTimeout', { min: 0 }),
    abortGraceMs: toMilliseconds(abortGrace, 'abortGrace', { min: 0, max: MAX_ABORT_GRACE_MS }),
    orphanAfterMs: toMilliseconds(orphanAfter, 'orphanAfter', { min: 1_000 }),
  };
}

/** What people make themselves. */
function resolveParts({
  serializers = [],
  triggers = {},
  calendars = {},
  stores,
  executors = {},
  instrumentations = [],
  clock = new SystemClock(),
  logger = SILENT_LOGGER,
}: SchedulerOptions) {
  return {
    serializers: checkList('serializers', serializers, 'serializers'),
    triggers: checkNamed('triggers', triggers, 'trigger types'),
    calendars: checkNamed('calendars', calendars, 'calendars'),
    stores: stores === undefined ? undefined : checkNamed('stores', stores, 'stores'),
    executors: checkNamed('executors', executors, 'executors'),
    instrumentations: checkInstrumentations(instrumentations),
    clock: wholeClock(checkMethods('clock', clock, ['now', 'monotonic', 'schedule'])),
    logger: guardedLogger(checkMethods('logger', logger, ['debug', 'info', 'warn', 'error'])),
  };
}

function resolveOutput(options: OutputOptions = {}): OutputKeeping {
  rejectUnknownOptions('output', options, OUTPUT_OPTIONS);
  const { lines = 100, bytes = 16_384, redact } = options;
  checkBound('output.lines', lines, MOST_OUTPUT.lines);
  checkBound('output.bytes', bytes, MOST_OUTPUT.bytes);
  if (redact !== undefined && typeof redact !== 'function') {
    throw new InvalidOptionError('output.redact', redact, 'a function');
  }
  return { lines, bytes, redact };
}

function checkBound(option: string, value: number, most: number): void {
  if (!Number.isSafeInteger(value) || value < 0 || value > most) {
    throw new InvalidOptionError(option, value, `a whole number from 0 to ${most}`);
  }
}

function checkInstrumentations(given: readonly Instrumentation[]): readonly Instrumentation[] {
  for (const one of checkList('instrumentations', given, 'functions')) {
    if (typeof one !== 'function') throw new InvalidOptionError('instrumentations', one, 'functions in a list');
  }
  return given;
}

function resolveRetention(options: RetentionOptions = {}): Retention {
  rejectUnknownOptions('retention', options, RETENTION_OPTIONS);
  const { count = 1_000, age = '7d', failuresLonger = null, journal = {} } = options;
  const ageMs = age === null ? null : toMilliseconds(age, 'retention.age', { min: 0 });
  const failuresMs =
    failuresLonger === null ? null : toMilliseconds(failuresLonger, 'retention.failuresLonger', { min: ageMs ?? 0 });
  rejectUnknownOptions('retention.journal', journal, JOURNAL_RETENTION_OPTIONS);
  const { count: entries = 100_000, age: entryAge = '90d' } = journal;
  return {
    count: checkedCount('retention.count', count),
    ageMs,
    failuresMs,
    journal: {
      count: checkedCount('retention.journal.count', entries),
      ageMs: entryAge === null ? null : toMilliseconds(entryAge, 'retention.journal.age', { min: 0 }),
    },
  };
}

function checkedCount(option: string, count: number | null): number | null {
  if (count === null || (Number.isSafeInteger(count) && count >= 1)) return count;
  throw new InvalidOptionError(option, count, 'a whole number from 1, or null');
}
