import type { SchedulerInstance } from '../model/scheduler-instance.js';

/** The longest heartbeat that is read, in characters: far more than one has. */
const MAX_LENGTH = 100_000;

/**
 * Reads a heartbeat.
 *
 * @param json What the scheduler has written.
 * @param heartbeatAt When, in milliseconds since the epoch.
 * @returns null for what this library has not written: nobody to be shown.
 */
export function readMember(json: string, heartbeatAt: number): SchedulerInstance | null {
  if (json.length > MAX_LENGTH || !Number.isFinite(heartbeatAt)) return null;
  try {
    const instance: unknown = JSON.parse(json);
    return typeof instance === 'object' && instance !== null
      ? { ...(instance as SchedulerInstance), heartbeatAt }
      : null;
  } catch {
    return null;
  }
}
