import { Cron } from 'croner';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TimeZone } from '../../../lib/time/time-zone.js';
import { createTrigger } from '../../../lib/triggers/trigger.registry.js';
import { expression, field, instant, nearChange, zone } from './cron.arbitraries.js';
import { slowRuns } from './slow-oracle.js';

const DAY = 86_400_000;

function nextRuns(trigger: ReturnType<typeof createTrigger>, now: number, until: number): number[] {
  const runs: number[] = [];
  let next = trigger.nextTime(null, now);
  while (next !== null && next <= until) {
    runs.push(next);
    next = trigger.nextTime(next, next);
  }
  return runs;
}

describe('cron', () => {
  it('agrees with a slow look at every minute around changes of clocks', () => {
    fc.assert(
      fc.property(expression, nearChange, (text, { timezone, now }) => {
        const trigger = createTrigger({ type: 'cron', expression: text, timezone });
        expect(nextRuns(trigger, now, now + 3 * DAY)).toEqual(slowRuns(text, timezone, now, 3));
      }),
      { numRuns: 200 },
    );
  });

  it('agrees with a slow look at every minute anywhere', () => {
    fc.assert(
      fc.property(expression, zone, instant, (text, timezone, now) => {
        const trigger = createTrigger({ type: 'cron', expression: text, timezone });
        expect(nextRuns(trigger, now, now + DAY)).toEqual(slowRuns(text, timezone, now, 1));
      }),
      { numRuns: 60 },
    );
  });

  it('gives times that only grow, whatever moment it is asked from', () => {
    fc.assert(
      fc.property(
        expression,
        fc.oneof(nearChange, fc.record({ timezone: zone, now: instant })),
        instant,
        (text, { timezone, now }, asked) => {
          const trigger = createTrigger({ type: 'cron', expression: text, timezone });
          let previous = trigger.nextTime(null, now);
          if (previous !== null) expect(previous).toBeGreaterThanOrEqual(now);
          for (let i = 0; i < 5 && previous !== null; i += 1) {
            const next = trigger.nextTime(previous, previous);
            expect(trigger.nextTime(previous, asked)).toBe(next);
            if (next === null) break;
            expect(next).toBeGreaterThan(previous);
            // Nothing lies between two times that follow each other.
            const between = previous + 1 + Math.floor((next - previous - 1) * ((asked % 997) / 997));
            expect(trigger.nextTime(null, between)).toBe(next);
            previous = next;
          }
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it('counts what a walk counts, under every rule for changes of clocks', () => {
    const rules = fc.record({
      gap: fc.constantFrom('shift', 'skip', 'next'),
      overlap: fc.constantFrom('first', 'second', 'both'),
    });
    fc.assert(
      fc.property(
        expression,
        nearChange,
        rules,
        fc.integer({ min: 0, max: 4 * DAY }),
        (text, { timezone, now }, dst, span) => {
          const trigger = createTrigger({ type: 'cron', expression: text, timezone, dst });
          const runs = nextRuns(trigger, now, now + span);
          expect(trigger.countBetween(now, now + span, { taskId: '' })).toBe(runs.length);
          const [first] = runs;
          if (first === undefined) return;
          const caughtUp = trigger.catchUp({ scheduledTime: first, runTime: first }, now + span, { taskId: '' });
          expect(caughtUp.count).toBe(runs.length);
          expect(caughtUp.latest?.scheduledTime).toBe(runs.at(-1));
          expect(caughtUp.next?.scheduledTime ?? null).toBe(trigger.nextTime(runs.at(-1)!, now));
        },
      ),
      { numRuns: 600 },
    );
  });

  it('counts once what was moved out of a gap to where one look at a zone ends and the next one begins', () => {
    const dst = { gap: 'shift', overlap: 'first' } as const;
    const trigger = createTrigger({ type: 'cron', expression: '0-40 */2 1-28 * *', timezone: 'Asia/Beirut', dst });
    const now = Date.UTC(2083, 2, 27, 22);
    expect(trigger.countBetween(now, now + 40 * 60_000, { taskId: '' })).toBe(41);
  });

  it('counts what a walk counts over years', () => {
    const rare = fc
      .tuple(field(0, 59, 0), fc.integer({ min: 0, max: 23 }), field(1, 31), field(1, 12), field(0, 6))
      .map((fields) => fields.join(' '));
    fc.assert(
      fc.property(rare, zone, instant, (text, timezone, now) => {
        const trigger = createTrigger({ type: 'cron', expression: text, timezone });
        const until = now + 1_000 * DAY;
        expect(trigger.countBetween(now, until, { taskId: '' })).toBe(nextRuns(trigger, now, until).length);
      }),
      { numRuns: 60 },
    );
  });

  it('is the same after it was stored', () => {
    fc.assert(
      fc.property(expression, zone, instant, (text, timezone, now) => {
        const trigger = createTrigger({ type: 'cron', expression: text }, { timezone });
        const stored = createTrigger(JSON.parse(JSON.stringify(trigger)), { timezone: 'Asia/Tokyo' });
        expect(stored.nextTime(null, now)).toBe(trigger.nextTime(null, now));
        expect(stored.toJSON()).toEqual(trigger.toJSON());
        expect(stored.describe()).toBe(trigger.describe());
      }),
      { numRuns: 200 },
    );
  });
});

describe('cron, compared with croner', () => {
  function cronerNext(text: string, timezone: string, now: number): number | null {
    return new Cron(text, { timezone, paused: true }).nextRun(new Date(now - 1))?.getTime() ?? null;
  }

  it('agrees in UTC', () => {
    fc.assert(
      fc.property(expression, instant, (text, now) => {
        const expected = cronerNext(text, 'UTC', now);
        const found = createTrigger({ type: 'cron', expression: text }).nextTime(null, now);
        expect(found).toBe(expected === null ? found : expected);
        // It gives up after some years where the calendar takes longer to come round.
        if (expected === null && found !== null) expect(found - now).toBeGreaterThan(365 * DAY);
      }),
      { numRuns: 1_500 },
    );
  });

  it('agrees in every zone where no clocks change on the way', () => {
    fc.assert(
      fc.property(expression, zone, instant, (text, timezone, now) => {
        const found = createTrigger({ type: 'cron', expression: text, timezone }).nextTime(null, now);
        const { start, end } = TimeZone.get(timezone).segmentAt(now);
        fc.pre(found !== null && now - start > DAY && found < end);
        expect(found).toBe(cronerNext(text, timezone, now));
      }),
      { numRuns: 800 },
    );
  });

  it('agrees across changes of clocks where the hour is a wildcard', () => {
    const wildcard = fc
      .tuple(
        field(0, 59, 1),
        fc.constantFrom('*', '*/1', '*/2', '*/3', '*/6'),
        field(1, 31, 8),
        fc.constant('*'),
        field(0, 6, 8),
      )
      .map((fields) => fields.join(' '));
    fc.assert(
      fc.property(wildcard, nearChange, (text, { timezone, now }) => {
        const trigger = createTrigger({ type: 'cron', expression: text, timezone });
        expect(trigger.nextTime(null, now)).toBe(cronerNext(text, timezone, now));
      }),
      { numRuns: 800 },
    );
  });

  it('agrees about the last day, the last and the nth weekday, and the nearest workday', () => {
    const days = fc.oneof(
      fc.constantFrom('L', 'LW'),
      fc.integer({ min: 1, max: 31 }).map((day) => `${day}W`),
    );
    const weekdays = fc.tuple(fc.integer({ min: 0, max: 6 }), fc.constantFrom('#1', '#2', '#3', '#4', '#5', 'L'));
    const special = fc.oneof(
      days.map((day) => `30 4 ${day} * *`),
      weekdays.map(([day, nth]) => `30 4 * * ${day}${nth}`),
    );
    fc.assert(
      fc.property(special, instant, (text, now) => {
        expect(createTrigger({ type: 'cron', expression: text }).nextTime(null, now)).toBe(
          cronerNext(text, 'UTC', now),
        );
      }),
      { numRuns: 300 },
    );
  });
});
