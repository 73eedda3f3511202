import type { Duration } from './duration.js';
import type { ExpectOptions, ExpectPolicy } from './expect.js';
import type { Policy } from './policy.kinds.js';
import type { RateLimitOptions, RatePolicy } from './rate.js';
import type { RetryOptions, RetryPolicy } from './retry.js';

const COALESCE = ['latest', 'earliest', 'all'] as const;

/**
 * How several due times of one task that are found at once are run: one run for the latest or the earliest, or one run for
 * each, up to `maxCatchUp`.
 *
 * @publicApi
 */
export type Coalesce = (typeof COALESCE)[number];

const OVERLAP = ['skip', 'queueOne', 'queueAll', 'cancelRunning', 'allow'] as const;

/**
 * How a due time is handled while the task already runs `maxInstances` times in the cluster.
 *
 * - `skip`: it is recorded as skipped and does not run.
 * - `queueOne`: one waits for its turn; further ones are skipped.
 * - `queueAll`: all wait for their turn, up to `maxQueued`.
 * - `cancelRunning`: the oldest running one is aborted and this one takes its place.
 * - `allow`: it runs beside the others; `maxInstances` does not hold it back.
 *
 * @publicApi
 */
export type Overlap = (typeof OVERLAP)[number];

const DELIVERY = ['at-least-once', 'at-most-once'] as const;

/**
 * How a run whose process died is handled: `at-least-once` runs it again, `at-most-once` records it as lost.
 *
 * @publicApi
 */
export type Delivery = (typeof DELIVERY)[number];

const HISTORY = ['all', 'failures', 'none'] as const;

/**
 * Which ended attempts of a task are kept in the history: `all`; `failures`, all but those that succeeded; or `none`. Whatever
 * it says, a dead run is kept, since it can be redriven, and a run that somebody has asked for, since somebody may wait for it.
 *
 * @publicApi
 */
export type HistoryPolicy = (typeof HISTORY)[number];

/**
 * The policies of a task, as decorators, `addTask` and `taskDefaults` take them.
 *
 * @publicApi
 */
