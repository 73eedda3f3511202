/**
 * A request that a scheduler claims nothing more, so that it can be stopped when it has no run under way.
 *
 * @publicApi
 */
export interface DrainRequest {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly actor: string | null;
  readonly reason: string | null;
}

/**
 * What a scheduler says of itself to the others that share a store. Times are milliseconds since the epoch by the
 * store's clock.
 *
 * @publicApi
 */
export interface SchedulerInstance {
  /** Unique to one scheduler in one process. */
  readonly identity: string;
  /** The name given to `forRoot`; schedulers of one application share it. */
  readonly name: string;
  readonly role: 'worker' | 'client';
  readonly host: string;
  readonly pid: number;
  /** The version of this library. */
  readonly version: string;
  readonly startedAt: number;
  readonly heartbeatAt: number;
  readonly stores: readonly string[];
  readonly executors: readonly string[];
  readonly handlers: readonly string[];
  readonly running: number;
  /** Set when it was asked to claim nothing more: who asked, and why. */
  readonly drain: DrainRequest | null;
  /** The process's clock minus the store's, in milliseconds. */
  readonly clockOffsetMs: number;
}
