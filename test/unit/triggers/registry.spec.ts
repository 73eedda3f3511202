import { describe, expect, it } from 'vitest';
import { InvalidOptionError, UnknownNameError, UnknownOptionError } from '../../../lib/errors/input.errors.js';
import { BaseTrigger } from '../../../lib/triggers/base.trigger.js';
import { CronTrigger } from '../../../lib/triggers/cron.trigger.js';
import { createTrigger, defaultTriggerRegistry, TriggerRegistry } from '../../../lib/triggers/trigger.registry.js';
import type { TriggerData } from '../../../lib/triggers/trigger.interface.js';
import type { TriggerContext } from '../../../lib/triggers/trigger.context.js';
import { at, iso } from './trigger.fixtures.js';

/** Every `hours` hours of the tide, which comes 12 hours and 25 minutes later each time. */
class TideTrigger extends BaseTrigger {
  readonly type = 'tide';
  readonly #harbour: string;
  readonly #first: number;

  constructor(data: TriggerData, context: TriggerContext) {
    super();
    this.#harbour = String(data.harbour);
    this.#first = typeof data.first === 'string' ? Date.parse(data.first) : context.now;
  }

  override nextTime(previous: number | null, now: number): number {
    const period = 745 * 60_000;
    const from = previous === null ? now : previous + 1;
    return this.#first + Math.max(0, Math.ceil((from - this.#first) / period)) * period;
  }

  override describe(): string {
    return `at high water in ${this.#harbour}`;
  }

