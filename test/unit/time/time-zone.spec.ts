import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TimeZone } from '../../../lib/time/time-zone.js';
import { suggestTimezone } from '../../../lib/time/zone-names.js';

/** The offset that `Intl` gives, read from the fields of the wall clock and not from a name of the offset. */
function offsetByFields(timezone: string): (time: number) => number {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: timezone,
    hourCycle: 'h23',
    era: 'short',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  return (time) => {
    const parts: Record<string, number> = {};
    for (const { type, value } of format.formatToParts(time)) parts[type] = Number(value);
    const local = Date.UTC(parts.year!, parts.month! - 1, parts.day, parts.hour, parts.minute, parts.second);
    return local - Math.floor(time / 1_000) * 1_000;
  };
}

const HARD_ZONES = [
  'Pacific/Apia',
  'Australia/Lord_Howe',
  'Asia/Kathmandu',
  'Europe/Istanbul',
  'Asia/Pyongyang',
  'Africa/Casablanca',
  'Africa/Cairo',
  'America/Sao_Paulo',
  'America/St_Johns',
  'Antarctica/Troll',
  'Asia/Gaza',
  'America/Caracas',
  'Pacific/Kiritimati',
  'Africa/Monrovia',
  'Europe/Lisbon',
  'America/Noronha',
];

const HOUR = 3_600_000;
const SPAN = { min: 0, max: Date.UTC(2200, 11, 31) };

