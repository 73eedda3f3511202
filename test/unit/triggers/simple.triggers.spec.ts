import { describe, expect, it } from 'vitest';
import { InvalidOptionError, UnknownOptionError } from '../../../lib/errors/input.errors.js';
import { defaultTriggerRegistry } from '../../../lib/triggers/trigger.registry.js';
import { at, iso, make, runs, SEED } from './trigger.fixtures.js';

describe('a date', () => {
  it('runs once, at its time', () => {
    expect(runs({ type: 'date', runAt: '2025-05-01T10:00:00Z' }, '2025-01-01T00:00')).toEqual([
      '2025-05-01T10:00',
      null,
    ]);
  });

  it('gives a time that has passed too, for the grace time to judge', () => {
    expect(make({ type: 'date', runAt: '2024-01-01' }).nextTime(null, at('2025-01-01T00:00'))).toBe(
      at('2024-01-01T00:00'),
    );
    expect(make({ type: 'date', runAt: '2024-01-01' }).impossible()).toBeNull();
  });

  it('has nothing after it, whatever ran before', () => {
    const trigger = make({ type: 'date', runAt: '2025-05-01' });
    expect(trigger.nextTime(at('2024-01-01T00:00'), at('2024-01-01T00:00'))).toBeNull();
    const early = { scheduledTime: at('2025-01-02T00:00'), runTime: at('2025-01-02T00:00') };
    expect(trigger.catchUp(early, at('2026-01-01T00:00'), SEED)).toEqual({ count: 1, latest: early, next: null });
  });

  it('is now where nothing is said, and stays there', () => {
    const trigger = make({ type: 'date' }, '2025-01-01T12:34:56.789');
    expect(trigger.toJSON()).toEqual({ type: 'date', runAt: '2025-01-01T12:34:56.789Z', timezone: 'UTC' });
    expect(iso(trigger.nextTime(null, 0))).toBe('2025-01-01T12:34:56.789Z');
  });

  it('reads text without an offset in its zone', () => {
    expect(
      runs({ type: 'date', runAt: '2025-05-01 10:00:00', timezone: 'Asia/Kolkata' }, '2025-01-01T00:00', 1),
    ).toEqual(['2025-05-01T04:30']);
    expect(runs({ type: 'date', runAt: '2025-05-01 10:00:00' }, '2025-01-01T00:00', 1, 'Asia/Kolkata')).toEqual([
      '2025-05-01T04:30',
    ]);
  });

  it('is impossible outside of its own bounds', () => {
    expect(make({ type: 'date', runAt: '2025-05-01', endAt: '2025-04-01' }).impossible()).toMatch(/outside/);
  });
});

