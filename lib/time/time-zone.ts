import { civilFromDays, DAY_MS, daysFromCivil, isLeapYear, weekdayOf, yearOf } from './civil.js';

/**
 * A stretch of time with one offset. Times are milliseconds since the epoch; offsets are milliseconds that the wall clock
 * is ahead of UTC.
 */
export interface ZoneSegment {
  /** The first instant of it that is known; earlier ones may belong to it only when `offsetBefore` is the offset. */
  readonly start: number;
  /** The first instant after it. */
  readonly end: number;
  readonly offset: number;
  /** The offset just before `start`. More to `offset` than this: a gap at `start`; less: the wall clock repeats. */
  readonly offsetBefore: number;
  /** The offset at `end`. */
  readonly offsetAfter: number;
}

/**
 * What became of a wall-clock time in a zone: `gap` when the clocks skip it, `overlap` when they show it twice.
 */
export interface LocalTime {
  readonly time: number;
  readonly kind: 'once' | 'gap' | 'overlap';
}

/** A chunk is 398 days, a step 6.2 days: no zone has kept an offset for less than 6.9 days since 1970 (tzdata 2025c). */
const CHUNK_MS = 2 ** 35;
const STEP_MS = 2 ** 29;
/** How far a chunk looks beyond its ends, so that what a change of clocks does to the days around it is seen. */
const MARGIN_MS = 2 * DAY_MS;
/** No zone is further from UTC than this. */
const MAX_OFFSET_MS = 16 * 3_600_000;
/** Chunks kept of one zone: more than a thousand years. */
const MAX_CHUNKS = 1_024;
/** Zones kept: more than there are, since the letters of a name may be of either case. */
const MAX_ZONES = 1_000;

/** Before this instant all zones have one offset, that of their meridian: 1 January 1800. */
const FIRST_CHANGES = daysFromCivil(1_800, 1, 1) * DAY_MS;

/**
 * After the tables (those of Ramadan end in 2087) the clocks of a zone change by rules such as "the last Sunday of March", so what
 * happens in a year follows from its length and its first weekday. Years from 2129 on are looked up in the 28 before them,
 * which are of every kind: `Intl` is asked for a few centuries at the most, whatever dates a schedule has.
 */
const FIRST_ALIKE = 2_129;
const ALIKE_FROM = daysFromCivil(FIRST_ALIKE, 1, 1) * DAY_MS;
/** The first day of a year of each kind: see {@link kindOf}. */
const FIRST_DAYS = new Map(
  Array.from({ length: 28 }, (_, index) => FIRST_ALIKE - 28 + index).map((year) => [
    kindOf(year),
    daysFromCivil(year, 1, 1),
  ]),
);

/** The offset of a zone that is written as one, in milliseconds: `+05:30`, `-03:00`; null for others. */
function offsetOf(name: string): number | null {
  const match = /^([+-])(\d{2}):(\d{2})$/.exec(name);
  if (!match) return null;
  const [hours, minutes] = [Number(match[2]), Number(match[3])];
  if (hours > 14 || minutes > 59 || (hours === 14 && minutes > 0)) throw new RangeError(`No zone is at ${name}.`);
  return (match[1] === '-' ? -1 : 1) * (hours * 60 + minutes) * 60_000;
}

function yearAt(time: number): number {
  return yearOf(civilFromDays(Math.floor(time / DAY_MS)));
}

/** How far an instant is from the same one of the year that it is looked up in, in milliseconds. */
function shiftOf(time: number): number {
  const year = yearAt(time);
  return (daysFromCivil(year, 1, 1) - FIRST_DAYS.get(kindOf(year))!) * DAY_MS;
}

function kindOf(year: number): number {
  return weekdayOf(daysFromCivil(year, 1, 1)) * 2 + (isLeapYear(year) ? 1 : 0);
}

const ZONES = new Map<string, TimeZone>();

/**
 * A time zone with its changes of clocks found once and kept. `Intl` takes microseconds to give one offset; a search that
 * asks for thousands would take longer than the run that it plans. Changes are found a year at a time, when asked for.
 */
export class TimeZone {
  /**
   * The zone of an IANA name, or one that is always as far from UTC: `+05:30`.
   *
   * @throws RangeError When `Intl` does not know the name.
   */
  static get(name: string): TimeZone {
    let zone = ZONES.get(name);
    if (!zone) {
      zone = new TimeZone(name);
      if (ZONES.size >= MAX_ZONES) ZONES.clear();
      ZONES.set(name, zone);
    }
    return zone;
  }

  readonly #format: Intl.DateTimeFormat;
  readonly #chunks = new Map<number, readonly ZoneSegment[]>();
  readonly #fixed: ZoneSegment | null;
  #first: ZoneSegment | null = null;
  #lastIndex = NaN;
  #lastChunk: readonly ZoneSegment[] = [];