describe('TimeZone', () => {
  it.each(HARD_ZONES)('has the offsets of Intl in %s from 1970 to 2200', (timezone) => {
    const zone = TimeZone.get(timezone);
    const expected = offsetByFields(timezone);
    fc.assert(
      fc.property(fc.integer(SPAN), (time) => {
        expect(zone.offsetAt(time)).toBe(expected(time));
      }),
      { numRuns: 300 },
    );
  });

  it('has the offsets of Intl in every zone at the hours around each of its changes in 2011 and 2024', () => {
    let changes = 0;
    for (const timezone of Intl.supportedValuesOf('timeZone')) {
      const zone = TimeZone.get(timezone);
      const expected = offsetByFields(timezone);
      for (const year of [2011, 2024]) {
        let segment = zone.segmentAt(Date.UTC(year, 0, 1));
        while (segment.end < Date.UTC(year + 1, 0, 1)) {
          if (segment.offset !== segment.offsetAfter) {
            changes += 1;
            for (const time of [segment.end - 1_000, segment.end, segment.end + HOUR]) {
              expect([timezone, time, zone.offsetAt(time)]).toEqual([timezone, time, expected(time)]);
            }
          }
          segment = zone.segmentAt(segment.end);
        }
      }
    }
    expect(changes).toBeGreaterThan(500);
  });

  it('has stretches that follow each other without a hole, each knowing its neighbours', () => {
    for (const timezone of HARD_ZONES) {
      const zone = TimeZone.get(timezone);
      let segment = zone.segmentAt(0);
      while (segment.end < SPAN.max) {
        const next = zone.segmentAt(segment.end);
        expect(next.offset).toBe(segment.offsetAfter);
        expect(next.start).toBeLessThanOrEqual(segment.end);
        if (next.start === segment.end) expect(next.offsetBefore).toBe(segment.offset);
        expect(next.end).toBeGreaterThan(segment.end);
        segment = next;
      }
    }
  });

  it('knows the day that Samoa left out, the half hour of Lord Howe and the quarter of Kathmandu', () => {
    const apia = TimeZone.get('Pacific/Apia');
    const dateLine = Date.UTC(2011, 11, 30, 10);
    expect(apia.offsetAt(dateLine - 1)).toBe(-10 * HOUR);
    expect(apia.offsetAt(dateLine)).toBe(14 * HOUR);
    const lordHowe = TimeZone.get('Australia/Lord_Howe');
    expect(lordHowe.offsetAt(Date.UTC(2024, 0, 1))).toBe(11 * HOUR);
    expect(lordHowe.offsetAt(Date.UTC(2024, 6, 1))).toBe(10.5 * HOUR);
    expect(TimeZone.get('Asia/Kathmandu').offsetAt(Date.UTC(2024, 0, 1))).toBe(5.75 * HOUR);
    expect(TimeZone.get('Asia/Kathmandu').offsetAt(Date.UTC(1985, 0, 1))).toBe(5.5 * HOUR);
  });

  it('sees the shortest stretches that there are', () => {
    // Summer time for a week.
    const noronha = TimeZone.get('America/Noronha');
    expect(noronha.offsetAt(Date.UTC(2000, 9, 7))).toBe(-2 * HOUR);
    expect(noronha.offsetAt(Date.UTC(2000, 9, 12))).toBe(-HOUR);
    expect(noronha.offsetAt(Date.UTC(2000, 9, 16))).toBe(-2 * HOUR);
    const expected = offsetByFields('Asia/Gaza');
    for (const time of [Date.UTC(2040, 9, 18), Date.UTC(2040, 9, 22), Date.UTC(2040, 9, 29)]) {
      expect(TimeZone.get('Asia/Gaza').offsetAt(time)).toBe(expected(time));
    }
  });

  it('takes the first of two instants, and moves a skipped time forward by the gap', () => {
    const lisbon = TimeZone.get('Europe/Lisbon');
    expect(lisbon.fromLocal(Date.UTC(2024, 2, 31, 1, 30))).toEqual({ time: Date.UTC(2024, 2, 31, 1, 30), kind: 'gap' });
    expect(lisbon.fromLocal(Date.UTC(2024, 9, 27, 1, 30))).toEqual({
      time: Date.UTC(2024, 9, 27, 0, 30),
      kind: 'overlap',
    });
    expect(lisbon.fromLocal(Date.UTC(2024, 9, 27, 1)).kind).toBe('overlap');
    expect(lisbon.fromLocal(Date.UTC(2024, 9, 27, 0, 59, 59)).kind).toBe('once');
    expect(lisbon.fromLocal(Date.UTC(2024, 2, 31, 1))).toEqual({ time: Date.UTC(2024, 2, 31, 1), kind: 'gap' });
    expect(lisbon.fromLocal(Date.UTC(2024, 2, 31, 2))).toEqual({ time: Date.UTC(2024, 2, 31, 1), kind: 'once' });
    expect(lisbon.fromLocal(Date.UTC(2024, 9, 27, 2))).toEqual({ time: Date.UTC(2024, 9, 27, 2), kind: 'once' });
    const apia = TimeZone.get('Pacific/Apia');
    expect(apia.fromLocal(Date.UTC(2011, 11, 30, 12))).toEqual({ time: Date.UTC(2011, 11, 30, 22), kind: 'gap' });
  });

  it('finds for every instant a wall-clock time that leads back to it, or to its first pass', () => {
    for (const timezone of HARD_ZONES) {
      const zone = TimeZone.get(timezone);
      fc.assert(
        fc.property(fc.integer(SPAN), (time) => {
          const { time: back, kind } = zone.fromLocal(time + zone.offsetAt(time));
          if (kind === 'once') expect(back).toBe(time);
          else expect(back).toBeLessThanOrEqual(time);
        }),
        { numRuns: 100 },
      );
    }
  });

  it('answers for years far beyond 2200 too', () => {
    const zone = TimeZone.get('America/New_York');
    expect(zone.offsetAt(Date.UTC(9998, 0, 1))).toBe(-5 * HOUR);
    expect(zone.offsetAt(Date.UTC(9998, 6, 1))).toBe(-4 * HOUR);
  });

  it('refuses a zone that Intl does not know', () => {
    expect(() => TimeZone.get('Europe/Atlantis')).toThrow(RangeError);
  });
});

describe('suggestTimezone', () => {
  it.each([
    ['Lisbon', 'Europe/Lisbon'],
    ['Europe/Lisboa', 'Europe/Lisbon'],
    ['america/newyork', 'America/New_York'],
    ['America/Lisbon', 'Europe/Lisbon'],
    ['Asia/Tokio', 'Asia/Tokyo'],
    ['utc ', 'UTC'],
  ])('proposes for %s the zone %s', (text, expected) => {
    expect(suggestTimezone(text)).toBe(expected);
  });

  it.each(['', 'Foo/Bar', 'x'.repeat(100), '%%%'])('proposes nothing for %j', (text) => {
    expect(suggestTimezone(text)).toBeNull();
  });
});