export interface TaskPolicyOptions {
  /**
   * How several due times found at once, for example after an outage, are run: `true` or `latest` runs the latest, `earliest`
   * the first, `false` or `all` each (up to `maxCatchUp`). The run records how many it stands for.
   *
   * @default true
   */
  readonly coalesce?: boolean | Coalesce;
  /**
   * With `coalesce: 'all'`, how many missed times are run at most, 1 to 1,000: the latest ones. The others are recorded as
   * missed.
   *
   * @default 100
   */
  readonly maxCatchUp?: number;
  /**
   * How late a run may start before it is recorded as missed; null for no limit.
   *
   * @default null
   */
  readonly misfireGraceTime?: Duration | null;
  /**
   * How many runs of the task may run at a time in the whole cluster; a whole number from 1.
   *
   * @default 1
   */
  readonly maxInstances?: number;
  /**
   * How a due time is handled while the task already runs `maxInstances` times.
   *
   * @default 'skip'
   */
  readonly overlap?: Overlap;
  /**
   * With `overlap: 'queueAll'`, how many may wait, 1 to 1,000.
   *
   * @default 100
   */
  readonly maxQueued?: number;
  /**
   * How a run whose process died is handled: run again, or recorded as lost.
   *
   * @default 'at-least-once'
   */
  readonly delivery?: Delivery;
  /**
   * After how many lost attempts in a row a run is not tried again; a whole number from 1. An attempt is lost when its process
   * died, or was blocked or cut off from the store for longer than its lease.
   *
   * @default 3
   */
  readonly maxLost?: number;
  /**
   * If more tasks are due than can start, smaller numbers go first; a whole number. One claim in eight goes by age alone, so
   * that no task starves.
   *
   * @default 0
   */
  readonly priority?: number;
  /**
   * The name of a group of tasks that share a limit, for example the system that all of them use; null for none.
   *
   * @default null
   */
  readonly group?: string | null;
  /**
   * With `group`: how many runs of the group may run at a time in the whole cluster; a whole number from 1. The task waits
   * while there are so many. The tasks of a group should have the same limit; otherwise each follows its own.
   *
   * @default 1
   */
  readonly groupLimit?: number;
  /**
   * How many runs start in a time at the most, in the whole cluster; null for no limit. It is shared by the tasks of the group, or of
   * the handler where there is no group. Each attempt counts. What is too much waits.
   *
   * @default null
   */
  readonly rateLimit?: RateLimitOptions | null;
  /**
   * Where in its arguments the key of the task is, such as a tenant: `'data.tenantId'`, `'args.0'`; null for none. The key is a text of 1 to 100
   * characters, a number or a boolean. Limits may be by it, and the keys of a group take turns. Stores keep it in clear.
   *
   * @default null
   */
  readonly limitKey?: string | null;
  /**
   * With `limitKey`: how many runs with the same key may run at a time in the whole cluster, of the group or of the handler where there is
   * no group; a whole number from 1, null for no limit.
   *
   * @default null
   */
  readonly keyLimit?: number | null;
  /**
   * How a failed run is tried again: the number of attempts, or more options; null for no retry.
   *
   * @default null
   */
  readonly retry?: number | RetryOptions | null;
  /**
   * How long one attempt may take before its signal is aborted and it counts as failed; null for no limit.
   *
   * @default null
   */
  readonly timeout?: Duration | null;
  /**
   * What is expected of it: a start, an end, a success every so often. Where that does not come, `task.late` or `task.silent` is emitted,
   * and `task.recovered` later: see `docs/operations.md`; null for nothing.
   *
   * @default null
   */
  readonly expect?: ExpectOptions | null;
  /**
   * After how many runs in a row that failed or were lost for good the task is paused; null for never.
   *
   * @default null
   */
  readonly pauseAfterFailures?: number | null;
  /**
   * Which ended attempts the history keeps: `all`, `failures` (all but those that succeeded) or `none`. Dead runs and runs that
   * somebody has asked for are always kept. Events and the `lastRun` of the task tell of every run.
   *
   * @default 'all'
   */
  readonly history?: HistoryPolicy;
  /**
   * Whether the history keeps what the handler returns. Listeners of `run.succeeded` get it either way.
   *
   * @default true
   */
  readonly keepResult?: boolean;
}

/**
 * The policies of a task, with every field set.
 *
 * @publicApi
 */
export interface TaskPolicies {
  readonly coalesce: Coalesce;
  /** With `coalesce: 'all'`, how many missed times are run at most; the others are recorded as missed. */
  readonly maxCatchUp: number;
  /** How late a run may start, in milliseconds, before it is recorded as missed; null for no limit. */
  readonly misfireGraceMs: number | null;
  /** How many runs of it may run at a time in the whole cluster. */
  readonly maxInstances: number;
  readonly overlap: Overlap;
  /** With `overlap: 'queueAll'`, how many may wait. */
  readonly maxQueued: number;
  readonly delivery: Delivery;
  /** After how many lost attempts in a row a run is not tried again. */
  readonly maxLost: number;
  /** Smaller numbers go first. */
  readonly priority: number;
  /** The group of tasks that it shares a limit with; null for none. */
  readonly group: string | null;
  /** How many runs of its group may run at a time in the whole cluster. */
  readonly groupLimit: number;
  /** How many runs start in a time at the most; null for no limit. */
  readonly rateLimit: RatePolicy | null;
  /** Where in its arguments the key of the task is; null for none. */
  readonly limitKey: string | null;
  /** How many runs with the same key may run at a time in the whole cluster; null for no limit. */
  readonly keyLimit: number | null;
  readonly retry: RetryPolicy | null;
  /** How long one attempt may take, in milliseconds, before its signal is aborted; null for no limit. */
  readonly timeoutMs: number | null;
  /** What is expected of it; null for nothing. */
  readonly expect: ExpectPolicy | null;
  /** After how many runs in a row that failed or were lost for good it is paused; null for never. */
  readonly pauseAfterFailures: number | null;
  /** Which ended attempts the history keeps, beside dead runs and those that somebody has asked for. */
  readonly history: HistoryPolicy;
  /** Whether the history keeps what the handler returns. */
  readonly keepResult: boolean;
}

