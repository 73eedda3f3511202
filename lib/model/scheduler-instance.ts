import type { DatedAttribution } from './attribution.js';

/**
 * The request that a scheduler claims nothing more, so that it can be stopped when its runs have ended.
 *
 * @publicApi
 */
export interface DrainRequest extends DatedAttribution {}

/**
 * How much of an executor is in use.
 *
 * @publicApi
 */
export interface ExecutorUse {
  readonly alias: string;
  /** How many runs it had under way. */
  readonly running: number;
  /** How many more it would have taken; null for any number. */
  readonly room: number | null;
}

/**
 * A heartbeat: what a scheduler reports about itself to the others that share a store. Times are milliseconds since the epoch
 * by the store's clock.
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
  readonly executors: readonly ExecutorUse[];
  readonly handlers: readonly string[];
  /** Names what its handlers take, which is in an internal record of the store; null where it tells nothing of that. */
  readonly inputs: string | null;
  readonly running: number;
  /** The drain that it follows, with who asked and why; null for none. */
  readonly drain: DrainRequest | null;
  /** The process's clock minus the store's, in milliseconds. */
  readonly clockOffsetMs: number;
}
