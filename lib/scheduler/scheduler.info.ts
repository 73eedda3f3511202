import type { TaskStateName } from '../model/query.js';
import type { StoreHealth } from './store.worker.js';

/** @publicApi */
export type SchedulerState = 'stopped' | 'starting' | 'running' | 'paused' | 'stopping';

/**
 * One store of a scheduler and how its loop is doing.
 *
 * @publicApi
 */
export type StoreInfo = Omit<StoreHealth, 'lastPassAt'> & {
  readonly coordination: 'process' | 'host' | 'cluster';
  readonly wakeUp: 'pushed' | 'polled';
  readonly durable: boolean;
  /** When the store last answered the loop. */
  readonly lastPassAt: Date | null;
};

/** @publicApi */
export interface SchedulerInfo {
  readonly identity: string;
  readonly name: string;
  readonly role: 'worker' | 'client';
  readonly state: SchedulerState;
  readonly running: boolean;
  /** null while stopped. */
  readonly startedAt: Date | null;
  /** null while stopped. */
  readonly uptimeSeconds: number | null;
  readonly timezone: string;
  readonly executors: readonly string[];
  readonly handlers: readonly string[];
  readonly stores: readonly StoreInfo[];
  /** How many tasks there are, by state. */
  readonly tasks: Readonly<Record<TaskStateName, number>>;
}

/**
 * A scheduler of the cluster as its last heartbeat described it.
 *
 * @publicApi
 */
export interface SchedulerInstanceInfo {
  readonly identity: string;
  readonly name: string;
  readonly role: 'worker' | 'client';
  readonly host: string;
  readonly pid: number;
  readonly version: string;
  readonly startedAt: Date;
  readonly heartbeatAt: Date;
  /** Whether its last heartbeat is recent. */
  readonly alive: boolean;
  readonly stores: readonly string[];
  readonly executors: readonly string[];
  readonly handlers: readonly string[];
  /** How many runs it had under way. */
  readonly running: number;
  /** Its clock minus the store's, in milliseconds. */
  readonly clockOffsetMs: number;
  /** Who asked it to claim nothing more, and why; null when nobody did. */
  readonly drain: { readonly at: Date; readonly actor: string | null; readonly reason: string | null } | null;
}