/** How many runs of one task may wait: they stand in its record, which is read and written as a whole. */
const MAX_WAITING = 1_000;

/**
 * Every policy: its option, the values it takes and its default. The reader of options, the check of stored tasks, the
 * defaults and the list of option names are made of this table, and the compiler wants a row for each field of
 * {@link TaskPolicies} and an option for each of {@link TaskPolicyOptions}.
 */
export const POLICIES = {
  coalesce: {
    option: 'coalesce',
    kind: { is: 'choice', of: COALESCE, flags: { true: 'latest', false: 'all' } },
    nullable: false,
    fallback: 'latest',
  },
  maxCatchUp: { option: 'maxCatchUp', kind: { is: 'count', max: MAX_WAITING }, nullable: false, fallback: 100 },
  misfireGraceMs: { option: 'misfireGraceTime', kind: { is: 'duration', min: 0 }, nullable: true, fallback: null },
  maxInstances: { option: 'maxInstances', kind: { is: 'count' }, nullable: false, fallback: 1 },
  overlap: { option: 'overlap', kind: { is: 'choice', of: OVERLAP }, nullable: false, fallback: 'skip' },
  maxQueued: { option: 'maxQueued', kind: { is: 'count', max: MAX_WAITING }, nullable: false, fallback: 100 },
  delivery: { option: 'delivery', kind: { is: 'choice', of: DELIVERY }, nullable: false, fallback: 'at-least-once' },
  maxLost: { option: 'maxLost', kind: { is: 'count' }, nullable: false, fallback: 3 },
  priority: { option: 'priority', kind: { is: 'integer' }, nullable: false, fallback: 0 },
  // Shorter than an id by what is put in front of it for the group's record.
  group: { option: 'group', kind: { is: 'text', maxLength: 200 }, nullable: true, fallback: null },
  groupLimit: { option: 'groupLimit', kind: { is: 'count' }, nullable: false, fallback: 1 },
  rateLimit: { option: 'rateLimit', kind: { is: 'rate' }, nullable: true, fallback: null },
  limitKey: { option: 'limitKey', kind: { is: 'text', maxLength: 200 }, nullable: true, fallback: null },
  keyLimit: { option: 'keyLimit', kind: { is: 'count' }, nullable: true, fallback: null },
  retry: { option: 'retry', kind: { is: 'retry' }, nullable: true, fallback: null },
  timeoutMs: { option: 'timeout', kind: { is: 'duration', min: 1 }, nullable: true, fallback: null },
  expect: { option: 'expect', kind: { is: 'expect' }, nullable: true, fallback: null },
  pauseAfterFailures: { option: 'pauseAfterFailures', kind: { is: 'count' }, nullable: true, fallback: null },
  history: { option: 'history', kind: { is: 'choice', of: HISTORY }, nullable: false, fallback: 'all' },
  keepResult: { option: 'keepResult', kind: { is: 'flag' }, nullable: false, fallback: true },
} as const satisfies { readonly [Name in keyof TaskPolicies]: Policy<TaskPolicies[Name], keyof TaskPolicyOptions> };

/** The names under which tasks keep their policies. */
export const POLICY_NAMES = Object.keys(POLICIES) as readonly (keyof TaskPolicies)[];

/** The compiler refuses an `Option` that has no row in {@link POLICIES}. */
type InTable<Option extends (typeof POLICIES)[keyof TaskPolicies]['option']> = Option;

/** The names of the {@link TaskPolicyOptions}. */
export const POLICY_OPTIONS: readonly InTable<keyof TaskPolicyOptions>[] = POLICY_NAMES.map(
  (name) => POLICIES[name].option,
);

/**
 * The policies of a task that sets none: no limit to lateness, one run for all missed times, one run at a time in the whole
 * cluster, again when its process died.
 */
export const DEFAULT_POLICIES = Object.fromEntries(
  POLICY_NAMES.map((name) => [name, POLICIES[name].fallback]),
) as unknown as TaskPolicies;
