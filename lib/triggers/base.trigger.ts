import { toInstant } from '../time/inputs.js';
import { saidTime } from './said.time.js';
import { spend } from './search-budget.js';
import type { CatchUp, Occurrence, TriggerAdvance, TriggerData, TriggerSeed } from './trigger.interface.js';

/** The steps that {@link BaseTrigger.catchUp} may take before it stops counting one by one. */
const MAX_CATCH_UP_STEPS = 10_000;

/**
 * The base of all triggers: a pure function from the previous scheduled time to the next. It keeps no state between calls, so
 * one object serves any number of tasks.
 *
 * A custom trigger extends this class, implements {@link nextTime}, {@link describe} and {@link toJSON}, and is registered by
 * its type name: see `docs/triggers.md`.
 *
 * @publicApi
 */
export abstract class BaseTrigger {
  /** The name that it is registered and stored under. */
  abstract readonly type: string;

  /** What advances it. */
  readonly advance: TriggerAdvance = 'schedule';

  /** How many scheduled runs it allows; null for no limit. The engine counts them, since a trigger keeps no state. */
  readonly maxRuns: number | null = null;

  /**
   * The next time of the trigger's grid.
   *
   * @param previous The last scheduled time, or null before the first.
   * @param now The moment of asking. With `previous` given, the result must not depend on it.
   * @returns Milliseconds since the epoch, strictly later than `previous`; null when there is none. With `previous`
   *   null, the first time that is not before `now` (a date alone may lie before it).
   */
  abstract nextTime(previous: number | null, now: number): number | null;

  /** The trigger in words, for people: "every 5 minutes", "at 02:00, Europe/Lisbon". */
  abstract describe(): string;

  /** The trigger as plain JSON; creating one from it gives the same trigger. */
  abstract toJSON(): TriggerData;

  /**
   * The next occurrence: {@link nextTime} with what moves a run away from its grid. Triggers with jitter or a calendar
   * override it.
   */
  nextOccurrence(previous: number | null, now: number, _seed: TriggerSeed): Occurrence | null {
    const said = this.nextTime(previous, now);
    if (said === null) return null;
    const time = saidTime(said);
    return { scheduledTime: time, runTime: time };
  }

  /**
   * The first time of the grid at or after `time`, whatever ran before: what combinations ask their children.
   *
   * @param time Milliseconds since the epoch.
   * @param _until Null may be given where there is none up to this instant: the search need not go on.
   */
  timeFrom(time: number, _seed: TriggerSeed, _until = Infinity): number | null {
    const first = this.nextTime(null, time);
    return first !== null && saidTime(first) >= time ? first : null;
  }

  /**
   * How many times of the grid lie from `from` to `to`, both included, where that can be told without a walk from one to
   * the next; else null.
   */
  countBetween(_from: number, _to: number, _seed: TriggerSeed): number | null {
    return null;
  }

  /**
   * Why it can never have a time, at whatever moment it is asked; null when it can. A schedule that was only used up, such
   * as one whose `endAt` has passed, is not impossible.
   */
  impossible(): string | null {
    return null;
  }

  /**
   * From the next occurrence and now: how many were due, which is the latest, what comes next. Triggers whose grid can
   * be computed override this so that a year away costs microseconds. This general form counts one by one up to 10,000;
   * past that the count is that of {@link countBetween}, or what it has reached where there is none, and the latest and the
   * next are found by halving the span.
   *
   * @param from The next occurrence that was planned.
   * @param now Milliseconds since the epoch.
   */
  catchUp(from: Occurrence, now: number, seed: TriggerSeed): CatchUp {
    if (from.runTime > now) return { count: 0, latest: null, next: from };
    let latest = from;
    let count = 1;
    let next = this.nextOccurrence(from.scheduledTime, now, seed);
    while (next !== null && next.runTime <= now && count < MAX_CATCH_UP_STEPS) {
      spend();
      latest = next;
      count += 1;
      next = this.nextOccurrence(latest.scheduledTime, now, seed);
    }
    if (next === null || next.runTime > now) return { count, latest, next };
    latest = this.#latestUntil(now, next, seed);
    const counted = this.countBetween(from.scheduledTime + 1, latest.scheduledTime, seed);
    return {
      count: counted === null ? count : counted + 1,
      latest,
      next: this.nextOccurrence(latest.scheduledTime, now, seed),
    };
  }

  /**
   * The occurrence that `count` others come before, `from` being the first of them. This general form walks, up to 10,000;
   * triggers whose grid can be counted override it.
   *
   * @param now Milliseconds since the epoch: none is later.
   */
  skip(from: Occurrence, count: number, now: number, seed: TriggerSeed): Occurrence {
    let found = from;
    for (let skipped = 0; skipped < Math.min(count, MAX_CATCH_UP_STEPS); skipped += 1) {
      spend();
      const next = this.nextOccurrence(found.scheduledTime, now, seed);
      if (next === null || next.runTime > now) return found;
      found = next;
    }
    return found;
  }

  #latestUntil(now: number, from: Occurrence, seed: TriggerSeed): Occurrence {
    let latest = from;
    let low = from.scheduledTime;
    let high = now;
    while (low < high) {
      const middle = low + Math.ceil((high - low) / 2);
      const found = this.nextOccurrence(null, middle, seed);
      if (found !== null && found.scheduledTime >= middle && found.runTime <= now) {
        latest = found;
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    return latest;
  }

  /**
   * The public form of {@link nextTime}, in dates.
   *
   * @param previous The last scheduled time, or null before the first.
   * @param now The moment of asking.
   * @throws InvalidOptionError When one of them is no date.
   */
  next(previous: Date | null, now: Date): Date | null {
    const last = previous === null ? null : toInstant(previous, 'previous');
    const time = this.nextTime(last, toInstant(now, 'now'));
    return time === null ? null : new Date(saidTime(time));
  }
}
