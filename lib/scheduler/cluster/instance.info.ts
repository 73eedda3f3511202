import type { ExecutorUse, SchedulerInstance } from '../../model/scheduler-instance.js';
import type { StoreHandle } from '../tasks/store.handle.js';
import { isAlive } from './membership.js';

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
  readonly executors: readonly ExecutorUse[];
  readonly handlers: readonly string[];
  /** How many runs it had under way. */
  readonly running: number;
  /** Its clock minus the store's, in milliseconds. */
  readonly clockOffsetMs: number;
  /** The drain that it follows, with who asked and why; null for none. */
  readonly drain: { readonly at: Date; readonly actor: string | null; readonly reason: string | null } | null;
}

/**
 * The schedulers that share the open ones of these stores, live and dead, the one that has been there longest first.
 *
 * @param self The identity of the scheduler that asks: it is alive.
 */
export async function findInstances(
  handles: readonly StoreHandle[],
  self: string,
  heartbeatMs: number,
): Promise<readonly SchedulerInstanceInfo[]> {
  const found = new Map<string, SchedulerInstanceInfo>();
  for (const handle of handles) {
    if (!handle.opened) continue;
    const now = await handle.store.now();
    for (const instance of await handle.store.schedulers()) {
      const known = found.get(instance.identity);
      if (known && known.heartbeatAt.getTime() >= instance.heartbeatAt) continue;
      const alive = instance.identity === self || isAlive(instance, now, heartbeatMs);
      found.set(instance.identity, toInstanceInfo(instance, alive));
    }
  }
  return [...found.values()].sort((a, b) => a.startedAt.getTime() - b.startedAt.getTime());
}

function toInstanceInfo(instance: SchedulerInstance, alive: boolean): SchedulerInstanceInfo {
  return {
    ...instance,
    startedAt: new Date(instance.startedAt),
    heartbeatAt: new Date(instance.heartbeatAt),
    drain: instance.drain && { ...instance.drain, at: new Date(instance.drain.at) },
    alive,
  };
}
