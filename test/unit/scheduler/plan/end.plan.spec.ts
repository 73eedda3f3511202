import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LiveRun, RunStatus } from '../../../../lib/model/run.js';
import type { TaskRecord } from '../../../../lib/model/task.js';
import { endRuns } from '../../../../lib/scheduler/plan/end.plan.js';
import { isSpent } from '../../../../lib/scheduler/plan/change.js';
import type { RunEnd } from '../../../../lib/scheduler/plan/end.plan.js';
import { renewRuns } from '../../../../lib/scheduler/plan/renew.plan.js';
import { resultOf } from '../../../../lib/testing/plan.fixtures.js';
import { makeLiveRun, makeTask } from '../../../../lib/testing/task.fixtures.js';
import type { TaskFields } from '../../../../lib/testing/task.fixtures.js';

const NOW = 1_600_000_000_000;

function running(id: string, token: number, fields: Partial<LiveRun> = {}): LiveRun {
  return makeLiveRun(id, {
    status: 'running',
    token,
    owner: 'me',
    startedAt: NOW - 5,
    leaseUntil: NOW + 5,
    ...fields,
  });
}

function taskWith(live: readonly LiveRun[], fields: TaskFields = {}): TaskRecord {
  return makeTask('t', { nextRunTime: NOW + 100, ...fields, state: { live, lastToken: 9, ...fields.state } });
}

function end(task: TaskRecord, status: RunStatus, fields: Partial<RunEnd> = {}) {
  return endRuns([resultOf(task, task.state.live[0]!, status, fields)])(task, NOW, []);
}

