import type { SchedulerRole } from './scheduler.options.js';
import type { TaskStateName } from '../model/query.js';
import type { ExecutorUse } from '../model/scheduler-instance.js';
import type { AbandonedHandler } from './loop/abandoned.handlers.js';
import type { StoreHandle } from './tasks/store.handle.js';

/**
 * The state of a scheduler. `paused`: it claims nothing, and runs under way go on.
 *
 * @publicApi
 */
export type SchedulerState = 'stopped' | 'starting' | 'running' | 'paused' | 'stopping';

/**
 * One store of a scheduler and the health of its loop.
 *
 * @publicApi
 */
export interface StoreInfo {
  /** The alias of the store. */
  readonly store: string;
  readonly coordination: 'process' | 'host' | 'cluster';
  readonly wakeUp: 'pushed' | 'polled';
  /** Whether its tasks survive the process. */
  readonly durable: boolean;
  /** `ok`, or `failing` while the store is unreachable or refuses. */
  readonly state: 'ok' | 'failing';
  readonly failuresInARow: number;
  readonly lastError: string | null;
  /** When the store last answered the loop. */
  readonly lastPassAt: Date | null;
  /**
   * When this scheduler found that what was in the store is gone: it was emptied or replaced. null when that was never since the
   * start.
   */
  readonly emptiedAt: Date | null;
  /** How many runs of its tasks are under way in this process. */
  readonly running: number;
  /** How many handlers of its tasks still run in this process although their runs are over. */
  readonly abandoned: number;
  /** For how much longer than it may a pass of its loop lasts, in milliseconds; 0 while all is well. */
  readonly overdueMs: number;
}

/**
 * A scheduler with its state, its stores and executors, and its numbers of tasks.
 *
 * @publicApi
 */
export interface SchedulerInfo {
  readonly identity: string;
  readonly name: string;
  readonly role: SchedulerRole;
  readonly state: SchedulerState;
  readonly running: boolean;
  /** null while stopped. */
  readonly startedAt: Date | null;
  /** null while stopped. */
  readonly uptimeSeconds: number | null;
  readonly timezone: string;
  /** Its executors, and how much of each is in use. */
  readonly executors: readonly ExecutorUse[];
  readonly handlers: readonly string[];
  readonly stores: readonly StoreInfo[];
  /** The handlers that still run in this process although their runs are over: the first 100 of each store. */
  readonly abandoned: readonly AbandonedHandler[];
  /** How many events were dropped for listeners of this process that were too slow, or never ended. */
  readonly droppedEvents: number;
  /** How many tasks there are, by state. */
  readonly tasks: Readonly<Record<TaskStateName, number>>;
}

/** How a store is doing that has no loop. */
const IDLE = {
  state: 'ok',
  failuresInARow: 0,
  lastError: null,
  lastPassAt: null,
  running: 0,
  abandoned: 0,
  overdueMs: 0,
} as const;

/** A store and how its loop is doing; one without a loop is doing well. */
export function toStoreInfo({ alias, store, loop, emptiedAt }: StoreHandle): StoreInfo {
  const { coordination, wakeUp, durable } = store.capabilities;
  const health = loop?.health() ?? IDLE;
  return {
    ...health,
    store: alias,
    coordination,
    wakeUp,
    durable,
    lastPassAt: health.lastPassAt === null ? null : new Date(health.lastPassAt),
    emptiedAt: emptiedAt === null ? null : new Date(emptiedAt),
  };
}
