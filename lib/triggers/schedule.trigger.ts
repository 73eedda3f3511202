import { DAY_MS } from '../time/civil.js';
import { TimeZone } from '../time/time-zone.js';
import { BaseTrigger } from './base.trigger.js';
import type { ExclusionCalendar } from './calendars/calendar.interface.js';
import { writeScheduleOptions } from './schedule.options.js';
import type { ScheduleOptions } from './schedule.options.js';
import { describeSchedule } from './schedule.words.js';
import { withinBudget } from './search-budget.js';
import { stableHash } from './stable-hash.js';
import type { CatchUp, Occurrence, TriggerData, TriggerSeed } from './trigger.interface.js';

/** The seed where none is given: the public form of `next` knows no task. */
export const NO_TASK: TriggerSeed = { taskId: '' };

/** How many excluded stretches in a row a search passes, and how many days it looks for one that is not excluded. */
const MAX_EXCLUSIONS = 3_660;

/** Halving asks some fifty questions; most take a few steps. */
const HALVING_QUESTIONS = 10;

/** How many occurrences are looked at one by one where jitter leaves open which of them are due. */
const MAX_JITTERED = 100_000;

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
   */
  protected abstract gridFrom(time: number, seed: TriggerSeed, previous: number | null): number | null;

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
    return this.#next(previous, now, NO_TASK);
  }

  override timeFrom(time: number, seed: TriggerSeed): number | null {
    return this.#next(null, time, seed);
  }

  override countBetween(from: number, to: number, seed: TriggerSeed): number | null {
    return withinBudget(() => this.#count(Math.max(from, this.#startAt), Math.min(to, this.#endAt), seed, null));
  }

  override nextOccurrence(previous: number | null, now: number, seed: TriggerSeed): Occurrence | null {
    const { calendar } = this.options;
    if (calendar !== null && calendar.onExcluded !== 'skip') {
      return withinBudget(() => this.#nextMoved(previous, now, seed));
    }
    const time = this.#next(previous, now, seed);
    return time === null ? null : this.#occurrence(time, time, seed);
  }

  override catchUp(from: Occurrence, now: number, seed: TriggerSeed): CatchUp {
    const { calendar, jitterMs } = this.options;
    if (from.runTime > now) return { count: 0, latest: null, next: from };
    // Moved ones are few, at most one a day makes sense.
    if (calendar !== null && calendar.onExcluded !== 'skip') {
      return withinBudget(() => super.catchUp(from, now, seed), HALVING_QUESTIONS);
    }
    let latest = from;
    let count = 1;
    // Jitter only delays: what is planned before this is due for sure, and need not be looked at.
    const sure = Math.floor(Math.min(now - jitterMs, this.#endAt));
    const lastSure = withinBudget(() => this.#lastUntil(sure, from.scheduledTime, seed), HALVING_QUESTIONS);
    if (lastSure !== null) {
      count += withinBudget(() => this.#count(from.scheduledTime + 1, lastSure, seed, from.scheduledTime));
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

  override impossible(): string | null {
    const { startAt, endAt, startIsGiven } = this.options;
    if (startIsGiven && endAt !== null && endAt < this.#startAt) return 'its endAt lies before its startAt';
    const from = startAt ?? 0;
    const first = this.gridFrom(from, NO_TASK, null);
    if (first === null) return this.whyNoGrid();
    if (this.#search(from, NO_TASK, null) === null) return 'its calendar excludes all of its times';
    // A start that nobody gave lies after an end that has passed: that is used up, and no mistake.
    if (!startIsGiven && startAt !== null) return null;
    return this.#next(null, from, NO_TASK) === null ? 'no time of it lies between its startAt and its endAt' : null;
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

  #next(previous: number | null, now: number, seed: TriggerSeed): number | null {
    // The start counts only before the first run: what has run goes on, whatever is written for the start later.
    const from = previous === null ? Math.max(now, this.#startAt) : previous + 1;
    const time = this.#search(from, seed, previous);
    return time === null || time > this.#endAt ? null : time;
  }

  /** The first time from `from` on that is on the grid and that no calendar drops. */
  #search(from: number, seed: TriggerSeed, previous: number | null): number | null {
    const { calendar } = this.options;
    const time = this.gridFrom(from, seed, previous);
    return calendar === null || calendar.onExcluded !== 'skip'
      ? time
      : withinBudget(() => this.#skipExcluded(time, calendar.current(), seed, previous));
  }

  #skipExcluded(
    first: number | null,
    calendar: ExclusionCalendar,
    seed: TriggerSeed,
    previous: number | null,
  ): number | null {
    let time = first;
    for (let steps = 0; steps < MAX_EXCLUSIONS; steps += 1) {
      if (time === null) return null;
      const until = calendar.excludedUntil(time);
      if (until === null) return time;
      if (until === Infinity) return null;
      time = this.gridFrom(until, seed, previous);
    }
    return null;
  }

  /** The last time that the trigger runs at, after `after` and not after `limit`, found by halving the span. */
  #lastUntil(limit: number, after: number, seed: TriggerSeed): number | null {
    const first = this.#search(after + 1, seed, after);
    if (first === null || first > limit) return null;
    // Most often it is near the limit: look back in growing steps before halving what is left.
    let low = first;
    let high = limit;
    for (let back = 1_000; back < limit - first; back *= 8) {
      const found = this.#search(limit - back, seed, after);
      if (found !== null && found <= limit) {
        low = found;
        break;
      }
      high = limit - back;
    }
    while (low < high) {
      const middle = low + Math.ceil((high - low) / 2);
      const found = this.#search(middle, seed, after);
      if (found !== null && found <= limit) low = found;
      else high = middle - 1;
    }
    return low;
  }

  #count(from: number, to: number, seed: TriggerSeed, previous: number | null): number {
    const { calendar: use } = this.options;
    if (use === null || use.onExcluded !== 'skip') return this.countGrid(from, to, seed, previous);
    const calendar = use.current();
    let count = 0;
    for (let time = from; time <= to;) {
      const until = calendar.excludedUntil(time);
      if (until !== null) {
        time = until;
        continue;
      }
      const end = calendar.allowedUntil(time);
      count += this.countGrid(time, Math.min(end - 1, to), seed, previous);
      time = end;
    }
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
    for (let steps = 0; time !== null && steps < MAX_EXCLUSIONS; steps += 1) {
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
    for (let days = 1; days <= MAX_EXCLUSIONS; days += 1) {
      const moved = zone.fromLocal(local + days * step).time;
      if (exclusions.excludedUntil(moved) === null) return moved;
    }
    return null;
  }
}

function nameOf(source: NonNullable<ScheduleOptions['calendar']>['source']): string {
  if (typeof source === 'string') return source;
  const names = (Array.isArray(source) ? source : [source]).map((one: unknown) =>
    typeof one === 'string' ? one : '(in place)',
  );
  return names.join(', ');
}
