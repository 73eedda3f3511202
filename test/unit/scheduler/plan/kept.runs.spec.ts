import { describe, expect, it } from 'vitest';
import { RUN_STATUSES } from '../../../../lib/model/run.js';
import type { RunRecord } from '../../../../lib/model/run.js';
import type { HistoryPolicy } from '../../../../lib/model/task.policies.js';
import { cancelRun } from '../../../../lib/scheduler/plan/cancel.plan.js';
import { endRuns } from '../../../../lib/scheduler/plan/end.plan.js';
import { keptRuns } from '../../../../lib/scheduler/plan/kept.runs.js';
import { redriveRun } from '../../../../lib/scheduler/plan/redrive.plan.js';
import { resultOf } from '../../../../lib/testing/plan.fixtures.js';
import { makeLiveRun, makeRun, makeTask } from '../../../../lib/testing/task.fixtures.js';

const NOW = 1_600_000_000_000;

const taskWith = (history: HistoryPolicy, live = [makeLiveRun('t@1', { status: 'running', token: 1, owner: 'me' })]) =>
  makeTask('t', { nextRunTime: NOW, policies: { history }, state: { live, lastToken: 1 } });

const keptStatuses = (history: HistoryPolicy, fields: Partial<RunRecord> = {}) =>
  keptRuns(
    RUN_STATUSES.map((status) => makeRun(`t@${status}`, { status, ...fields })),
    taskWith(history).definition,
  ).map(({ status }) => status);

describe('the runs that the history keeps', () => {
  it('are all of them, all but those that succeeded, or none', () => {
    expect(keptStatuses('all')).toEqual([...RUN_STATUSES]);
    expect(keptStatuses('failures')).toEqual(RUN_STATUSES.filter((status) => status !== 'succeeded'));
    expect(keptStatuses('none')).toEqual([]);
  });

  it.each(['failures', 'none'] as const)('are with %s also the dead ones, and those that were asked for', (history) => {
    expect(keptStatuses(history, { dead: true })).toEqual([...RUN_STATUSES]);
    expect(keptStatuses(history, { request: { actor: null, reason: null } })).toEqual([...RUN_STATUSES]);
  });

  it('are the same whatever ends them, and the last run of the task is known all the same', () => {
    const task = taskWith('none');
    const ended = endRuns([resultOf(task, task.state.live[0]!, 'succeeded')])(task, NOW, []);
    expect(ended?.history).toEqual([]);
    expect(ended?.task?.state.lastRun).toMatchObject({ id: 't@1', status: 'succeeded' });
    const cancelled = cancelRun(taskWith('none', [makeLiveRun('t@1')]), NOW, 't@1', { actor: 'ops', reason: null });
    expect(cancelled?.history).toEqual([]);
    expect(cancelled?.value).toMatchObject({ id: 't@1', status: 'cancelled' });
  });

  it('are without their results where these are not kept, and otherwise as they ended', () => {
    const task = makeTask('t', { policies: { keepResult: false } });
    const [kept] = keptRuns([makeRun('t@1', { result: { large: true } })], task.definition);
    expect(kept).toEqual(makeRun('t@1', { result: undefined }));
    const failed = makeRun('t@2', { status: 'failed', result: undefined });
    expect(keptRuns([failed], task.definition)).toEqual([failed]);
  });

  it('have no dead run twice when it is redriven', () => {
    const task = taskWith('none', []);
    const dead = makeRun('t@1', { taskId: 't', status: 'failed', dead: true });
    const change = redriveRun(task, NOW, task, dead, { actor: null, reason: null });
    expect(change?.history).toMatchObject([{ id: 't@1', dead: false }]);
  });
});
