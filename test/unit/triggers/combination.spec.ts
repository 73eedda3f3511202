import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InvalidOptionError, UnknownNameError, UnknownOptionError } from '../../../lib/errors/input.errors.js';
import { SearchLimitError } from '../../../lib/errors/trigger.errors.js';
import type { TriggerData } from '../../../lib/triggers/trigger.interface.js';
import { at, iso, make, runs, SEED } from './trigger.fixtures.js';

const cron = (expression: string): TriggerData => ({ type: 'cron', expression });
const every = (minutes: number, startAt = '2025-01-01'): TriggerData => ({ type: 'interval', minutes, startAt });

describe('or', () => {
  it('runs whenever one of its triggers does, and once where several do', () => {
    expect(runs({ type: 'or', triggers: [every(10), every(15)] }, '2025-01-01T00:00', 6)).toEqual([
      '2025-01-01T00:00',
      '2025-01-01T00:10',
      '2025-01-01T00:15',
      '2025-01-01T00:20',
      '2025-01-01T00:30',
      '2025-01-01T00:40',
    ]);
  });

  it('leaves each child on its own grid', () => {
    const data = { type: 'or', triggers: [every(10), { type: 'date', runAt: '2025-01-01T00:07:00Z' }] };
    expect(runs(data, '2025-01-01T00:01', 3)).toEqual(['2025-01-01T00:07', '2025-01-01T00:10', '2025-01-01T00:20']);
  });

  it('leaves a date that has passed aside', () => {
    expect(
      runs({ type: 'or', triggers: [{ type: 'date', runAt: '2020-01-01' }, cron('0 5 * * *')] }, '2025-01-01T00:00', 1),
    ).toEqual(['2025-01-01T05:00']);
  });

  it('adds nothing where a child is a shutdown', () => {
    expect(runs({ type: 'or', triggers: [{ type: 'shutdown' }, cron('0 5 * * *')] }, '2025-01-01T00:00', 1)).toEqual([
      '2025-01-01T05:00',
    ]);
  });

  it('is over when all of its children are', () => {
    const data = {
      type: 'or',
      triggers: [
        { ...cron('0 5 * * *'), endAt: '2025-01-02' },
        { ...cron('0 7 * * *'), endAt: '2025-01-03' },
      ],
    };
    expect(runs(data, '2025-01-01T00:00')).toEqual(['2025-01-01T05:00', '2025-01-01T07:00', '2025-01-02T07:00', null]);
  });

  it('never runs without triggers, and says so', () => {
    const trigger = make({ type: 'or', triggers: [] });
    expect(trigger.nextTime(null, 0)).toBeNull();
    expect(trigger.impossible()).toBe('it has no triggers');
  });
});

