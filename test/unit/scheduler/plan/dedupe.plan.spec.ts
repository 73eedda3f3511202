import { describe, expect, it } from 'vitest';
import type { TaskRecord } from 'nestjs-asyncz/store';
import { dedupeTask, dropThrottled, firstOf } from '../../../../lib/scheduler/plan/dedupe.plan.js';
import { isSimple } from '../../../../lib/scheduler/plan/simple.plan.js';
import { minuteTask, runningRun } from '../../../support/task.factory.js';
import { EveryMinute, MINUTE, plan, waiting } from './claim.plan.fixtures.js';

const ONCE = { type: 'date', runAt: new Date(0).toISOString() };
const DEBOUNCE = { mode: 'debounce', forMs: MINUTE } as const;
const THROTTLE = { mode: 'throttle', forMs: MINUTE } as const;

/** A task that runs once, at 0 unless told otherwise. */
const once = (changes: Parameters<typeof minuteTask>[0] = {}): TaskRecord =>
  minuteTask({
    ...changes,
    definition: { trigger: ONCE, ...changes.definition },
    state: { nextScheduledTime: 0, ...changes.state },
  });

const ended = { nextScheduledTime: null, nextRunTime: null, exhausted: true } as const;
const lease = { owner: 'other', token: 5, at: 10, attempt: 1, until: 1_000 };

describe('the plan of what is asked for again', () => {
  it('does not lose the run that may have begun under a lease whose holder has died', () => {
    const taken = once({ state: { lease, lastToken: 5 } });
    const moved = dedupeTask(taken, 20, once(), DEBOUNCE)!.task!;
    expect(moved.state).toMatchObject({ lease, nextRunTime: 20 + MINUTE });
    const { task, history, start } = plan(moved, 2_000, { trigger: new EveryMinute() })!;
    // As if nothing had been asked for meanwhile: it is counted as lost, and run again.
    expect(history).toMatchObject([{ id: 'task@1970-01-01T00:00:00.000Z', status: 'lost', token: 5 }]);
    expect(start).toMatchObject([{ id: 'task@1970-01-01T00:00:00.000Z', attempt: 2 }]);
    expect(task!.state.nextRunTime).toBe(20 + MINUTE);
  });

  it('makes no run of a due time that is later than the lease, or that the claim finds too late', () => {
    for (const task of [
      once({ state: { lease: { ...lease, at: -1 } } }),
      once({ state: { lease }, policies: { misfireGraceMs: 5 } }),
    ])
      expect(dedupeTask(task, 20, once(), DEBOUNCE)!.task!.state.live).toEqual([]);
  });

  it('gives no two runs one id, however soon they follow each other', () => {
    const running = once({
      state: { ...ended, lastScheduledTime: 0, live: [runningRun({ id: 'task@1970-01-01T00:00:00.000Z' })] },
    });
    const { nextScheduledTime, nextRunTime } = dedupeTask(running, 0, once(), { mode: 'replace', forMs: null })!.task!
      .state;
    expect([nextScheduledTime, nextRunTime]).toEqual([1, 0]);
  });

  it('puts what waits for its turn together with what is asked for, and leaves retries, sleepers and extra runs', () => {
    const live = [
      runningRun({ id: 'task@running' }),
      waiting({ id: 'task@waits' }),
      waiting({ id: 'task@retry', attempt: 2 }),
      waiting({ id: 'task@asleep', asleep: true }),
      waiting({ id: 'task@by-hand', source: 'manual' }),
    ];
    const busy = once({ state: { ...ended, live } });
    const next = dedupeTask(busy, 20, once(), DEBOUNCE)!;
    expect(next.value).toBe('replaced');
    expect(next.task!.state.live.map(({ id }) => id)).toEqual([
      'task@running',
      'task@retry',
      'task@asleep',
      'task@by-hand',
    ]);
    const retrying = once({ state: { ...ended, live: live.slice(2) } });
    expect(dedupeTask(retrying, 20, once(), DEBOUNCE)!.value).toBe('added');
    for (const task of [busy, retrying]) expect(dedupeTask(task, 20, once(), { mode: 'skip', forMs: null })).toBeNull();
  });

  it('keeps a task that is throttled until that is over, and no longer', () => {
    const first = firstOf(once(), THROTTLE, 0);
    expect(first.definition.throttledUntil).toBe(MINUTE);
    expect([isSimple(once(), 1), isSimple(first, 1)]).toEqual([true, false]);
    const done = { ...first, state: { ...first.state, ...ended } };
    expect(dropThrottled(done, MINUTE - 1)).toBeNull();
    expect(dropThrottled(done, MINUTE)).toEqual({ task: null, value: null });
    expect(dropThrottled({ ...done, state: { ...done.state, live: [runningRun()] } }, MINUTE)).toBeNull();
    expect(dropThrottled(once({ state: ended }), MINUTE)).toBeNull();
    expect(dedupeTask(done, MINUTE - 1, once(), THROTTLE)).toBeNull();
    expect(dedupeTask(done, MINUTE, once(), THROTTLE)!.task).toMatchObject({
      definition: { throttledUntil: 2 * MINUTE },
      state: { exhausted: false, nextRunTime: 0 },
    });
  });
});
