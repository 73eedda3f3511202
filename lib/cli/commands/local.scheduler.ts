import type { Scheduler } from '../../scheduler/scheduler.js';
import { UsageError } from '../cli.errors.js';

/**
 * The scheduler in this process, for what no HTTP API offers.
 *
 * @throws UsageError Over HTTP.
 */
export function localScheduler(scheduler: Scheduler | null, command: string): Scheduler {
  if (scheduler !== null) return scheduler;
  throw new UsageError(`${command} works on the stores themselves: give --app or --store instead of --url`);
}
