import type { LiveRun } from 'nestjs-asyncz/store';
import { describe, expect, it } from 'vitest';
import { runningRun, minuteTask } from '../../../support/task.factory.js';
import { makeRun } from 'nestjs-asyncz/testing';
import { UnknownNameError } from '../../../../lib/errors/input.errors.js';
import { endRuns } from '../../../../lib/scheduler/plan/end.plan.js';
import { planClaim } from '../../../../lib/scheduler/plan/claim.plan.js';
import { AfterEnd, context, decide, EveryMinute, MINUTE, plan, waiting } from './claim.plan.fixtures.js';

function fail(kind: 'executor' | 'trigger type'): never {
  throw new UnknownNameError(kind, 'x', []);
}

describe('planClaim', () => {
  describe('when the task runs already', () => {
    const busy = (policies: object, live: LiveRun[] = [runningRun()]) => minuteTask({ policies, state: { live } });

    it('records the due time as skipped', () => {
      const { start, history, task } = decide(busy({ overlap: 'skip' }), 500);
      expect(start).toEqual([]);
      expect(history).toMatchObject([{ status: 'skipped', scheduledTime: 0 }]);
      expect(task?.state.live).toHaveLength(1);
    });

    it('queues one and skips the next', () => {
      const one = decide(busy({ overlap: 'queueOne' }), 500).task!;
      expect(one.state.live.map((run) => run.status)).toEqual(['running', 'waiting']);
      const two = decide(one, MINUTE);
      expect(two.history).toMatchObject([{ status: 'skipped', scheduledTime: MINUTE }]);
    });

    it('queues all up to the bound', () => {
      let task = busy({ overlap: 'queueAll', maxQueued: 2 });
      for (const now of [0, MINUTE]) task = decide(task, now).task!;
      expect(task.state.live.map((run) => run.status)).toEqual(['running', 'waiting', 'waiting']);
      expect(decide(task, 2 * MINUTE).history).toMatchObject([{ status: 'skipped' }]);
    });

    it('asks the running one to stop and lets the newest take its place', () => {
      const first = decide(busy({ overlap: 'cancelRunning' }), 0).task!;
      expect(first.state.live[0]?.cancel).toMatchObject({ reason: 'a newer run takes its place' });
      const second = decide(first, MINUTE);
      expect(second.task?.state.live.map((run) => run.scheduledTime)).toEqual([0, MINUTE]);
      expect(second.history).toMatchObject([{ status: 'skipped', scheduledTime: 0 }]);
    });

    it('starts beside it where that is allowed, or where there is room for more instances', () => {
      expect(decide(busy({ overlap: 'allow' }), 500).start).toHaveLength(1);
      expect(decide(busy({ maxInstances: 2 }), 500).start).toHaveLength(1);
    });
  });

  describe('when a lease has run out', () => {
    const dead = runningRun({ leaseUntil: 100, attempt: 2, token: 7 });

    it('records the attempt as lost and runs it again under a larger token', () => {
      const { start, history } = decide(minuteTask({ state: { nextRunTime: null, lastToken: 7, live: [dead] } }), 101);
      expect(history).toMatchObject([{ status: 'lost', attempt: 2, token: 7, owner: 'other' }]);
      expect(start).toMatchObject([{ id: dead.id, attempt: 3, owner: 'me' }]);
      expect(start[0]!.token).toBeGreaterThan(7);
    });

    it('does not touch a lease that holds', () => {
      expect(plan(minuteTask({ state: { nextRunTime: null, live: [dead] } }), 99)).toBeNull();
    });

    it('records at-most-once runs as lost and does not run them again', () => {
      const task = minuteTask({
        policies: { delivery: 'at-most-once' },
        state: { nextRunTime: null, exhausted: true, live: [dead] },
      });
      const decision = decide(task, 101);
      expect(decision).toMatchObject({ task: null, start: [], history: [{ status: 'lost' }] });
    });

    it('does not run again what somebody had asked to cancel', () => {
      const cancelled = { ...dead, cancel: { at: 50, actor: 'ann', reason: null } };
      const { start, history } = decide(minuteTask({ state: { nextRunTime: null, live: [cancelled] } }), 101);
      expect(start).toEqual([]);
      expect(history).toMatchObject([{ status: 'cancelled' }]);
    });

    it('takes up the schedule of a task that counts from the end of a run that never ended', () => {
      const task = minuteTask({ policies: { delivery: 'at-most-once' }, state: { nextRunTime: null, live: [dead] } });
      expect(decide(task, 101, { trigger: new AfterEnd() }).task?.state.nextRunTime).toBe(MINUTE);
    });

    it.each([
      ['an executor', () => new AfterEnd(), 'executor', MINUTE],
      ['a trigger', () => fail('trigger type'), 'trigger type', 15_101],
    ] as const)('takes it up, too, where %s is not known that the task needs', (_what, triggerOf, kind, next) => {
      const manual = waiting({ id: 't#manual', source: 'manual', availableAt: 0 });
      const state = { nextRunTime: null, live: [dead, manual] };
      const task = minuteTask({ policies: { delivery: 'at-most-once' }, state });
      const room = { has: () => fail(kind) };
      const change = planClaim({ ...context(new AfterEnd()), triggerOf, room })(task, 10_101, []);
      expect(change?.history).toMatchObject([{ status: 'lost' }]);
      expect(change?.task?.state).toMatchObject({
        nextRunTime: next,
        live: [{ source: 'manual' }],
        problem: { count: 1 },
      });
    });
  });
});

