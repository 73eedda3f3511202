/**
 * How much a finding matters: `error`, something does not work or will be lost; `warning`, it will hurt some day; `info`, worth
 * knowing.
 *
 * @publicApi
 */
export type FindingSeverity = 'error' | 'warning' | 'info';

/** The severities, the worst first. */
export const FINDING_SEVERITIES = ['error', 'warning', 'info'] as const satisfies readonly FindingSeverity[];

/**
 * How sure a finding is: `certain`, it was seen; `likely`, what was measured says so; `possible`, it depends on what cannot be
 * seen from here.
 *
 * @publicApi
 */
export type FindingConfidence = 'certain' | 'likely' | 'possible';

/**
 * What is wrong, or may be, as far as a store can tell by itself: see `Store.inspect`.
 *
 * @publicApi
 */
export interface StoreFinding {
  /** A stable name of the kind of finding, such as `redis-may-evict`. */
  readonly code: string;
  readonly severity: FindingSeverity;
  readonly confidence: FindingConfidence;
  /** What was found, in one sentence. */
  readonly what: string;
  /** Why it matters. */
  readonly why: string;
  /** What to do. */
  readonly advice: string;
  /** The values behind it, as plain JSON. */
  readonly details?: Readonly<Record<string, unknown>>;
}
