import { civilFromDays, DAY_MS, MAX_INSTANT, yearOf } from '../../time/civil.js';
import type { DstRules } from '../../time/dst.js';
import type { TimeZone, ZoneSegment } from '../../time/time-zone.js';
import { spend } from '../search-budget.js';
import type { LocalGrid } from './local-grid.js';

/** No zone is further from UTC than this, in milliseconds. */
const MAX_OFFSET_MS = 16 * 3_600_000;

/** What a look at a stretch between changes of clocks costs, in steps; one that is new has to be found first. */
const SEGMENT_STEPS = 2;

/**
 * A grid of wall-clock times on the clocks of a zone. Within a stretch of one offset the wall clock is the time line, shifted; what the
 * changes between stretches do is decided at their edges:
 *
 * - Where the clocks go back, the repeated times belong to the stretch before, to the one after, or to both.
 * - Where they go forward, the skipped times are asked as if the old offset went on, and moved to where the new one is.
 */
export class WallClock {
  constructor(
    private readonly grid: LocalGrid,
    private readonly zone: Pick<TimeZone, 'segmentAt'>,
    private readonly rules: DstRules,
  ) {}

  /**
   * The first run at or after an instant; null when there is none.
   *
   * @param time Milliseconds since the epoch.
   */
  next(time: number): number | null {
    if (!Number.isFinite(time)) return null;
    let from = time;
    const lastYear = this.grid.lastYear(yearOf(civilFromDays(Math.floor(time / DAY_MS))));
    for (;;) {
      spend(SEGMENT_STEPS);
      const segment = this.zone.segmentAt(from);
      const { offset, offsetAfter, end } = segment;
      const local = this.#firstLocal(segment, from);
      const match = this.grid.next(Math.ceil(local / 1_000), lastYear) * 1_000;
      let found = match - offset;
      if (found >= this.#endOf(segment)) found = Infinity;
      if (offset > segment.offsetBefore) found = Math.min(found, this.#nextMoved(segment, from, lastYear));
      if (found !== Infinity) return found;
      // A wall clock that does not go back before `local` shows nothing of the schedule until `match`.
      const goesBack = end + offsetAfter < local;
      if (match === Infinity && !goesBack) return null;
      from = goesBack ? end : Math.max(end, match - MAX_OFFSET_MS);
      if (from > MAX_INSTANT) return null;
    }
  }

  /** How many runs lie from `from` to `to`, both included. */
  count(from: number, to: number): number {
    let count = 0;
    for (let time = from; time <= to;) {
      spend(SEGMENT_STEPS);
      const segment = this.zone.segmentAt(time);
      const { offset } = segment;
      const local = this.#firstLocal(segment, time);
      const end = Math.min(this.#endOf(segment), to + 1);
      count += this.grid.count(Math.ceil(local / 1_000), Math.ceil((end + offset) / 1_000));
      // Without a change at its end it goes on in a stretch that knows of the same gap, and counts on from there.
      const last = segment.offsetAfter === offset ? Math.min(to, segment.end - 1) : to;
      if (offset > segment.offsetBefore) count += this.#countMoved(segment, time, last);
      time = segment.end;
    }
    return count;
  }

  /** What a change of clocks did to a run. */
  mark(time: number): 'gap' | 'overlap' | undefined {
    const segment = this.zone.segmentAt(time);
    const { start, end, offset, offsetBefore, offsetAfter } = segment;
    if (time < start + offsetBefore - offset || time >= end + offsetAfter - offset) return 'overlap';
    if (offset <= offsetBefore || time >= start + offset - offsetBefore) return undefined;
    return this.#nextMoved(segment, time, Infinity) === time ? 'gap' : undefined;
  }

  /** The wall-clock time from which on a stretch is looked at, when it is entered at an instant. */
  #firstLocal({ start, offset, offsetBefore }: ZoneSegment, time: number): number {
    const local = time + offset;
    // With the first of two taken, the times that are shown again belong to the stretch before.
    return this.rules.overlap === 'first' && offsetBefore > offset ? Math.max(local, start + offsetBefore) : local;
  }

  /** The instant up to which the wall-clock times of a stretch belong to it. */
  #endOf({ end, offset, offsetAfter }: ZoneSegment): number {
    return this.rules.overlap === 'second' && offset > offsetAfter ? end + offsetAfter - offset : end;
  }

  /** The first run at or after `time` that was moved out of the gap at the start of a stretch; `Infinity` for none. */
  #nextMoved({ start, offset, offsetBefore }: ZoneSegment, time: number, lastYear: number): number {
    const { gap } = this.rules;
    const gapStart = start + offsetBefore;
    const gapEnd = start + offset;
    if (gap === 'skip' || time >= start + (offset - offsetBefore)) return Infinity;
    if (gap === 'next') {
      if (time > start) return Infinity;
      const day = Math.floor(gapEnd / DAY_MS) * DAY_MS;
      return this.#matchIn(Math.max(gapStart, day), gapEnd, lastYear) === Infinity ? Infinity : start;
    }
    let local = time + offsetBefore;
    for (;;) {
      spend();
      const match = this.#matchIn(local, gapEnd, lastYear);
      if (match === Infinity) return Infinity;
      const day = Math.floor(match / DAY_MS);
      if (Math.floor((match + offset - offsetBefore) / DAY_MS) === day) return match - offsetBefore;
      // It would be moved to the next day; what is left of its own day would be too.
      local = (day + 1) * DAY_MS;
    }
  }

  /** The first time of the schedule in a stretch of wall-clock time, `end` not included. */
  #matchIn(from: number, end: number, lastYear: number): number {
    const match = this.grid.next(Math.ceil(from / 1_000), lastYear) * 1_000;
    return match < end ? match : Infinity;
  }

  /** How many runs from `from` to `to` were moved out of a gap and do not fall on a run that is there anyway. */
  #countMoved(segment: ZoneSegment, from: number, to: number): number {
    const { start, offset, offsetBefore } = segment;
    const { gap } = this.rules;
    if (gap === 'next') {
      const moved = this.#nextMoved(segment, from, Infinity);
      return moved <= to && !this.grid.matches((moved + offset) / 1_000) ? 1 : 0;
    }
    if (gap === 'skip') return 0;
    const shift = offset - offsetBefore;
    const end = Math.min(start + offset, to + 1 + offsetBefore);
    let count = 0;
    for (let local = from + offsetBefore; local < end;) {
      spend();
      const nextDay = (Math.floor(local / DAY_MS) + 1) * DAY_MS;
      // What would be moved to the next day is not moved at all.
      const first = Math.ceil(local / 1_000);
      const last = Math.ceil(Math.min(end, nextDay - shift) / 1_000);
      count += this.grid.count(first, last) - this.grid.countBoth(first, last, shift / 1_000);
      local = nextDay;
    }
    return count;
  }
}
