import { afterAll, describe, expect, it } from 'vitest';
import { AsynczError } from '../../../lib/errors/asyncz.error.js';
import { CronSyntaxError } from '../../../lib/errors/trigger.errors.js';
import { createTrigger } from '../../../lib/triggers/trigger.registry.js';
import { outcomeOf, readVectors, toTriggerData, vectorsArePresent } from './vectors.js';
import type { MissedInput, MissedOutcome, VectorCase, VectorInput, VectorOutcome } from './vectors.js';

const counts = new Map<string, number>();

function count(what: string): void {
  counts.set(what, (counts.get(what) ?? 0) + 1);
}

afterAll(() => {
  for (const [what, number] of counts) console.log(`${what}: ${number}`);
});

/** The fires as a preview walks them: the first from `previous`, each further one from the last. */
function walk({ input }: VectorCase<VectorInput, VectorOutcome>, dialect: 'standard' | 'asyncz'): (number | null)[] {
  const creation = {
    now: new Date(input.constructed_at ?? input.now),
    timezone: input.scheduler_timezone,
  };
  const trigger = createTrigger(toTriggerData(input.trigger, dialect), creation);
  // What is stored has to mean the same, wherever and whenever it is read again.
  const stored = createTrigger(JSON.parse(JSON.stringify(trigger)), { now: new Date(0), timezone: 'Asia/Tokyo' });
  const fires: (number | null)[] = [];
  let previous = input.previous === null ? null : new Date(input.previous);
  let now = new Date(input.now);
  while (fires.length < 5 && fires.at(-1) !== null) {
    const fire = trigger.next(previous, now);
    expect(stored.next(previous, now)).toEqual(fire);
    fires.push(fire === null ? null : fire.getTime());
    if (fire !== null) previous = now = fire;
  }
  return fires;
}

function check(one: VectorCase<VectorInput, VectorOutcome>, column: string, dialect: 'standard' | 'asyncz'): void {
  const expected = outcomeOf(one, column);
  if (!expected) throw new Error(`${one.id} has no ${column}`);
  if (expected.error && (expected.fires ?? []).length === 0) {
    expect(() => walk(one, dialect)).toThrow(AsynczError);
    return;
  }
  // A Date has no microseconds.
  const fires = expected.fires!.map((fire) => (fire === null ? null : Math.trunc(fire.ms)));
  expect(walk(one, dialect)).toEqual(fires);
}

const present = vectorsArePresent();

if (!present) {
  it.runIf(present)('the vectors are not here, and none of them was tested', () => {});
}

describe.runIf(present).each(['cron-fields', 'interval', 'date-and-or'])('the vectors of %s', (group) => {
  const cases = present ? readVectors<VectorInput, VectorOutcome>(group) : [];

  it.each(cases.map((one) => [one.id, one] as const))('%s', (_id, one) => {
    if (one.consensus) check(one, 'asyncz', 'asyncz');
    check(one, 'recommended', 'asyncz');
    count(`${group}, ${one.consensus ? 'consensus' : 'recommended'}`);
  });
});

describe.runIf(present)('the vectors of crontab', () => {
  const cases = present ? readVectors<VectorInput, VectorOutcome>('crontab') : [];

  it.each(cases.map((one) => [one.id, one] as const))('%s', (_id, one) => {
    if (one.consensus) check(one, 'asyncz', 'asyncz');
    check(one, 'recommended_asyncz_semantics', 'asyncz');
    count(`crontab, asyncz dialect, ${one.consensus ? 'consensus' : 'recommended'}`);
    if (outcomeOf(one, 'standard') === undefined) {
      count('crontab, standard, nothing to assert (implementations differ)');
      return;
    }
    // A step that is longer than its field does not do what it says: every 61 minutes would be every hour.
    if (one.id === 'crontab-5aa6b7e5fa97') expect(() => walk(one, 'standard')).toThrow(CronSyntaxError);
    else check(one, 'standard', 'standard');
    count('crontab, standard');
  });
});

describe.runIf(present)('the vectors of missed-runs', () => {
  const cases = present ? readVectors<MissedInput, MissedOutcome>('missed-runs') : [];

  it.each(cases.map((one) => [one.id, one] as const))('%s', (_id, one) => {
    const { input } = one;
    const expected = outcomeOf(one, one.consensus ? 'asyncz' : 'recommended')!;
    const now = new Date(input.now).getTime();
    const trigger = createTrigger(toTriggerData(input.trigger), {
      now: new Date(input.now),
      timezone: input.scheduler_timezone,
    });
    count(`missed-runs, ${one.consensus ? 'consensus' : 'recommended'}`);
    if (input.next_run_time === null) {
      // Paused: there is nothing to catch up from.
      expect(expected.due_run_times).toEqual([]);
      return;
    }
    const first = new Date(input.next_run_time).getTime();
    const seed = { taskId: one.id };
    const caughtUp = trigger.catchUp({ scheduledTime: first, runTime: first }, now, seed);
    const due: number[] = [];
    for (
      let next: number | null = first;
      next !== null && next <= now;
      next = trigger.nextOccurrence(next, now, seed)?.runTime ?? null
    ) {
      due.push(next);
    }
    expect(due).toEqual(expected.due_run_times.map(({ ms }) => ms));
    expect(caughtUp.count).toBe(due.length);
    expect(caughtUp.latest?.scheduledTime ?? null).toBe(due.at(-1) ?? null);
    expect(caughtUp.next?.scheduledTime ?? null).toBe(expected.next_run_time_after?.ms ?? null);
  });
});

describe.runIf(present)('all vectors together', () => {
  it('are 747, and each of them has run', () => {
    const sizes = ['cron-fields', 'crontab', 'interval', 'date-and-or', 'missed-runs'].map(
      (group) => readVectors(group).length,
    );
    expect(sizes).toEqual([417, 186, 67, 42, 35]);
    const ran = [...counts].filter(([what]) => !what.startsWith('crontab, standard'));
    expect(ran.reduce((sum, [, number]) => sum + number, 0)).toBe(747);
  });
});