  override toJSON(): TriggerData {
    return { type: this.type, harbour: this.#harbour, first: new Date(this.#first).toISOString() };
  }
}

const creation = { now: at('2025-01-01T00:00'), timezone: 'UTC' };

describe('TriggerRegistry', () => {
  it('names the kinds that it knows in order', () => {
    const types = new TriggerRegistry().register('bell', TideTrigger).types();
    expect(types.slice(0, 3)).toEqual(['and', 'bell', 'calendarInterval']);
    expect(types).toEqual(types.toSorted());
  });

  it('makes a trigger of one’s own by its class or by a function, and reads it back', () => {
    for (const factory of [
      TideTrigger,
      (data: TriggerData, context: TriggerContext) => new TideTrigger(data, context),
    ]) {
      const registry = new TriggerRegistry().register('tide', factory);
      const trigger = registry.create({ type: 'tide', harbour: 'Sagres' }, creation);
      expect(trigger).toBeInstanceOf(TideTrigger);
      expect(trigger.describe()).toBe('at high water in Sagres');
      expect(iso(trigger.nextTime(null, at('2025-01-01T01:00')))).toBe('2025-01-01T12:25');
      const stored = registry.create(JSON.parse(JSON.stringify(trigger)) as TriggerData, {
        now: 0,
        timezone: 'Asia/Tokyo',
      });
      expect(iso(stored.nextTime(null, at('2025-01-01T01:00')))).toBe('2025-01-01T12:25');
    }
  });

  it('lets a trigger of one’s own take part in a combination', () => {
    const registry = new TriggerRegistry().register('tide', TideTrigger);
    const tide = { type: 'tide', harbour: 'Sagres' };
    const or = registry.create({ type: 'or', triggers: [tide, { type: 'cron', expression: '0 9 * * *' }] }, creation);
    expect(iso(or.nextTime(null, at('2025-01-01T08:00')))).toBe('2025-01-01T09:00');
    expect(iso(or.nextTime(at('2025-01-01T09:00'), 0))).toBe('2025-01-01T12:25');
    expect(or.countBetween(at('2025-01-01T00:00'), at('2025-01-08T00:00'), { taskId: '' })).toBe(7 + 14);
    const and = registry.create({ type: 'and', triggers: [tide, { type: 'cron', expression: '0 * * * *' }] }, creation);
    expect(iso(and.nextTime(null, at('2025-01-01T00:01')))).toBe('2025-01-07T05:00');
  });

  it('leaves a time of such a trigger aside that has passed', () => {
    class OnceTrigger extends BaseTrigger {
      readonly type = 'once';

      override nextTime(previous: number | null): number | null {
        return previous === null ? at('2025-01-01T03:00') : null;
      }

      override describe(): string {
        return 'once';
      }

      override toJSON(): TriggerData {
        return { type: this.type };
      }
    }
    const registry = new TriggerRegistry().register('once', OnceTrigger);
    const or = registry.create(
      { type: 'or', triggers: [{ type: 'once' }, { type: 'cron', expression: '0 9 * * *' }] },
      creation,
    );
    expect(iso(or.nextTime(null, at('2025-01-01T00:00')))).toBe('2025-01-01T03:00');
    expect(iso(or.nextTime(null, at('2025-01-01T03:01')))).toBe('2025-01-01T09:00');
  });

  it('keeps kinds apart from those of other registries', () => {
    // Not "tide": files of tests share their modules, and an example of the docs registers that for all.
    const registry = new TriggerRegistry().register('ebb', TideTrigger);
    expect(registry.types()).toContain('ebb');
    expect(new TriggerRegistry().types()).not.toContain('ebb');
    expect(defaultTriggerRegistry.types()).not.toContain('ebb');
  });

  it('takes a trigger that was made before as what it is stored as', () => {
    const trigger = createTrigger({ type: 'interval', minutes: 5 }, { now: new Date(0) });
    const again = new TriggerRegistry().create(trigger, creation);
    expect(again.toJSON()).toEqual(trigger.toJSON());
    const tide = new TideTrigger({ type: 'tide', harbour: 'Sagres' }, { now: 0 } as TriggerContext);
    expect(() => new TriggerRegistry().create(tide, creation)).toThrow(UnknownNameError);
  });

  it.each([null, undefined, 5, 'cron', {}, { type: 5 }, []])('refuses %j', (data) => {
    expect(() => new TriggerRegistry().create(data as never, creation)).toThrow(InvalidOptionError);
  });

  it('refuses a kind that is not registered, and names those that are', () => {
    expect(() => new TriggerRegistry().create({ type: 'constructor' }, creation)).toThrow(UnknownNameError);
    expect(() => new TriggerRegistry().create({ type: 'crn' }, creation)).toThrow(
      /^Unknown trigger type "crn". Known: "and", /,
    );
  });

  it('refuses to register what makes no triggers', () => {
    expect(() => new TriggerRegistry().register('', TideTrigger)).toThrow(InvalidOptionError);
    expect(() => new TriggerRegistry().register('x', {} as never)).toThrow(/a class that extends BaseTrigger/);
  });
});

describe('createTrigger', () => {
  it('gives dates', () => {
    const trigger = createTrigger({ type: 'cron', expression: '0 2 * * *', timezone: 'Europe/Lisbon' });
    expect(trigger).toBeInstanceOf(CronTrigger);
    const first = trigger.next(null, new Date('2025-07-01T00:00:00Z'));
    expect(first).toEqual(new Date('2025-07-01T01:00:00Z'));
    expect(trigger.next(first, first!)).toEqual(new Date('2025-07-02T01:00:00Z'));
    expect(createTrigger({ type: 'date', runAt: '2025-01-01' }).next(new Date(0), new Date(0))).toBeNull();
  });

  it('is created now, in UTC, unless told otherwise', () => {
    const before = Date.now();
    const runAt = Date.parse(createTrigger({ type: 'date' }).toJSON().runAt as string);
    expect(runAt).toBeGreaterThanOrEqual(before);
    expect(runAt).toBeLessThanOrEqual(Date.now());
    expect(createTrigger({ type: 'cron', hour: 5 }).toJSON().timezone).toBe('UTC');
    expect(createTrigger({ type: 'cron', hour: 5 }, { timezone: 'Asia/Tokyo' }).toJSON().timezone).toBe('Asia/Tokyo');
    expect(createTrigger({ type: 'cron', hour: 5, timezone: '' }, { timezone: 'Asia/Tokyo' }).toJSON().timezone).toBe(
      'Asia/Tokyo',
    );
  });

  it('gives back what is a trigger already', () => {
    const trigger = createTrigger({ type: 'cron', hour: 5 });
    expect(createTrigger(trigger)).toBe(trigger);
  });

  it('refuses a zone that does not exist', () => {
    expect(() => createTrigger({ type: 'cron', hour: 5 }, { timezone: 'Europe/Lisboa' })).toThrow(
      /the nearest is "Europe\/Lisbon"/,
    );
    expect(() => createTrigger({ type: 'cron', hour: 5, timezone: 'Nowhere' })).toThrow(/Invalid timezone: "Nowhere"/);
  });

  it.each<TriggerData>([
    { type: 'date', runAt: '2025-03-30T01:30:00', timezone: 'Europe/Lisbon' },
    { type: 'interval', minutes: 7 },
    { type: 'interval', every: '90s', startAt: '2025-01-01T00:00:00', endAt: '2026-01-01', jitter: '10s', maxRuns: 5 },
    { type: 'calendarInterval', months: 1, at: '09:30', startAt: '2025-01-31' },
    { type: 'calendarInterval', days: 1, dst: { gap: 'skip' } },
    { type: 'cron', expression: '0 22-2/2 * * fri-mon', dayMatch: 'and', dst: { overlap: 'both' } },
    { type: 'cron', hour: '*/2', dayOfWeek: 0, dialect: 'asyncz' },
    { type: 'cron', expression: 'H H(7-23) * * *', calendar: { weekdays: ['sun'], times: ['00:00-06:00'] } },
    { type: 'cron', day: '2nd fri', calendar: [{ yearly: ['12-25'] }], onExcluded: 'next' },
    {
      type: 'rrule',
      rule: 'FREQ=MONTHLY;BYDAY=2FR',
      exDates: ['2025-02-14'],
      rDates: ['2025-02-15'],
      dst: { gap: 'next' },
    },
    {
      type: 'or',
      triggers: [
        { type: 'interval', hours: 5 },
        { type: 'cron', hour: 5 },
      ],
      jitter: 500,
    },
    {
      type: 'and',
      triggers: [
        { type: 'cron', hour: 5 },
        { type: 'cron', dayOfWeek: 'mon', hour: '*' },
      ],
    },
    { type: 'fixedDelay', delay: '5m' },
    { type: 'startup' },
    { type: 'shutdown', maxRuns: 1 },
  ])('stores %j so that it is the same wherever and whenever it is read', (data) => {
    const trigger = createTrigger(data, { now: new Date('2025-01-15T10:20:30.400Z'), timezone: 'America/New_York' });
    const text = JSON.stringify(trigger);
    const stored = createTrigger(JSON.parse(text) as TriggerData, {
      now: new Date('2031-05-06T07:08:09Z'),
      timezone: 'Asia/Tokyo',
    });
    expect(JSON.stringify(stored)).toBe(text);
    expect(stored.describe()).toBe(trigger.describe());
    expect([stored.type, stored.advance, stored.maxRuns]).toEqual([trigger.type, trigger.advance, trigger.maxRuns]);
    for (const now of ['2024-06-01T00:00', '2025-03-30T00:30', '2025-06-01T00:00']) {
      expect(stored.nextOccurrence(null, at(now), { taskId: 'a' })).toEqual(
        trigger.nextOccurrence(null, at(now), { taskId: 'a' }),
      );
      expect(stored.nextTime(at(now), 0)).toBe(trigger.nextTime(at(now), 0));
    }
  });

  it('refuses moments that are none', () => {
    const trigger = createTrigger({ type: 'cron', hour: 5 });
    expect(() => trigger.next(null, new Date(NaN))).toThrow(/^Invalid now: Invalid Date/);
    expect(() => trigger.next(new Date(NaN), new Date(0))).toThrow(/^Invalid previous: Invalid Date/);
    expect(() => createTrigger({ type: 'date' }, { now: new Date(NaN) })).toThrow(/^Invalid now/);
    // Past the public face the search still ends.
    expect(trigger.nextTime(null, NaN)).toBeNull();
    expect(trigger.nextTime(null, Infinity)).toBeNull();
  });

  it('does not change or keep what it was given', () => {
    const data = Object.freeze({ type: 'cron', expression: '0 9 * * *', calendar: { weekdays: ['sun'] } });
    const trigger = createTrigger(data);
    data.calendar.weekdays.push('mon');
    expect(trigger.toJSON()).toMatchObject({ calendar: { weekdays: ['sun'] } });
  });

  it('names the trigger whose option is unknown', () => {
    expect(() => createTrigger({ type: 'interval', secs: 3 } as TriggerData)).toThrow(UnknownOptionError);
    expect(() => createTrigger({ type: 'interval', secs: 3 } as TriggerData)).toThrow(
      /^Unknown option "secs" of the "interval" trigger/,
    );
  });
});