describe('endRuns', () => {
  it.each([
    ['another token', running('r', 2)],
    ['another run', running('other', 1)],
    ['a run that waits for its retry', makeLiveRun('r', { token: 1 })],
  ])('refuses a result when there is %s, and changes nothing', (_, live) => {
    const task = taskWith([live]);
    expect(endRuns([resultOf(task, running('r', 1), 'succeeded')])(task, NOW, [])).toBeNull();
  });

  it.each<[RunStatus, number, number]>([
    ['succeeded', 3, 0],
    ['failed', 3, 4],
    ['cancelled', 3, 3],
    ['lost', 3, 3],
  ])('after %s with %i failures in a row counts %i', (status, before, after) => {
    const task = taskWith([running('r', 1)], { state: { failuresInARow: before } });
    expect(end(task, status)?.task?.state.failuresInARow).toBe(after);
  });

  it('counts a failure when there is no further try, and not before', () => {
    const task = taskWith([running('r', 1)], { policies: { pauseAfterFailures: 1 } });
    const retried = end(task, 'failed', { retryAt: NOW + 50 });
    expect(retried?.value).toEqual(['ended']);
    expect(retried?.task?.state).toMatchObject({ failuresInARow: 0, pause: null });
    const final = end(task, 'failed');
    expect(final?.value).toEqual(['paused']);
    expect(final?.task?.state.pause).toEqual({ at: NOW, actor: null, reason: '1 failed runs in a row' });
  });

  it('keeps the pause that is there', () => {
    const pause = { at: 1, actor: 'ops', reason: 'by hand' };
    const task = taskWith([running('r', 1)], { policies: { pauseAfterFailures: 1 }, state: { pause } });
    const change = end(task, 'failed');
    expect(change?.value).toEqual(['ended']);
    expect(change?.task?.state.pause).toBe(pause);
  });

  it('tells once that a task was paused, however many of its runs failed', () => {
    const task = taskWith([running('a', 1), running('b', 2)], { policies: { pauseAfterFailures: 1 } });
    const results = task.state.live.map((run) => resultOf(task, run, 'failed'));
    expect(endRuns(results)(task, NOW, [])?.value).toEqual(['paused', 'ended']);
  });

  it('leaves the next time alone that an edit has set in the meantime', () => {
    const task = taskWith([running('r', 1)]);
    const next = { scheduledTime: NOW + 1, runTime: NOW + 2 };
    expect(end(task, 'succeeded', { next })?.task?.state.nextRunTime).toBe(NOW + 100);
    const waiting = taskWith([running('r', 1)], { nextRunTime: null });
    expect(end(waiting, 'succeeded', { next })?.task?.state).toMatchObject({
      nextScheduledTime: NOW + 1,
      nextRunTime: NOW + 2,
      exhausted: false,
    });
    expect(end(waiting, 'succeeded', { next: null })?.task).toBeNull();
  });

  it('writes no history and no last run for what is given back', () => {
    const task = taskWith([running('r', 1)]);
    const change = end(task, 'cancelled', { record: null, retryAt: NOW });
    expect(change?.history).toEqual([]);
    expect(change?.task?.state).toMatchObject({
      lastRun: null,
      live: [{ id: 'r', status: 'waiting', attempt: 2, availableAt: NOW, owner: null, leaseUntil: null }],
    });
  });

  it('ends what is held, refuses the rest, and never gives a token back, whatever comes', () => {
    const lives = fc
      .uniqueArray(fc.nat({ max: 5 }), { maxLength: 6 })
      .map((tokens) => tokens.map((token) => running(`r${token}`, token)));
    const results = fc.array(
      fc.record({
        token: fc.nat({ max: 6 }),
        status: fc.constantFrom<RunStatus>('succeeded', 'failed', 'cancelled', 'lost'),
        retryAt: fc.option(fc.constant(NOW + 9)),
        recorded: fc.boolean(),
      }),
      { maxLength: 10 },
    );
    fc.assert(
      fc.property(lives, results, (live, given) => {
        const task = taskWith(live);
        const all = given.map(({ token, status, retryAt, recorded }): RunEnd => {
          const result = resultOf(task, running(`r${token}`, token), status, { retryAt });
          return recorded ? result : { ...result, record: null };
        });
        const change = endRuns(all)(task, NOW, []);
        // The first result of each run that is there counts.
        const accepted = all.filter(
          (result, at) =>
            live.some(({ token }) => token === result.token) &&
            all.findIndex(({ token }) => token === result.token) === at,
        );
        if (accepted.length === 0) {
          expect(change).toBeNull();
          return;
        }
        expect(change!.value.map((one) => one !== 'refused')).toEqual(all.map((result) => accepted.includes(result)));
        expect(change!.history).toEqual(accepted.flatMap(({ record }) => record ?? []));
        const over = new Set(accepted.filter(({ retryAt }) => retryAt === null).map(({ token }) => token));
        expect(change!.task!.state.live.map(({ token }) => token)).toEqual(
          live.map(({ token }) => token).filter((token) => !over.has(token)),
        );
        expect(change!.task!.state.lastToken).toBe(9);
      }),
    );
  });
});

describe('isSpent', () => {
  it.each<[string, boolean, TaskFields]>([
    ['a one-shot task without a run', true, { state: { exhausted: true } }],
    ['one with a run under way', false, { state: { exhausted: true, live: [running('r', 1)] } }],
    ['one with a run that waits', false, { state: { exhausted: true, live: [makeLiveRun('r')] } }],
    ['one that the code declares', false, { origin: 'code', state: { exhausted: true } }],
    ['one that has a next time', false, { nextRunTime: NOW }],
  ])('of %s is %s', (_, expected, fields) => {
    expect(isSpent(makeTask('t', fields))).toBe(expected);
  });
});

describe('renewRuns', () => {
  const ref = (runId: string, token: number) => ({ taskId: 't', runId, token });

  it('prolongs what is held, and names what is lost', () => {
    const task = taskWith([running('a', 1), running('b', 2), makeLiveRun('c', { token: 3 })]);
    const change = renewRuns([ref('a', 1), ref('b', 9), ref('c', 3)], 1_000)(task, NOW, []);
    expect(change?.value).toEqual([ref('b', 9), ref('c', 3)]);
    expect(change?.task?.state.live.map(({ leaseUntil }) => leaseUntil)).toEqual([NOW + 1_000, NOW + 5, null]);
  });

  it('changes nothing when nothing is held', () => {
    expect(renewRuns([ref('a', 2)], 1_000)(taskWith([running('a', 1)]), NOW, [])).toBeNull();
  });
});
