import { SearchLimitError } from '../errors/trigger.errors.js';
import { DAY_MS, MAX_INSTANT, MIN_INSTANT } from '../time/civil.js';
import { TimeZone } from '../time/time-zone.js';
import { BaseTrigger } from './base.trigger.js';
import { lastFound } from './last-found.js';
import { writeScheduleOptions } from './schedule.options.js';
import type { ScheduleOptions } from './schedule.options.js';
import { describeSchedule } from './schedule.words.js';
import { attempt, MAX_SEARCH_STEPS, spend, withinBudget } from './search-budget.js';
import { stableHash } from './stable-hash.js';
import type { CatchUp, Occurrence, TriggerData, TriggerSeed } from './trigger.interface.js';

/** The seed where none is given: the public form of `next` knows no task. */
export const NO_TASK: TriggerSeed = { taskId: '' };

/** How many occurrences are looked at one by one where jitter leaves open which of them are due; the next claim goes on. */
const MAX_JITTERED = 1_000;

/** What a jump over excluded times costs: it often leads to another year, whose changes of clocks have to be found. */
const HOP_STEPS = 9;

/** What part of the steps finding out about missed times may take: the next time needs the rest. */
const CATCH_UP_SHARE = 0.7;

/**
 * What the triggers that compute their own times have in common: the window from `startAt` to `endAt`, exclusion
 * calendars, jitter, and catching up by arithmetic. A kind of schedule gives its bare grid and how to count on it.
 */
export abstract class ScheduleTrigger extends BaseTrigger {
  override readonly maxRuns: number | null;
  protected readonly options: ScheduleOptions;
  readonly #startAt: number;
  readonly #endAt: number;

  constructor(options: ScheduleOptions) {
    super();
    this.options = options;
    this.maxRuns = options.maxRuns;
    this.#startAt = options.startAt ?? -Infinity;
    this.#endAt = options.endAt ?? Infinity;
  }

  /**
   * The first time of the bare grid at or after `time`.
   *
   * @param previous The time that it is counted from, where the grid is one of distances; null for the grid's own origin.
   * @param until Null may be given where there is none up to this instant.
   */
  protected abstract gridFrom(time: number, seed: TriggerSeed, previous: number | null, until: number): number | null;

  /** How many times of the bare grid lie from `from` to `to`, both included. Arithmetic, not a walk. */
  protected abstract countGrid(from: number, to: number, seed: TriggerSeed, previous: number | null): number;

  /** The options of the kind itself, as they are stored. */
  protected abstract ownData(): Record<string, unknown>;

  /** The grid in words. */
  protected abstract describeGrid(): string;

  /** Whether a change of clocks touched a time of the grid. */
  protected dstMark(_time: number, _seed: TriggerSeed): Occurrence['dst'] {
    return undefined;
  }