  private constructor(readonly name: string) {
    // Not left to Intl, whose older versions do not know it: what one process stores, every process has to read.
    const always = offsetOf(name);
    this.#format = new Intl.DateTimeFormat('en-US', {
      timeZone: always === null ? name : 'UTC',
      year: 'numeric',
      timeZoneName: 'longOffset',
    });
    // The zones that never change need no search at all.
    const canonical = this.#format.resolvedOptions().timeZone;
    const fixed = always ?? (canonical === 'UTC' || canonical.startsWith('Etc/') ? this.#readOffset(0) : null);
    this.#fixed =
      fixed === null
        ? null
        : { start: -Infinity, end: Infinity, offset: fixed, offsetBefore: fixed, offsetAfter: fixed };
  }

  /** The stretch that has this instant. */
  segmentAt(time: number): ZoneSegment {
    if (this.#fixed !== null) return this.#fixed;
    if (time < FIRST_CHANGES) return this.#before();
    const index = Math.floor(time / CHUNK_MS);
    const chunk = index === this.#lastIndex ? this.#lastChunk : this.#chunk(index);
    for (let i = chunk.length - 1; i > 0; i -= 1) {
      const segment = chunk[i]!;
      if (segment.start <= time) return segment;
    }
    return chunk[0]!;
  }

  /** The stretch before there were changes of clocks, looked up once. */
  #before(): ZoneSegment {
    if (this.#first === null) {
      const offset = this.#readOffset(FIRST_CHANGES);
      this.#first = { start: -Infinity, end: FIRST_CHANGES, offset, offsetBefore: offset, offsetAfter: offset };
    }
    return this.#first;
  }

  /** Milliseconds that the wall clock is ahead of UTC. */
  offsetAt(time: number): number {
    return this.segmentAt(time).offset;
  }

  /**
   * The instant of a wall-clock time, as `Temporal`'s "compatible" has it: one that is skipped moves forward by the length
   * of the gap; of two the first is meant.
   *
   * @param local The wall-clock time, as the milliseconds that it would have in UTC.
   */
  fromLocal(local: number): LocalTime {
    let segment = this.segmentAt(local - MAX_OFFSET_MS);
    for (;;) {
      const time = local - segment.offset;
      if (time < segment.start && segment.offsetBefore < segment.offset) {
        return { time: local - segment.offsetBefore, kind: 'gap' };
      }
      if (time < segment.end) {
        const repeated = segment.offset - segment.offsetAfter;
        return { time, kind: repeated > 0 && time >= segment.end - repeated ? 'overlap' : 'once' };
      }
      segment = this.segmentAt(segment.end);
    }
  }

  #chunk(index: number): readonly ZoneSegment[] {
    let chunk = this.#chunks.get(index);
    if (!chunk) {
      if (this.#chunks.size >= MAX_CHUNKS) this.#chunks.clear();
      chunk = this.#findSegments(index * CHUNK_MS, (index + 1) * CHUNK_MS);
      this.#chunks.set(index, chunk);
    }
    this.#lastIndex = index;
    this.#lastChunk = chunk;
    return chunk;
  }

  #findSegments(from: number, to: number): ZoneSegment[] {
    const segments: ZoneSegment[] = [];
    const limit = to + MARGIN_MS;
    let start = from - MARGIN_MS;
    let offset = this.#offsetOf(start);
    let offsetBefore = offset;
    for (let change = this.#nextChange(start, offset, limit); change < limit;) {
      const offsetAfter = this.#offsetOf(change);
      segments.push({ start, end: change, offset, offsetBefore, offsetAfter });
      offsetBefore = offset;
      offset = offsetAfter;
      start = change;
      change = this.#nextChange(start, offset, limit);
    }
    // The last one ends with the chunk, where the next chunk knows more of what follows.
    segments.push({ start, end: Math.max(to, start + 1), offset, offsetBefore, offsetAfter: offset });
    return segments;
  }

  /** The offset at an instant whose chunk is not known yet. */
  #offsetOf(time: number): number {
    if (time >= ALIKE_FROM) return this.offsetAt(time - shiftOf(time));
    return time < FIRST_CHANGES ? this.#before().offset : this.#readOffset(time);
  }

  /** The first instant after `known` at which the offset is another one; `limit` when there is none before it. */
  #nextChange(from: number, offset: number, limit: number): number {
    let known = Math.max(from, Math.min(FIRST_CHANGES, limit));
    while (known < limit) {
      if (known >= ALIKE_FROM) {
        const shift = shiftOf(known);
        const { end, offsetAfter } = this.segmentAt(known - shift);
        const yearEnd = daysFromCivil(yearAt(known) + 1, 1, 1) * DAY_MS;
        if (offsetAfter !== offset && end + shift < yearEnd) return Math.min(end + shift, limit);
        known = Math.min(end + shift, yearEnd);
        continue;
      }
      const probe = Math.min(known + STEP_MS, limit);
      if (this.#offsetOf(probe) !== offset) return this.#findChange(known, probe, offset);
      known = probe;
    }
    return limit;
  }

  /** The first instant, to the second, at which the offset is another than at `low`. */
  #findChange(low: number, high: number, offset: number): number {
    let before = Math.floor(low / 1_000);
    let after = Math.ceil(high / 1_000);
    while (after - before > 1) {
      const middle = Math.floor((before + after) / 2);
      if (this.#offsetOf(middle * 1_000) === offset) before = middle;
      else after = middle;
    }
    return after * 1_000;
  }

  #readOffset(time: number): number {
    const text = this.#format.format(time);
    const at = text.lastIndexOf('GMT') + 3;
    if (at === text.length) return 0;
    const sign = text[at] === '+' ? 1 : -1;
    const [hours, minutes, seconds = 0] = text
      .slice(at + 1)
      .split(':')
      .map(Number) as [number, number, number?];
    return sign * ((hours * 60 + minutes) * 60 + seconds) * 1_000;
  }
}