describe('a task that the code has disabled', () => {
  const off = { declared: { trigger: 't', options: {}, paused: false, disabled: true } };
  const on = { declared: { ...off.declared, disabled: false } };

  it('has the run of a dead scheduler recorded as lost, and runs it again when it is enabled', () => {
    const live = [runningRun({ leaseUntil: 100, attempt: 1, token: 7 })];
    const { start, history, task } = decide(minuteTask({ definition: off, state: { lastToken: 7, live } }), 101);
    expect(start).toEqual([]);
    expect(history).toMatchObject([{ status: 'lost', attempt: 1 }]);
    expect(task!.state).toMatchObject({ nextRunTime: 0, live: [{ status: 'waiting', attempt: 2 }] });
    expect(plan(task!, 5 * MINUTE)).toBeNull();
    const enabled = { ...task!, definition: { ...task!.definition, ...on } };
    expect(decide(enabled, 5 * MINUTE).start).toMatchObject([{ attempt: 2 }]);
  });

  it('has a run recorded as lost that may have begun before it was disabled, and starts nothing', () => {
    const lease = { owner: 'other', token: 7, at: 10, attempt: 1, until: 100 };
    const { start, history, task } = decide(minuteTask({ definition: off, state: { lastToken: 7, lease } }), 101);
    expect(start).toEqual([]);
    expect(history).toMatchObject([{ status: 'lost', attempt: 1, scheduledTime: 0, owner: 'other' }]);
    expect(task!.state).toMatchObject({ lease: null, live: [{ status: 'waiting', attempt: 2, scheduledTime: 0 }] });
    expect(task!.definition.declared).toEqual(off.declared);
    expect(plan(task!, 5 * MINUTE)).toBeNull();
  });
});

describe('a recurring task whose runs are lost for good', () => {
  const policies = { maxLost: 3 };

  /** Every start dies, for a day. Returns the times of the starts, in minutes. */
  function dieForADay(changes: object): number[] {
    let task = minuteTask({ policies: { ...policies, ...changes } });
    const starts: number[] = [];
    for (let now = 0; now < 1_440 * MINUTE; now += MINUTE) {
      const decided = plan(task, now);
      if (!decided) continue;
      for (const _ of decided.start) starts.push(now / MINUTE);
      task = decided.task!;
    }
    return starts;
  }

  it.each(['at-least-once', 'at-most-once'])('is started ever more seldom, %s', (delivery) => {
    const starts = dieForADay({ delivery });
    expect(starts.slice(0, 4)).toEqual([0, 1, 2, 4]);
    // One an hour, after three at once and a few with growing pauses.
    expect(starts.length).toBeLessThan(36);
    expect(starts.length).toBeGreaterThan(24);
  });

  it('is started by its schedule again after an attempt that ended', () => {
    const lost = minuteTask({ policies, state: { lostInARow: 5, nextRunTime: MINUTE, nextScheduledTime: MINUTE } });
    const held = decide(lost, MINUTE);
    expect(held.start).toEqual([]);
    expect(held.task?.state.live[0]?.availableAt).toBe(5 * MINUTE);
    const ended = endRuns([{ taskId: 'task', runId: 'task@run', token: 1, record: makeRun('r'), retryAt: null }])(
      minuteTask({ policies, state: { lostInARow: 5, live: [runningRun()] } }),
      0,
      [],
    );
    expect(ended?.task?.state.lostInARow).toBe(0);
  });
});

describe('a run whose next loss is its last', () => {
  const waits = (lost: number, id = 'task') =>
    minuteTask({ id, state: { nextRunTime: null, live: [waiting({ id: `${id}@r`, lost, attempt: lost + 1 })] } });
  const claim = (underWay: boolean) =>
    planClaim({
      ...context(new EveryMinute()),
      hasLastChance: () => underWay,
      room: { has: () => true },
    });

  it('starts if no other such run is under way in the process; otherwise it waits a second, out of the way', () => {
    expect(claim(false)(waits(2), 500, [])?.value.start).toHaveLength(1);
    const change = claim(true)(waits(2), 500, []);
    expect(change?.value.start).toEqual([]);
    expect(change?.task?.state.live).toMatchObject([{ status: 'waiting', availableAt: 1_500, lost: 2, attempt: 3 }]);
  });

  it('is one at a time in a claim, too', () => {
    const first = claim(false)(waits(2, 'a'), 500, [])!;
    expect(claim(false)(waits(2, 'b'), 500, [first.value])?.value.start).toEqual([]);
    const both = minuteTask({
      policies: { maxInstances: 5 },
      state: { nextRunTime: null, live: [waiting({ id: 'a', lost: 2 }), waiting({ id: 'b', lost: 2 })] },
    });
    expect(claim(false)(both, 500, [])?.value.start.map(({ id }) => id)).toEqual(['a']);
  });

  it.each([0, 1])('holds back no run that was lost %i times', (lost) => {
    expect(claim(true)(waits(lost), 500, [])?.value.start).toHaveLength(1);
  });
});
