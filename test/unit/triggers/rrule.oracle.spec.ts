import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { RRuleTemporal } from 'rrule-temporal';
import { describe, expect, it } from 'vitest';
import { InvalidOptionError } from '../../../lib/errors/input.errors.js';
import { iso, make } from './trigger.fixtures.js';

/** How many dates of a rule are compared. */
const DATES = 12;

const numbers = (min: number, max: number, most: number) =>
  fc.uniqueArray(fc.integer({ min, max }), { minLength: 1, maxLength: most }).map((all) => all.join(','));

const signed = (max: number, most: number) =>
  fc
    .uniqueArray(
      fc.integer({ min: -max, max }).filter((one) => one !== 0),
      { minLength: 1, maxLength: most },
    )
    .map((all) => all.join(','));

// Of a list with numbered weekdays and others the library takes the numbered ones alone.
const weekdays = (numbered: boolean) =>
  fc
    .tuple(
      fc.uniqueArray(fc.constantFrom('MO', 'WE', 'FR', 'SU'), { minLength: 1, maxLength: 3 }),
      fc.constantFrom(...(numbered ? [[''], ['1', '-1', '2'], ['5', '3', '-2']] : [['']])),
    )
    .map(([days, places]) => days.map((day, index) => `${places[index % places.length]}${day}`).join(','));

// Years are compared above: the library forgets one of two parts that restrict the days of a year.
const FREQUENCIES = ['MONTHLY', 'WEEKLY', 'DAILY', 'HOURLY', 'MINUTELY', 'SECONDLY'];

const rules = fc.constantFrom(...FREQUENCIES).chain((frequency) =>
  fc
    .record({
      INTERVAL: fc.option(fc.integer({ min: 1, max: 40 }), { nil: undefined, freq: 2 }),
      BYMONTH: fc.option(numbers(1, 12, 4), { nil: undefined, freq: 3 }),
      BYMONTHDAY: fc.option(signed(31, 6), { nil: undefined, freq: 3 }),
      BYYEARDAY: fc.option(signed(366, 8), { nil: undefined, freq: 6 }),
      BYDAY: fc.option(weekdays(frequency === 'MONTHLY'), { nil: undefined, freq: 2 }),
      BYHOUR: fc.option(numbers(0, 23, 3), { nil: undefined, freq: 3 }),
      BYMINUTE: fc.option(numbers(0, 59, 3), { nil: undefined, freq: 3 }),
      BYSECOND: fc.option(numbers(0, 59, 2), { nil: undefined, freq: 3 }),
      BYSETPOS: fc.option(signed(4, 2), { nil: undefined, freq: 4 }),
      WKST: fc.option(fc.constantFrom('SU', 'WE'), { nil: undefined, freq: 4 }),
    })
    .map((parts) =>
      [['FREQ', frequency] as const, ...Object.entries(parts)]
        .filter(([, value]) => value !== undefined)
        .map(([name, value]) => `${name}=${value}`)
        .join(';'),
    ),
);

/** The dates that the library gives, counted out one by one; null where it takes too long or refuses the rule. */
function oracle(rule: string, start: string): (string | null)[] | null {
  const compact = start.replaceAll(/[-:]/g, '');
  try {
    const library = new RRuleTemporal({
      rruleString: `DTSTART:${compact}Z\nRRULE:${rule}`,
      strict: true,
      maxIterations: 400,
    });
    const found: (string | null)[] = [];
    for (let from = Date.parse(`${start}Z`) - 1_000; found.length < DATES;) {
      const next = library.next(new Date(from + 1_000), true);
      if (next === null) return null;
      from = next.epochMilliseconds;
      found.push(iso(from));
    }
    return found;
  } catch {
    return null;
  }
}

interface Vector {
  readonly rule: string;
  readonly start: string;
  readonly dates: readonly string[];
  readonly ends: boolean;
}

// What dateutil 2.9 for Python gives for random rules.
const VECTORS = JSON.parse(readFileSync(new URL('rrule.vectors.json', import.meta.url), 'utf8')) as readonly Vector[];

describe('a recurrence rule, compared with dateutil', () => {
  it.each(VECTORS)('$rule gives the same dates from $start', ({ rule, start, dates, ends }) => {
    const trigger = make({ type: 'rrule', rule, startAt: start });
    if (dates.length === 0) {
      // That there is none in 8,000 years may take longer to find out than a search may.
      expect(trigger.impossible()).not.toBeNull();
      return;
    }
    const found: string[] = [];
    let last: number | null = null;
    while (found.length < dates.length) {
      last = trigger.nextTime(last, 0);
      if (last === null) break;
      found.push(new Date(last).toISOString().slice(0, 19));
    }
    expect(found).toEqual(dates);
    if (ends) expect(trigger.nextTime(last, 0)).toBeNull();
    const from = Date.parse(`${start}Z`);
    if (last !== null) expect(trigger.countBetween(from, last, { taskId: '' })).toBe(dates.length);
  });
});

describe('a recurrence rule, compared with the library that counts dates out', () => {
  it('gives the same dates for any rule', () => {
    fc.assert(
      fc.property(
        rules,
        fc.constantFrom('2024-02-29T23:59:58', '2025-01-31T09:00:00', '2026-12-30T00:00:00', '2027-06-15T12:34:56'),
        (rule, start) => {
          const expected = oracle(rule, start);
          // Of most rules the library says nothing; these do not count as runs.
          fc.pre(expected !== null);
          const trigger = make({ type: 'rrule', rule, startAt: start });
          const found: (string | null)[] = [];
          for (let last: number | null = null; found.length < DATES;) {
            last = trigger.nextTime(last, 0);
            found.push(iso(last));
            if (last === null) break;
          }
          expect(found).toEqual(expected);
        },
      ),
      { numRuns: 80 },
    );
  });

  it('refuses what the library refuses', () => {
    for (const rule of ['FREQ=DAILY;BYWEEKNO=3', 'FREQ=WEEKLY;BYMONTHDAY=3', 'FREQ=MONTHLY;BYYEARDAY=3']) {
      expect(() => make({ type: 'rrule', rule })).toThrow(InvalidOptionError);
    }
  });
});