describe('and', () => {
  it('runs when all of its triggers do', () => {
    expect(runs({ type: 'and', triggers: [every(10), every(15)] }, '2025-01-01T00:01', 3)).toEqual([
      '2025-01-01T00:30',
      '2025-01-01T01:00',
      '2025-01-01T01:30',
    ]);
    expect(
      runs(
        { type: 'and', triggers: [cron('0 9 * * *'), cron('0 * 13 * *'), cron('* * * * 5')] },
        '2025-01-01T00:00',
        2,
      ),
    ).toEqual(['2025-06-13T09:00', '2026-02-13T09:00']);
  });

  it('goes on after its first run', () => {
    const trigger = make({ type: 'and', triggers: [cron('0 5 * * *'), cron('0 * * * *')] });
    expect(iso(trigger.nextTime(at('2025-01-01T05:00'), at('2025-01-01T05:00')))).toBe('2025-01-02T05:00');
  });

  it.each([
    ['a date in the past', [{ type: 'date', runAt: '2020-01-01' }, cron('* * * * *')]],
    ['a shutdown', [{ type: 'shutdown' }, cron('* * * * *')]],
  ])('never runs with %s', (_what, triggers) => {
    const trigger = make({ type: 'and', triggers });
    expect(trigger.nextTime(null, at('2025-01-01T00:00'))).toBeNull();
  });

  it.each([
    ['hours that differ', [cron('0 5 * * *'), cron('0 6 * * *')]],
    ['odd and even seconds', [cron('*/2 * * * * *'), cron('1/2 * * * * *')]],
  ])('does not say that there are no more times where it cannot know: %s', (_what, triggers) => {
    const trigger = make({ type: 'and', triggers });
    const start = performance.now();
    expect(() => trigger.nextTime(null, at('2025-01-01T00:00'))).toThrow(SearchLimitError);
    expect(trigger.impossible()).toMatch(/finds no time that its triggers have in common/);
    // Up to its end it can know.
    expect(
      make({ type: 'and', triggers, endAt: '2025-01-01T00:20' }).nextTime(null, at('2025-01-01T00:00')),
    ).toBeNull();
    expect(performance.now() - start).toBeLessThan(2_000);
  });

  it('stays within its bound however deep it is nested, and however much there is to count', () => {
    // These meet every 1,001 seconds, after some 2,000 steps; nested, each step of the outer one is such a search.
    const pair = {
      type: 'and',
      triggers: [
        { type: 'interval', seconds: 1, startAt: '2025-01-01' },
        { type: 'interval', milliseconds: 1_001, startAt: '2025-01-01' },
      ],
    };
    const never = {
      type: 'and',
      triggers: [
        pair,
        { ...cron('30 * * * * *'), startAt: '2025-01-01T00:00:00.001Z' },
        { type: 'interval', hours: 1, startAt: '2025-01-01T00:00:01Z' },
      ],
    };
    const or = { type: 'or', triggers: [never, pair, cron('* * * * * *')], calendar: { times: ['00:00-23:00'] } };
    const start = performance.now();
    const trigger = make(or);
    const first = trigger.nextOccurrence(null, at('2025-01-01T00:00'), SEED)!;
    const caughtUp = trigger.catchUp(first, at('2026-01-01T00:00'), SEED);
    expect(caughtUp.latest!.scheduledTime).toBe(at('2025-12-31T23:59:59'));
    expect(() => make(never).nextTime(null, at('2025-01-01T00:00'))).toThrow(SearchLimitError);
    expect(performance.now() - start).toBeLessThan(10_000);
  });

  it('finds what agrees once in a lifetime', () => {
    const data = { type: 'and', triggers: [cron('0 0 29 2 *'), cron('0 0 * * 1')] };
    expect(runs(data, '2025-01-01T00:00', 3)).toEqual(['2044-02-29T00:00', '2072-02-29T00:00', '2112-02-29T00:00']);
    expect(
      runs({ type: 'and', triggers: [every(60, '2060-01-01'), cron('0 0 1 1 *')] }, '2025-01-01T00:00', 1),
    ).toEqual(['2060-01-01T00:00']);
  });

  it('says why it is impossible', () => {
    expect(make({ type: 'and', triggers: [cron('0 5 * * *'), cron('0 6 * * *')] }).impossible()).toMatch(
      /finds no time that its triggers have in common/,
    );
    expect(make({ type: 'and', triggers: [cron('0 5 * * *')] }).impossible()).toBeNull();
  });

  it('needs a trigger', () => {
    expect(() => make({ type: 'and', triggers: [] })).toThrow(/at least one trigger/);
  });
});

