import { createTrigger } from '../../../lib/triggers/trigger.registry.js';
import type { BaseTrigger } from '../../../lib/triggers/base.trigger.js';
import type { TriggerData } from '../../../lib/triggers/trigger.interface.js';

export const SEED = { taskId: 'reports.nightly' };

/** A moment as it is written in a test: ISO 8601 in UTC, the seconds left out where they are 0. */
export function at(text: string): number {
  const time = Date.parse(text.length <= 16 ? `${text}Z` : text.endsWith('Z') ? text : `${text}Z`);
  if (Number.isNaN(time)) throw new Error(`No moment: ${text}`);
  return time;
}

export function iso(time: number | null | undefined): string | null {
  if (time === null || time === undefined) return null;
  return new Date(time).toISOString().replace(/(:00)?\.000Z$/, '');
}

/** A trigger that is created at `now`, in the zone. */
export function make(data: TriggerData, now = '2025-01-01T00:00', timezone = 'UTC'): BaseTrigger {
  return createTrigger(data, { now: new Date(at(now)), timezone });
}

/** The first runs from `now` on, as a preview walks them. */
export function runs(data: TriggerData, now: string, count = 5, timezone = 'UTC'): (string | null)[] {
  const trigger = make(data, now, timezone);
  const found: (string | null)[] = [];
  let next = trigger.nextOccurrence(null, at(now), SEED);
  while (found.length < count) {
    found.push(iso(next?.runTime));
    if (next === null) break;
    next = trigger.nextOccurrence(next.scheduledTime, next.runTime, SEED);
  }
  return found;
}

/** The runs of a cron expression. */
export function cronRuns(
  expression: string,
  now: string,
  count = 5,
  options: Readonly<Record<string, unknown>> = {},
): (string | null)[] {
  return runs({ type: 'cron', expression, ...options }, now, count);
}
