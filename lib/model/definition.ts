/**
 * A trigger as it is stored: its type and its options, plain JSON. Which options a type has is in `docs/triggers.md`.
 *
 * @publicApi
 */
export interface TriggerData {
  readonly type: string;
  readonly [option: string]: unknown;
}

/**
 * What becomes of several due times of one task that are found at once: one run for the latest or the earliest of them,
 * or one run for each (bounded by `maxCatchUp`).
 *
 * @publicApi
 */
export type Coalesce = 'latest' | 'earliest' | 'all';

/**
 * What becomes of a due time that comes while the task already runs `maxInstances` times in the cluster.
 *
 * - `skip`: it is recorded as skipped and does not run.
 * - `queueOne`: one waits for its turn; further ones are skipped.
 * - `queueAll`: all wait for their turn, up to `maxQueued`.
 * - `cancelRunning`: the oldest running one is aborted and this one takes its place.
 * - `allow`: it runs beside the others; `maxInstances` does not hold it back.
 *
 * @publicApi
 */
export type Overlap = 'skip' | 'queueOne' | 'queueAll' | 'cancelRunning' | 'allow';

/**
 * What becomes of a run whose process died: `at-least-once` runs it again, `at-most-once` records it as lost.
 *
 * @publicApi
 */
export type Delivery = 'at-least-once' | 'at-most-once';

/**
 * How a failed run is tried again.
 *
 * @publicApi
 */
export interface RetryPolicy {
  /** How often it is started at the most, the first time included. */
  readonly attempts: number;
  /** How the wait grows from attempt to attempt, or the name of a registered back-off function. */
  readonly backoff: string;
  /** The first wait, in milliseconds. */
  readonly delayMs: number;
  /** The longest wait, in milliseconds. */
  readonly maxDelayMs: number;
}

/**
 * How a task is run: every field filled in.
 *
 * @publicApi
 */
export interface TaskPolicies {
  readonly coalesce: Coalesce;
  /** With `coalesce: 'all'`, how many missed times are run at the most; the rest are recorded as missed. */
  readonly maxCatchUp: number;
  /** How late a run may start, in milliseconds, before it is recorded as missed; null for however late. */
  readonly misfireGraceMs: number | null;
  /** How many runs of it may be under way in the whole cluster. */
  readonly maxInstances: number;
  readonly overlap: Overlap;
  /** With `overlap: 'queueAll'`, how many may wait. */
  readonly maxQueued: number;
  readonly delivery: Delivery;
  /** Smaller numbers go first. */
  readonly priority: number;
  /** The group of tasks that it shares a limit with; null for none. */
  readonly group: string | null;
  /** It starts only while fewer runs of its group than this are under way in the whole cluster. */
  readonly groupLimit: number;
  readonly retry: RetryPolicy | null;
  /** How long one attempt may take, in milliseconds, before its signal is aborted; null for no limit. */
  readonly timeoutMs: number | null;
  /** After how many failed runs in a row it is paused; null for never. */
  readonly pauseAfterFailures: number | null;
}

/**
 * Where a task comes from: declared in the code by a decorator, or added at run time. A finished task of the code stays,
 * or the next start would run it again; a finished one of the run time is removed.
 *
 * `internal` is a record that schedulers keep among the tasks for themselves, such as the places of a group: never due,
 * and left out of queries.
 *
 * @publicApi
 */
export type TaskOrigin = 'code' | 'runtime' | 'internal';

/** What the ids of internal records begin with; no task of a user's may. */
export const INTERNAL_PREFIX = 'asyncz:';

/** The handler of every internal record: what a store filters by, since it is a column in clear. */
export const INTERNAL_HANDLER = 'asyncz:internal';

/** Whether the record of an id is one that schedulers keep for themselves. */
export function isInternal(id: string): boolean {
  return id.startsWith(INTERNAL_PREFIX);
}

/**
 * What a task is. Changed only by people, and stored as one versioned, optionally encrypted envelope.
 *
 * @publicApi
 */
export interface TaskDefinition {
  readonly id: string;
  readonly name: string;
  /** The stable name of the handler. Never a module path or anything that gets loaded. */
  readonly handler: string;
  readonly args: readonly unknown[];
  readonly trigger: TriggerData;
  /** The alias of the executor. */
  readonly executor: string;
  readonly origin: TaskOrigin;
  readonly tags: readonly string[];
  readonly policies: TaskPolicies;
  /** What the code last declared, for tasks of the code; null for others. */
  readonly declared: Declaration | null;
}

/**
 * Fingerprints of what a decorator declared. A deploy compares them with what it declares now: what the code changed is
 * applied, and what only an operator changed stays.
 *
 * @publicApi
 */
export interface Declaration {
  readonly trigger: string;
  readonly options: string;
}
