import type { CatchUp, Occurrence, TriggerAdvance, TriggerData, TriggerSeed } from './trigger.interface.js';

/** The steps that {@link BaseTrigger.catchUp} may take before it stops counting one by one. */
const MAX_CATCH_UP_STEPS = 10_000;

/**
 * A pure function from the previous scheduled time to the next. It keeps nothing between calls, so one object serves
 * any number of tasks and any moment can be asked about.
 *
 * A trigger of one's own extends this class, implements {@link nextTime}, {@link describe} and {@link toJSON}, and is
 * registered by its type name: see `docs/triggers.md`.
 *
 * @publicApi
 */
export abstract class BaseTrigger {
  /** The name that it is registered and stored under. */
  abstract readonly type: string;

  /** What moves it forward. */
  readonly advance: TriggerAdvance = 'schedule';

  /** How many scheduled runs it allows; null for no limit. The engine counts, since a trigger keeps nothing. */
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
    const time = this.nextTime(previous, now);
    return time === null ? null : { scheduledTime: time, runTime: time };
  }

  /**
   * From the next occurrence and now: how many were due, which is the latest, what comes next. Triggers whose grid can
   * be computed override this so that a year away costs microseconds; this general form walks and, past
   * 10,000 steps, asks the trigger for its first time after now and reports the count so far.
   *
   * @param from The next occurrence that was planned.
   * @param now Milliseconds since the epoch.
   */
  catchUp(from: Occurrence, now: number, seed: TriggerSeed): CatchUp {
    let latest: Occurrence | null = null;
    let next: Occurrence | null = from;
    let count = 0;
    while (next !== null && next.runTime <= now) {
      latest = next;
      count += 1;
      next =
        count < MAX_CATCH_UP_STEPS
          ? this.nextOccurrence(latest.scheduledTime, now, seed)
          : this.nextOccurrence(null, now + 1, seed);
    }
    return { count, latest, next };
  }

  /**
   * The public form of {@link nextTime}, in dates.
   *
   * @param previous The last scheduled time, or null before the first.
   * @param now The moment of asking.
   */
  next(previous: Date | null, now: Date): Date | null {
    const time = this.nextTime(previous === null ? null : previous.getTime(), now.getTime());
    return time === null ? null : new Date(time);
  }
}