describe('an interval', () => {
  it.each([
    [{ seconds: 5 }, 5_000],
    [{ minutes: 1.5 }, 90_000],
    [{ weeks: 1, days: 1, hours: 1, minutes: 1, seconds: 1, milliseconds: 1 }, 694_861_001],
    [{ every: '5m' }, 300_000],
    [{ every: 250 }, 250],
    [{ every: 'PT1H' }, 3_600_000],
    [{ every: null, seconds: 2 }, 2_000],
  ])('%j is %d ms', (options, expected) => {
    const trigger = make({ type: 'interval', ...options, startAt: '2025-01-01' });
    const first = trigger.nextTime(null, at('2025-01-01T00:00'))!;
    expect(first).toBe(at('2025-01-01T00:00'));
    expect(trigger.nextTime(first, 0)! - first).toBe(expected);
  });

  it('has its first run one interval after its creation where no start is given, and stays on that grid', () => {
    const trigger = make({ type: 'interval', minutes: 10 }, '2025-01-01T00:03');
    expect(trigger.toJSON()).toEqual({
      type: 'interval',
      every: '10m',
      startAt: '2025-01-01T00:13:00.000Z',
      timezone: 'UTC',
    });
    expect(iso(trigger.nextTime(null, at('2025-06-01T00:00')))).toBe('2025-06-01T00:03');
  });

  it('starts at its start, and finds its grid from any later moment', () => {
    const data = { type: 'interval', minutes: 10, startAt: '2025-01-01T00:03:00Z' };
    expect(runs(data, '2024-12-01T00:00', 2)).toEqual(['2025-01-01T00:03', '2025-01-01T00:13']);
    expect(runs(data, '2025-01-01T00:13', 1)).toEqual(['2025-01-01T00:13']);
    expect(runs(data, '2025-01-01T00:13:00.001', 1)).toEqual(['2025-01-01T00:23']);
  });

  it('does not depend on when the last run was asked about', () => {
    const trigger = make({ type: 'interval', minutes: 10, startAt: '2025-01-01' });
    for (const now of ['2024-01-01T00:00', '2025-01-01T00:10', '2026-01-01T00:00']) {
      expect(iso(trigger.nextTime(at('2025-01-01T00:10'), at(now)))).toBe('2025-01-01T00:20');
    }
  });

  it('goes on from a first run that somebody put elsewhere', () => {
    const trigger = make({ type: 'interval', minutes: 10, startAt: '2025-01-01' });
    expect(iso(trigger.nextTime(at('2025-01-01T00:03'), 0))).toBe('2025-01-01T00:13');
  });

  it('ends at its end, that very time included', () => {
    const data = { type: 'interval', minutes: 10, startAt: '2025-01-01', endAt: '2025-01-01T00:20:00Z' };
    expect(runs(data, '2025-01-01T00:00')).toEqual(['2025-01-01T00:00', '2025-01-01T00:10', '2025-01-01T00:20', null]);
    expect(runs(data, '2025-01-01T00:21')).toEqual([null]);
  });

  it('is a second where it has no length at all, as in the model system, but not for a task', () => {
    expect(make({ type: 'interval', seconds: 0 }).toJSON()).toMatchObject({ every: '1s' });
    const task = { now: 0, timezone: 'UTC', strict: true };
    expect(() => defaultTriggerRegistry.create({ type: 'interval', seconds: 0 }, task)).toThrow(/Invalid seconds: 0/);
    expect(() => defaultTriggerRegistry.create({ type: 'interval' }, task)).toThrow(/Invalid every: undefined/);
  });

  it.each([
    { seconds: -10 },
    { every: '-5m' },
    { every: 0 },
    { every: 'soon' },
    { seconds: '5' },
    { minutes: NaN },
    { hours: Infinity },
    { seconds: 0.0001 },
    { every: '5m', seconds: 5 },
  ])('refuses %j', (options) => {
    expect(() => make({ type: 'interval', ...options })).toThrow(InvalidOptionError);
  });

  it('refuses what it does not know', () => {
    expect(() => make({ type: 'interval', secs: 3 })).toThrow(UnknownOptionError);
    expect(() => make({ type: 'interval', seconds: 3, startAt: 'nope' })).toThrow(/Invalid startAt/);
    expect(() => make({ type: 'interval', seconds: 3, maxRuns: 0 })).toThrow(/Invalid maxRuns/);
  });
});

describe('a fixed delay', () => {
  it('runs at once, then so long after the end of each run', () => {
    const trigger = make({ type: 'fixedDelay', delay: '5m' }, '2025-01-01T00:00');
    expect(trigger.advance).toBe('completion');
    expect(iso(trigger.nextTime(null, at('2025-01-01T00:00')))).toBe('2025-01-01T00:00');
    expect(iso(trigger.nextTime(at('2025-01-01T00:07:13'), at('2025-01-01T00:07:13')))).toBe('2025-01-01T00:12:13');
    expect(trigger.toJSON()).toEqual({
      type: 'fixedDelay',
      delay: '5m',
      timezone: 'UTC',
      startAt: '2025-01-01T00:00:00.000Z',
    });
  });

  it('waits for its start and stops at its end', () => {
    const trigger = make({ type: 'fixedDelay', delay: '5m', startAt: '2025-02-01', endAt: '2025-02-01T01:00:00Z' });
    expect(iso(trigger.nextTime(null, at('2025-01-01T00:00')))).toBe('2025-02-01T00:00');
    expect(trigger.nextTime(at('2025-02-01T00:56'), at('2025-02-01T00:56'))).toBeNull();
  });

  it('has one time at a time', () => {
    const trigger = make({ type: 'fixedDelay', delay: '5m' });
    const from = { scheduledTime: at('2025-01-01T00:00'), runTime: at('2025-01-01T00:00') };
    expect(trigger.catchUp(from, at('2026-01-01T00:00'), SEED)).toEqual({ count: 1, latest: from, next: null });
  });

  it.each([{}, { delay: 0 }, { delay: -5 }, { delay: 'soon' }])('refuses %j', (options) => {
    expect(() => make({ type: 'fixedDelay', ...options })).toThrow(InvalidOptionError);
  });
});

describe.each(['startup', 'shutdown'])('a trigger of %s', (type) => {
  it('has no time of its own: a scheduler moves it', () => {
    const trigger = make({ type });
    expect(trigger.advance).toBe(type);
    expect(trigger.nextTime(null, 0)).toBeNull();
    expect(trigger.nextOccurrence(null, 0, SEED)).toBeNull();
    expect(trigger.impossible()).toBeNull();
    expect(trigger.toJSON()).toEqual({ type });
    expect(make({ type, maxRuns: 1 }).maxRuns).toBe(1);
    expect(() => make({ type, startAt: '2025-01-01' })).toThrow(UnknownOptionError);
  });
});
