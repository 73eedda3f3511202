import type { RunRecord } from 'nestjs-asyncz';
import type { Apply, TaskRecord } from 'nestjs-asyncz/store';
import { createTrigger } from 'nestjs-asyncz';
import { describe, expect, it } from 'vitest';
import { InvalidTaskStateError } from '../../../../lib/errors/scheduler.errors.js';
import { backfillTask } from '../../../../lib/scheduler/plan/backfill.plan.js';
import { cancelRun } from '../../../../lib/scheduler/plan/cancel.plan.js';
import { endedRun } from '../../../../lib/scheduler/plan/ended.run.js';
import { runTask } from '../../../../lib/scheduler/plan/extra.run.js';
import { markOrphan } from '../../../../lib/scheduler/plan/orphan.plan.js';
import { pauseTask, resumeTask } from '../../../../lib/scheduler/plan/pause.plan.js';
import { disposeOrphan, reconcileTask } from '../../../../lib/scheduler/plan/reconcile.plan.js';
import { doesTheSame, dropRestored, isYounger, redriveRun } from '../../../../lib/scheduler/plan/redrive.plan.js';
import { replaceTask } from '../../../../lib/scheduler/plan/replace.plan.js';
import { updateTask } from '../../../../lib/scheduler/plan/update.plan.js';
import { ASKED, runningRun, minuteTask } from '../../../support/task.factory.js';

const MINUTE = 60_000;
const NOW = 10 * MINUTE;
const PAUSED = { at: 5, actor: 'bob', reason: null };
const trigger = createTrigger({ type: 'interval', minutes: 1, startAt: new Date(0) });
const waiting = runningRun({
  id: 'task@w',
  status: 'waiting',
  owner: null,
  token: 0,
  leaseUntil: null,
  startedAt: null,
});
const running = runningRun({ id: 'task@r', token: 7 });

const task = minuteTask({ state: { live: [waiting, running], lastToken: 7 } });
const paused = minuteTask({ state: { pause: PAUSED, failuresInARow: 3 } });
const declared = (fingerprint: string) => ({
  declared: { trigger: fingerprint, options: { priority: fingerprint }, paused: false, disabled: false },
});
const dead: RunRecord = { ...endedRun(task, runningRun({ id: 'task@d', token: 9 }), 'failed', 5), dead: true };

function freeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null)
    for (const inner of Object.values(Object.freeze(value))) freeze(inner);
  return value;
}

describe('the plans of what people ask for', () => {
  const old = minuteTask({ id: 'task', state: { live: [running], lastToken: 7, createdAt: 3 } });
  const plans: [string, TaskRecord, Apply<unknown>][] = [
    ['pause', task, (one, now) => pauseTask(one, now, trigger, ASKED)],
    ['resume', paused, (one, now) => resumeTask(one, now, trigger, ASKED)],
    ['cancel a waiting run', task, (one, now) => cancelRun(one, now, 'task@w', ASKED)],
    ['cancel a running run', task, (one, now) => cancelRun(one, now, 'task@r', ASKED)],
    ['run', task, (one, now) => runTask(one, now, [{ suffix: 'abc', request: ASKED }])],
    ['backfill', task, (one, now) => backfillTask(one, now, trigger, { from: 0, to: 2 * MINUTE }, ASKED)],
    ['redrive', task, (one, now) => redriveRun(one, now, task, dead, ASKED)],
    ['replace', old, (one) => replaceTask(one, minuteTask({ definition: { handler: 'other' } }))],
    [
      'update',
      task,
      (one, now) => updateTask(one, now, { definition: one.definition, isNewTrigger: true, times: null }),
    ],
    [
      'reconcile',
      minuteTask({ definition: declared('a') }),
      (one, now) => reconcileTask(one, now, minuteTask({ definition: declared('b') }), () => trigger),
    ],
    ['pause an orphan', task, (one, now) => disposeOrphan(one, now, 'pause')],
    ['mark an orphan', task, (one, now) => markOrphan(one, now, 0)],
  ];

  it.each(plans)(
    'answer the same when they are asked twice, and change nothing of what they are given: %s',
    (...args) => {
      const [, given, plan] = args;
      freeze(given);
      const first = plan(given, NOW, []);
      expect(first).not.toBeNull();
      expect(plan(given, NOW, [])).toEqual(first);
    },
  );
});

describe('pausing and resuming', () => {
  it('leave a task as it is that is paused, or runs, already', () => {
    expect(pauseTask(paused, NOW, trigger, ASKED)).toBeNull();
    expect(resumeTask(task, NOW, trigger, ASKED)).toBeNull();
  });

  it('are refused for a trigger that follows the scheduler', () => {
    const startup = createTrigger({ type: 'startup' });
    expect(() => pauseTask(task, NOW, startup, ASKED)).toThrow(InvalidTaskStateError);
    expect(() => resumeTask(paused, NOW, startup, ASKED)).toThrow(/cannot be resumed/);
  });

  it('drop what came due meanwhile, and keep a time that is still to come', () => {
    expect(resumeTask(paused, NOW + 1, trigger, ASKED)!.task!.state).toMatchObject({
      pause: null,
      failuresInARow: 0,
      nextRunTime: NOW + MINUTE,
      control: { action: 'resume', at: NOW + 1, ...ASKED },
    });
    const early = minuteTask({ state: { pause: PAUSED, nextScheduledTime: NOW - 1, nextRunTime: NOW + 5 } });
    expect(resumeTask(early, NOW, trigger, ASKED)!.task!.state).toMatchObject({
      nextScheduledTime: NOW - 1,
      nextRunTime: NOW + 5,
    });
  });

  it('delete a task that has nothing left to run', () => {
    const spent = createTrigger({ type: 'interval', minutes: 1, startAt: new Date(0), endAt: new Date(NOW - 1) });
    expect(resumeTask(paused, NOW, spent, ASKED)).toMatchObject({ task: null, value: ASKED });
  });
});