  override nextTime(previous: number | null, now: number): number | null {
    return withinBudget(() => this.#next(previous, now, NO_TASK));
  }

  override timeFrom(time: number, seed: TriggerSeed, until = Infinity): number | null {
    return withinBudget(() => this.#next(null, time, seed, until));
  }

  override countBetween(from: number, to: number, seed: TriggerSeed): number | null {
    const first = Math.max(from, this.#startAt, MIN_INSTANT);
    return withinBudget(() => this.#count(first, Math.min(to, this.#endAt, MAX_INSTANT), seed, null));
  }

  override nextOccurrence(previous: number | null, now: number, seed: TriggerSeed): Occurrence | null {
    return withinBudget(() => {
      const { calendar } = this.options;
      if (calendar !== null && calendar.onExcluded !== 'skip') return this.#nextMoved(previous, now, seed);
      const time = this.#next(previous, now, seed);
      return time === null ? null : this.#occurrence(time, time, seed);
    });
  }

  /**
   * Where the steps do not reach, `count` is as far as they went. If not even the latest time is found, the first one stands for all
   * of them: what was missed still runs.
   */
  override catchUp(from: Occurrence, now: number, seed: TriggerSeed): CatchUp {
    if (from.runTime > now) return { count: 0, latest: null, next: from };
    const { calendar } = this.options;
    return withinBudget(
      () =>
        attempt(CATCH_UP_SHARE, () =>
          // Moved ones are few, at most one a day makes sense.
          calendar !== null && calendar.onExcluded !== 'skip'
            ? super.catchUp(from, now, seed)
            : this.#catchUp(from, now, seed),
        ) ?? { count: 1, latest: from, next: this.nextOccurrence(null, now + 1, seed) },
    );
  }

  #catchUp(from: Occurrence, now: number, seed: TriggerSeed): CatchUp {
    let latest = from;
    let count = 1;
    // Jitter only delays: what is planned before this is due for sure, and need not be looked at.
    const sure = Math.floor(Math.min(now - this.options.jitterMs, this.#endAt));
    const lastSure = this.#lastUntil(sure, from.scheduledTime, seed);
    if (lastSure !== null) {
      count += Math.max(1, this.#count(from.scheduledTime + 1, lastSure, seed, from.scheduledTime));
      latest = this.#occurrence(lastSure, lastSure, seed);
    }
    let next = this.nextOccurrence(latest.scheduledTime, now, seed);
    for (let steps = 0; next !== null && next.runTime <= now && steps < MAX_JITTERED; steps += 1) {
      latest = next;
      count += 1;
      next = this.nextOccurrence(latest.scheduledTime, now, seed);
    }
    return { count, latest, next };
  }

  override skip(from: Occurrence, count: number, now: number, seed: TriggerSeed): Occurrence {
    if (count < 1) return from;
    const { calendar } = this.options;
    if (calendar !== null && calendar.onExcluded !== 'skip')
      return withinBudget(() => super.skip(from, count, now, seed));
    return withinBudget(() => {
      const origin = from.scheduledTime;
      const last = Math.floor(Math.min(now, this.#endAt));
      // Halved, and counted in the half alone: together no more than counting it all twice.
      let [low, high, left] = [origin, last, count];
      while (high - low > 1) {
        const middle = low + Math.floor((high - low) / 2);
        const here = this.#count(low + 1, middle, seed, origin);
        if (here >= left) {
          high = middle;
        } else {
          low = middle;
          left -= here;
        }
      }
      const time = this.#search(high, seed, origin, last);
      return time === null ? from : this.#occurrence(time, time, seed);
    });
  }

  override impossible(): string | null {
    try {
      return withinBudget(() => this.#impossible());
    } catch (error) {
      if (error instanceof SearchLimitError) return this.whyUnknown();
      throw error;
    }
  }

  #impossible(): string | null {
    const { startAt, endAt, startIsGiven } = this.options;
    if (startIsGiven && endAt !== null && endAt < this.#startAt) return 'its endAt lies before its startAt';
    const from = startAt ?? 0;
    if (this.gridFrom(from, NO_TASK, null, Infinity) === null) return this.whyNoGrid();
    if (this.#search(from, NO_TASK, null, Infinity) === null) return 'its calendar excludes all of its times';
    // A start that nobody gave lies after an end that has passed: that is used up, and no mistake.
    if (!startIsGiven && startAt !== null) return null;
    return this.#next(null, from, NO_TASK) === null ? 'no time of it lies between its startAt and its endAt' : null;
  }

  /** Why it is taken for impossible where the steps of a search end before one is found. */
  protected whyUnknown(): string {
    const excluded = this.options.calendar === null ? '' : ' that its calendar does not exclude';
    return `a search of ${MAX_SEARCH_STEPS} steps finds no time of it${excluded}`;
  }

  /** Why the bare grid has no time at all. */
  protected whyNoGrid(): string {
    return 'it has no time';
  }

  override describe(): string {
    return describeSchedule(this.describeGrid(), this.options);
  }

  override toJSON(): TriggerData {
    return { type: this.type, ...this.ownData(), ...writeScheduleOptions(this.options) };
  }

  #next(previous: number | null, now: number, seed: TriggerSeed, until = Infinity): number | null {
    // The start counts only before the first run: what has run goes on, whatever is written for the start later.
    const from = previous === null ? Math.max(now, this.#startAt) : previous + 1;
    return this.#search(from, seed, previous, Math.min(until, this.#endAt));
  }

  /** The first time from `from` to `until` that is on the grid and that no calendar drops. */
  #search(from: number, seed: TriggerSeed, previous: number | null, until: number): number | null {
    spend();
    const { calendar } = this.options;
    const last = Math.min(until, MAX_INSTANT);
    const exclusions = calendar === null || calendar.onExcluded !== 'skip' ? null : calendar.current();
    let time = this.gridFrom(from, seed, previous, last);
    while (time !== null && time <= last) {
      const excludedUntil = exclusions === null ? null : exclusions.excludedUntil(time);
      if (excludedUntil === null) return time;
      if (excludedUntil === Infinity) return null;
      spend(HOP_STEPS);
      time = this.gridFrom(excludedUntil, seed, previous, last);
    }
    return null;
  }

  /** The last time that the trigger runs at, after `after` and not after `limit`. */
  #lastUntil(limit: number, after: number, seed: TriggerSeed): number | null {
    return lastFound(after + 1, limit, (time) => this.#search(time, seed, after, limit));
  }

  #count(from: number, to: number, seed: TriggerSeed, previous: number | null): number {
    const { calendar: use } = this.options;
    if (use === null || use.onExcluded !== 'skip') return this.countGrid(from, to, seed, previous);
    const calendar = use.current();
    let count = 0;
    attempt(0.5, () => {
      for (let time = from; time <= to;) {
        spend();
        const until = calendar.excludedUntil(time);
        if (until !== null) {
          time = until;
          continue;
        }
        const end = calendar.allowedUntil(time);
        count += this.countGrid(time, Math.min(end - 1, to), seed, previous);
        time = end;
      }
    });
    return count;
  }

  #occurrence(scheduledTime: number, planned: number, seed: TriggerSeed): Occurrence {
    const runTime = this.#withJitter(planned, scheduledTime, seed);
    const dst = this.dstMark(scheduledTime, seed);
    const moved = planned === scheduledTime ? null : this.options.calendar;
    if (dst === undefined && moved === null) return { scheduledTime, runTime };
    return {
      scheduledTime,
      runTime,
      ...(dst !== undefined && { dst }),
      ...(moved !== null && { movedByCalendar: nameOf(moved.source) }),
    };
  }

  #withJitter(planned: number, scheduledTime: number, { taskId }: TriggerSeed): number {
    const { jitterMs } = this.options;
    if (jitterMs === 0) return planned;
    const share = stableHash(`${taskId}@${scheduledTime}`) / 2 ** 32;
    return Math.min(planned + Math.floor(share * (jitterMs + 1)), this.#endAt);
  }

  /**
   * The next time of the grid whose run, moved to another day where it is excluded, comes after the run of `previous`:
   * several times that were moved to the same one run once.
   */
  #nextMoved(previous: number | null, now: number, seed: TriggerSeed): Occurrence | null {
    const last = previous === null ? Math.max(now, this.#startAt) - 1 : (this.#move(previous) ?? previous);
    let time = this.#next(previous, now, seed);
    while (time !== null) {
      const planned = this.#move(time);
      if (planned !== null && planned > last && planned <= this.#endAt) return this.#occurrence(time, planned, seed);
      time = this.#next(time, now, seed);
    }
    return null;
  }

  /** The same time on the nearest day in the wanted direction that is not excluded; null when there is none. */
  #move(time: number): number | null {
    const { calendar, timezone } = this.options;
    const exclusions = calendar!.current();
    if (exclusions.excludedUntil(time) === null) return time;
    const zone = TimeZone.get(timezone);
    const local = time + zone.offsetAt(time);
    const step = calendar!.onExcluded === 'next' ? DAY_MS : -DAY_MS;
    for (let days = 1; ; days += 1) {
      spend();
      const moved = zone.fromLocal(local + days * step).time;
      const until = exclusions.excludedUntil(moved);
      if (until === null) return moved;
      if (until === Infinity || moved > MAX_INSTANT || moved < MIN_INSTANT) return null;
    }
  }
}

function nameOf(source: NonNullable<ScheduleOptions['calendar']>['source']): string {
  if (typeof source === 'string') return source;
  const names = (Array.isArray(source) ? source : [source]).map((one: unknown) =>
    typeof one === 'string' ? one : '(in place)',
  );
  return names.join(', ');
}