describe('a combination', () => {
  it('nests', () => {
    const data = {
      type: 'or',
      triggers: [
        { type: 'and', triggers: [cron('0 9 * * *'), cron('* * * * mon')] },
        { type: 'or', triggers: [cron('0 20 * * *')] },
      ],
    };
    expect(runs(data, '2025-01-05T21:00', 2)).toEqual(['2025-01-06T09:00', '2025-01-06T20:00']);
  });

  it('lends its zone to children that have none', () => {
    expect(
      runs(
        {
          type: 'or',
          triggers: [cron('0 9 * * *'), { ...cron('0 9 * * *'), timezone: 'UTC' }],
          timezone: 'Asia/Tokyo',
        },
        '2025-01-01T00:00',
        2,
      ),
    ).toEqual(['2025-01-01T00:00', '2025-01-01T09:00']);
  });

  it('has bounds, jitter and a calendar of its own', () => {
    const data = {
      type: 'or',
      triggers: [cron('0 9 * * *')],
      startAt: '2025-01-03',
      endAt: '2025-01-07',
      calendar: { weekdays: ['sun'] },
    };
    expect(runs(data, '2025-01-01T00:00')).toEqual(['2025-01-03T09:00', '2025-01-04T09:00', '2025-01-06T09:00', null]);
  });

  it('leaves the jitter of its children aside, which would keep them apart', () => {
    const child = { ...cron('0 9 * * *'), jitter: '10m' };
    expect(runs({ type: 'and', triggers: [child, { ...child, jitter: '5m' }] }, '2025-01-01T00:00', 1)).toEqual([
      '2025-01-01T09:00',
    ]);
  });

  it.each([
    [{ type: 'startup' }, /triggers\[0\]\.type: "startup"/],
    [{ type: 'fixedDelay', delay: 5 }, /triggers\[0\]\.type: "fixedDelay"/],
    [{ ...cron('* * * * *'), maxRuns: 3 }, /triggers\[0\]\.maxRuns: 3/],
    [{ ...cron('* * * * *'), calendar: {}, onExcluded: 'next' }, /triggers\[0\]\.onExcluded: "next"/],
  ])('refuses a child that it cannot ask: %j', (child, message) => {
    expect(() => make({ type: 'or', triggers: [child] })).toThrow(InvalidOptionError);
    expect(() => make({ type: 'or', triggers: [child] })).toThrow(message);
  });

  it('says what is wrong with a child', () => {
    expect(() => make({ type: 'or', triggers: 'cron' })).toThrow(/Invalid triggers: "cron"/);
    expect(() => make({ type: 'or', triggers: ['cron'] })).toThrow(InvalidOptionError);
    expect(() => make({ type: 'or', triggers: [{ type: 'crn' }] })).toThrow(UnknownNameError);
    expect(() => make({ type: 'or', triggers: [{ type: 'cron', hours: 3 }] })).toThrow(UnknownOptionError);
  });

  it('is stored with all that depended on its creation', () => {
    const stored = make(
      { type: 'or', triggers: [{ type: 'interval', minutes: 5 }, { type: 'date' }] },
      '2025-01-01T00:00',
      'Asia/Tokyo',
    ).toJSON();
    expect(stored).toEqual({
      type: 'or',
      timezone: 'Asia/Tokyo',
      triggers: [
        { type: 'interval', every: '5m', startAt: '2025-01-01T00:05:00.000Z', timezone: 'Asia/Tokyo' },
        { type: 'date', runAt: '2025-01-01T00:00:00.000Z', timezone: 'Asia/Tokyo' },
      ],
    });
    expect(make(stored, '2030-01-01T00:00').toJSON()).toEqual(stored);
  });

  it('is the union, and the intersection, of what its children give', () => {
    const child = fc.oneof(
      fc.integer({ min: 1, max: 50 }).map((minutes) => every(minutes)),
      fc
        .tuple(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 1, max: 12 }))
        .map(([m, h]) => cron(`*/${m} */${h} * * *`)),
    );
    fc.assert(
      fc.property(fc.array(child, { minLength: 1, maxLength: 3 }), (triggers) => {
        const [from, to] = [at('2025-01-05T03:07'), at('2025-01-06T03:07')];
        const times = triggers.map((data) => {
          const trigger = make(data);
          const found = new Set<number>();
          for (
            let next = trigger.timeFrom(from, SEED);
            next !== null && next <= to;
            next = trigger.timeFrom(next + 1, SEED)
          )
            found.add(next);
          return found;
        });
        const union = new Set(times.flatMap((found) => [...found]));
        const common = [...times[0]!].filter((time) => times.every((found) => found.has(time)));
        expect(make({ type: 'or', triggers }).countBetween(from, to, SEED)).toBe(union.size);
        expect(make({ type: 'and', triggers }).countBetween(from, to, SEED)).toBe(common.length);
        expect(make({ type: 'or', triggers }).timeFrom(from, SEED)).toBe(Math.min(...union));
        if (common.length > 0) expect(make({ type: 'and', triggers }).timeFrom(from, SEED)).toBe(Math.min(...common));
      }),
      { numRuns: 150 },
    );
  });
});
