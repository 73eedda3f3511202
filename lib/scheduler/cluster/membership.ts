import { hostname } from 'node:os';
import { StoreInUseError } from '../../errors/store.errors.js';
import type { SchedulerInstance } from '../../model/scheduler-instance.js';
import type { StoreHandle } from '../tasks/store.handle.js';

/** After how many heartbeats that did not come a scheduler is taken for dead. */
const MISSED_HEARTBEATS = 3;

/** Whether a scheduler's last heartbeat is recent, by the store's clock. */
export function isAlive(instance: SchedulerInstance, storeNow: number, heartbeatMs: number): boolean {
  if (storeNow - instance.heartbeatAt > MISSED_HEARTBEATS * heartbeatMs) return false;
  if (instance.host !== hostname()) return true;
  // After a restart in a container the process may well have the id of the one that died, which started before it.
  if (instance.pid === process.pid) return instance.startedAt >= performance.timeOrigin;
  return isProcessAlive(instance.pid);
}

/** A process that was killed leaves a heartbeat that looks alive for a while; on the same host its id shows that it is gone. */
function isProcessAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as { code?: string }).code === 'EPERM';
  }
}

/**
 * Refuses to share a store with a scheduler that it cannot coordinate with this one: two would run everything twice.
 *
 * @throws StoreInUseError
 */
export async function refuseUncoordinated(
  handle: StoreHandle,
  self: SchedulerInstance,
  heartbeatMs: number,
): Promise<void> {
  const { coordination } = handle.store.capabilities;
  if (coordination === 'cluster') return;
  const now = handle.clock.now();
  for (const other of await handle.store.schedulers()) {
    if (other.identity === self.identity || !isAlive(other, now, heartbeatMs)) continue;
    if (coordination === 'host' && other.host === self.host) continue;
    throw new StoreInUseError(
      handle.alias,
      `the scheduler "${other.identity}" (process ${other.pid} on ${other.host})`,
      `Its tasks can be shared within one ${coordination} only, and both would run each of them. ` +
        `Stop the other one, or use a store that coordinates a cluster. If it has died, start again in ` +
        `${Math.ceil((MISSED_HEARTBEATS * heartbeatMs) / 1_000)} s.`,
    );
  }
}

/** Whether another scheduler of a store is alive that runs tasks, and has a handler. */
export async function hasHandlerElsewhere(
  { store }: StoreHandle,
  self: string,
  heartbeatMs: number,
  handler: string,
): Promise<boolean> {
  const now = await store.now();
  const others = (await store.schedulers()).filter(({ identity, role }) => identity !== self && role === 'worker');
  return others.some((other) => other.handlers.includes(handler) && isAlive(other, now, heartbeatMs));
}
