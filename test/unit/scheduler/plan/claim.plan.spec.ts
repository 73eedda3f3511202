import type { TaskRecord } from 'nestjs-asyncz/store';
import { describe, expect, it } from 'vitest';
import { UnknownNameError } from '../../../../lib/errors/input.errors.js';
import { createTrigger } from '../../../../lib/triggers/trigger.registry.js';
import { planClaim, waitsForRoom } from '../../../../lib/scheduler/plan/claim.plan.js';
import { runningRun, minuteTask } from '../../../support/task.factory.js';
import { AfterEnd, context, decide, EveryMinute, MINUTE, plan, waiting } from './claim.plan.fixtures.js';

describe('planClaim', () => {
  it('starts a due run under a lease and moves the schedule to the next time', () => {
    const { task, start, history } = decide(minuteTask(), 500);
    expect(history).toEqual([]);
    expect(start).toMatchObject([
      {
        id: 'task@1970-01-01T00:00:00.000Z',
        attempt: 1,
        owner: 'me',
        status: 'running',
        leaseUntil: 30_500,
        startedAt: 500,
      },
    ]);
    expect(task?.state).toMatchObject({ nextRunTime: MINUTE, lastScheduledTime: 0, live: start, scheduledCount: 1 });
  });

  it('gives every start a larger token, and never one below the clock of the store', () => {
    const first = decide(minuteTask(), 500).start[0]!;
    const second = decide(minuteTask({ state: { lastToken: 9_000 } }), 500).start[0]!;
    expect(first.token).toBe(500);
    expect(second.token).toBe(9_001);
  });

  it('folds missed times into one run of the latest, and counts them', () => {
    const { start, task } = decide(minuteTask(), 3 * 3_600_000 + 1);
    expect(start).toHaveLength(1);
    expect(start[0]).toMatchObject({ scheduledTime: 3 * 3_600_000, coalesced: 180 });
    expect(task?.state.nextRunTime).toBe(3 * 3_600_000 + MINUTE);
  });

  it('runs the earliest of the missed times where the task says so', () => {
    const { start } = decide(minuteTask({ policies: { coalesce: 'earliest' } }), 5 * MINUTE);
    expect(start[0]).toMatchObject({ scheduledTime: 0, coalesced: 5 });
  });

  it('runs each missed time, one after another, where the task says so', () => {
    const { start, task } = decide(minuteTask({ policies: { coalesce: 'all' } }), 2 * MINUTE);
    expect(start.map((run) => run.scheduledTime)).toEqual([0]);
    expect(task?.state.live.map((run) => [run.scheduledTime, run.status])).toEqual([
      [0, 'running'],
      [MINUTE, 'waiting'],
      [2 * MINUTE, 'waiting'],
    ]);
  });

  it('bounds a catch-up to the latest times and records the rest as missed', () => {
    const { task, history } = decide(minuteTask({ policies: { coalesce: 'all', maxCatchUp: 3 } }), 10 * MINUTE);
    expect(task?.state.live.map((run) => run.scheduledTime)).toEqual([8 * MINUTE, 9 * MINUTE, 10 * MINUTE]);
    expect(history).toMatchObject([{ status: 'missed', scheduledTime: 0, coalesced: 7 }]);
  });

  it('lets no more wait than one outage may bring, from outage to outage', () => {
    const policies = { coalesce: 'all', maxCatchUp: 3 } as const;
    const first = decide(minuteTask({ policies }), 10 * MINUTE).task!;
    expect(first.state.live.map(({ status }) => status)).toEqual(['running', 'waiting', 'waiting']);
    // By then the one that ran is lost, and waits for its next attempt.
    const { task, history } = decide(first, 15 * MINUTE, { room: 0 });
    expect(task?.state.live.map((run) => [run.scheduledTime / MINUTE, run.status])).toEqual([
      [8, 'waiting'],
      [9, 'waiting'],
      [10, 'waiting'],
    ]);
    expect(history.map(({ status, coalesced }) => [status, coalesced])).toEqual([
      ['lost', 0],
      ['missed', 1],
      ['skipped', 0],
      ['skipped', 0],
      ['skipped', 0],
    ]);
  });

  it('catches up on 1,000 missed times at once, in order', () => {
    const policies = { coalesce: 'all', maxCatchUp: 1_000, overlap: 'allow' } as const;
    const trigger = createTrigger({ type: 'interval', minutes: 1, startAt: new Date(0) });
    const { task, start } = decide(minuteTask({ policies }), 20_000 * MINUTE, { trigger, room: 500 });
    const times = task!.state.live.map((run) => run.scheduledTime / MINUTE);
    expect(times).toEqual(Array.from({ length: 1_000 }, (_, index) => 19_001 + index));
    expect(start.map((run) => run.scheduledTime / MINUTE)).toEqual(times.slice(0, 500));
    expect(new Set(start.map(({ token }) => token)).size).toBe(500);
    expect(task!.state.live.slice(0, 500)).toEqual(start);
  });

  it('records a run as missed when it is later than its grace time, and not when it is just as late', () => {
    const task = minuteTask({ policies: { misfireGraceMs: 1_000 } });
    expect(decide(task, 1_000).start).toHaveLength(1);
    const late = decide(task, 1_001);
    expect(late.start).toEqual([]);
    expect(late.history).toMatchObject([{ status: 'missed', scheduledTime: 0 }]);
    expect(late.task?.state.nextRunTime).toBe(MINUTE);
  });

  it('removes a one-shot of the run time that was missed, with its record', () => {
    const { task, history } = decide(minuteTask({ policies: { misfireGraceMs: 10 } }), 500, {
      trigger: new EveryMinute(0),
    });
    expect(task).toBeNull();
    expect(history).toMatchObject([{ status: 'missed' }]);
  });

  it('keeps a finished task that the code declares', () => {
    const task = minuteTask({ policies: { misfireGraceMs: 10 }, definition: { origin: 'code' } });
    expect(decide(task, 500, { trigger: new EveryMinute(0) }).task?.state).toMatchObject({
      exhausted: true,
      nextRunTime: null,
    });
  });

  it('keeps a one-shot until its run has ended', () => {
    const { task, start } = decide(minuteTask(), 500, { trigger: new EveryMinute(0) });
    expect(start).toHaveLength(1);
    expect(task?.state).toMatchObject({ exhausted: true, nextRunTime: null, live: start });
  });

  it('ends the schedule after maxRuns runs', () => {
    const trigger = new EveryMinute(Infinity, 2);
    const first = decide(minuteTask(), 0, { trigger }).task!;
    const second = decide({ ...first, state: { ...first.state, live: [] } }, MINUTE, { trigger }).task!;
    expect(first.state).toMatchObject({ scheduledCount: 1, exhausted: false });
    expect(second.state).toMatchObject({ scheduledCount: 2, exhausted: true, nextRunTime: null });
  });

  it('does not start what a pause holds back, but what was asked for by hand', () => {
    const pause = { at: 0, reason: null, actor: null };
    expect(plan(minuteTask({ state: { pause, live: [waiting({ attempt: 2 })] } }), 500)).toBeNull();
    const { start } = decide(minuteTask({ state: { pause, live: [waiting({ source: 'manual' })] } }), 500);
    expect(start).toMatchObject([{ source: 'manual' }]);
  });

  it('leaves a task as it is when its executor is full', () => {
    const task = minuteTask({ state: { nextRunTime: null, live: [waiting()] } });
    expect(plan(task, 500, { room: 0 })).toBeNull();
  });

  it('gives the same answer however often it is asked', () => {
    const task = minuteTask({
      policies: { maxInstances: 3 },
      state: { live: [waiting({ id: 'a' }), waiting({ id: 'b' })] },
    });
    const claim = planClaim({ ...context(new EveryMinute()), room: { has: (_task, _decided, own) => own < 2 } });
    const first = claim(task, 500, []);
    expect(first?.value.start).toHaveLength(2);
    for (let times = 0; times < 3; times += 1) expect(claim(task, 500, [])).toEqual(first);
  });

  it('knows a task that waits for room alone', () => {
    const waits = (task: TaskRecord, now = 500) => waitsForRoom(context(new EveryMinute()), task, now);
    const task = minuteTask({ state: { nextRunTime: null, live: [waiting()] } });
    expect(waits(task)).toBe(true);
    expect(waits(task, -1)).toBe(false);
    expect(waits(minuteTask({ state: { nextRunTime: null, live: [waiting(), runningRun()] } }))).toBe(false);
    expect(waits(minuteTask({ policies: { misfireGraceMs: 10 } }))).toBe(false);
  });

  it('gives a task that counts from the end of its run no next time while it runs', () => {
    const { task, start } = decide(minuteTask(), 500, { trigger: new AfterEnd() });
    expect(start).toHaveLength(1);
    expect(task?.state).toMatchObject({ nextRunTime: null, exhausted: false });
  });

  it('leaves a task of a kind that is not known here to others, and puts it off when none of them takes it', () => {
    const unknown = planClaim({
      owner: 'me',
      leaseMs: 30_000,
      schemaVersionOf: () => null,
      triggerOf: () => {
        throw new UnknownNameError('trigger type', 'beat', ['interval']);
      },
      abandoned: () => 0,
      hasLastChance: () => false,
      room: { has: () => true },
      holdOn: () => null,
    });
    expect(unknown(minuteTask(), 9_999, [])).toBeNull();
    expect(unknown(minuteTask(), 10_000, [])?.task?.state).toMatchObject({
      nextScheduledTime: 0,
      problem: { count: 1 },
    });
  });

  it('puts a task off whose token somebody has made as large as it can be, and says so', () => {
    const { task, start } = decide(minuteTask({ state: { lastToken: 2 ** 52 } }), 1_000);
    expect(start).toEqual([]);
    expect(task?.state).toMatchObject({
      live: [{ status: 'waiting', availableAt: 6_000 }],
      lastToken: 2 ** 52,
      problem: { message: 'The fencing token 4503599627370496 can grow no further.' },
    });
  });

  it('puts a task off whose trigger throws, with growing pauses, and keeps its scheduled time', () => {
    class Broken extends EveryMinute {
      override nextTime(): number | null {
        throw new Error('no idea');
      }
    }
    const first = decide(minuteTask(), 1_000, { trigger: new Broken() }).task!;
    expect(first.state).toMatchObject({
      nextRunTime: 6_000,
      nextScheduledTime: 0,
      problem: { message: 'no idea', count: 1 },
    });
    const second = decide(first, 6_000, { trigger: new Broken() }).task!;
    expect(second.state).toMatchObject({ nextRunTime: 16_000, problem: { count: 2 } });
    const healed = decide(second, 16_000);
    expect(healed.task?.state.problem).toBeNull();
    expect(healed.start).toMatchObject([{ scheduledTime: 0 }]);
  });

  it('does not run one scheduled time twice when a task is rescheduled onto it', () => {
    const run = runningRun({ id: 'task@1970-01-01T00:00:00.000Z' });
    const { start, history } = decide(minuteTask({ policies: { overlap: 'allow' }, state: { live: [run] } }), 500);
    expect(start).toEqual([]);
    expect(history).toEqual([]);
  });
});