describe('cancelling', () => {
  it('ends a waiting run at once, with one record for the history and the caller', () => {
    const { task: next, history, value } = cancelRun(task, NOW, 'task@w', ASKED)!;
    expect(next!.state.live).toEqual([running]);
    expect(history).toEqual([value]);
    expect(value).toMatchObject({ id: 'task@w', status: 'cancelled', endedAt: NOW, cancel: { at: NOW, ...ASKED } });
  });

  it('leaves a request for a running one, and the first request stays', () => {
    const first = cancelRun(task, NOW, 'task@r', ASKED)!;
    expect(first).toMatchObject({ history: [], value: null });
    const second = cancelRun(first.task!, NOW + 1, 'task@r', { actor: 'eve', reason: null })!;
    expect(second.task!.state.live[1]).toEqual({ ...running, cancel: { at: NOW, ...ASKED } });
  });

  it('finds no run that the task does not have', () => {
    expect(cancelRun(task, NOW, 'task@x', ASKED)).toBeNull();
  });
});

describe('redriving', () => {
  it('changes only the version of the task that was read', () => {
    expect(redriveRun({ ...task, version: 2 }, NOW, task, dead, ASKED)).toBeNull();
    const again = { ...task, state: { ...task.state, createdAt: 1 } };
    expect(redriveRun(again, NOW, task, dead, ASKED)).toBeNull();
  });

  it('gives the next attempt under the same id, and larger tokens than the dead one had', () => {
    const { task: next, history } = redriveRun(task, NOW, task, dead, ASKED)!;
    expect(next!.state.lastToken).toBe(9);
    expect(next!.state.live.at(-1)).toMatchObject({ id: 'task@d', attempt: 2, source: 'redrive', request: ASKED });
    expect(history).toMatchObject([{ id: 'task@d', dead: false }]);
  });

  it('tells a task that does the same from one that does not', () => {
    const younger = minuteTask({ state: { createdAt: 1 } });
    expect([isYounger(task, dead), isYounger(younger, dead)]).toEqual([false, true]);
    expect(doesTheSame(younger, dead)).toBe(true);
    expect(doesTheSame(minuteTask({ definition: { handler: 'other' } }), dead)).toBe(false);
    const withArgs = { ...dead, definition: minuteTask({ definition: { args: [1] } }).definition };
    expect(doesTheSame(younger, withArgs)).toBe(false);
  });

  it('drops a task that it brought back only while that has nothing to run', () => {
    const spent = minuteTask({ state: { exhausted: true } });
    expect(dropRestored(spent)).toMatchObject({ task: null });
    expect(dropRestored({ ...spent, state: { ...spent.state, live: [waiting] } })).toBeNull();
  });
});

describe('replacing', () => {
  it('keeps the runs under way and the tokens of the task that was', () => {
    const replacement = minuteTask({ definition: { handler: 'other' } });
    const { task: next } = replaceTask(
      minuteTask({ state: { live: [running], lastToken: 7, createdAt: 3 } }),
      replacement,
    );
    expect(next).toMatchObject({
      definition: { handler: 'other' },
      state: { live: [running], lastToken: 7, createdAt: 3 },
    });
  });
});

describe('reconciling', () => {
  it('does not give a new trigger a time that the old one had reached', () => {
    const before = minuteTask({
      definition: declared('a'),
      state: { lastScheduledTime: 2 * MINUTE, scheduledCount: 3 },
    });
    const wanted = minuteTask({
      definition: declared('b'),
      state: { nextScheduledTime: 2 * MINUTE, nextRunTime: 2 * MINUTE },
    });
    expect(reconcileTask(before, NOW, wanted, () => trigger)!.task!.state).toMatchObject({
      nextScheduledTime: 3 * MINUTE,
      nextRunTime: 3 * MINUTE,
      scheduledCount: 0,
      lastScheduledTime: null,
    });
  });

  it('leaves a task that is declared as before, and an orphan that is paused', () => {
    const one = minuteTask({ definition: declared('a') });
    expect(reconcileTask(one, NOW, minuteTask({ definition: declared('a') }), () => trigger)).toBeNull();
    expect(disposeOrphan(paused, NOW, 'pause')).toBeNull();
    expect(disposeOrphan(paused, NOW, 'remove')).toMatchObject({ task: null });
  });
});

describe('marking an orphan', () => {
  it('is done once, and not before it has been due for long', () => {
    const marked = markOrphan(task, NOW, 0)!;
    expect(marked.value).toBe('handler');
    expect(markOrphan(marked.task!, NOW, 0)).toBeNull();
    expect(markOrphan(task, NOW, 10 ** 12)).toBeNull();
  });
});
