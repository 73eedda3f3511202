import { describe, expect, it } from 'vitest';
import { makeRun, makeTask, until } from 'nestjs-asyncz/testing';
import type { RedisStore } from 'nestjs-asyncz/redis';
import { standUnder } from '../../../lib/model/change.js';
import type { TakenTask } from '../../../lib/model/change.js';
import type { StoredRunFilter } from '../../../lib/model/query.js';
import { keysFor, keysOfNamespace } from './redis.kit.js';
import { addDue, useNamespace } from './redis.namespace.js';

const redis = useNamespace();

async function take(store: RedisStore, leaseMs: number, limit = 1_000): Promise<readonly TakenTask[]> {
  const { taken } = await store.exchange({ take: { limit, handlers: null, owner: 'owner-1', leaseMs } });
  return taken!.tasks;
}

const idsOf = (taken: readonly TakenTask[]) => taken.map(({ task }) => task.id).sort();

describe('tasks that are taken together', () => {
  it('are due again when their lease is over, but for those that were ended or changed meanwhile', async () => {
    const store = await redis.open();
    const other = await redis.open();
    const now = await store.now();
    const handlers = ['work', 'mail', 'a "b"'];
    await store.addTasks(
      Array.from({ length: 30 }, (_, at) => makeTask(`t${at}`, { handler: handlers[at % 3]!, nextRunTime: now - 1 })),
    );
    const taken = await take(store, 400);
    expect(taken.length).toBe(30);
    const byId = new Map(taken.map((each) => [each.task.id, each]));
    const from = (id: string) => standUnder(byId.get(id)!);
    expect(await other.nextDueFor({ handlers: ['mail'] })).toBe(taken[0]!.lease.until);
    await store.exchange({ write: [{ from: from('t0'), task: null }] });
    await other.deleteTask('t1');
    await other.transact({ ids: ['t2'] }, (task) => ({
      task: { ...task, state: { ...task.state, lease: { ...task.state.lease!, until: now + 600_000 } } },
      value: null,
    }));
    const again: TakenTask[] = [];
    await until(async () => {
      again.push(...(await take(other, 600_000, 7)));
      return again.length >= 27;
    });
    expect(idsOf(again)).toEqual([...byId.keys()].filter((id) => !['t0', 't1', 't2'].includes(id)).sort());
    expect(again.every(({ task, lease }) => lease.attempt === 2 && task.state.lease?.attempt === 1)).toBe(true);
    expect(await take(other, 600_000)).toEqual([]);
  });

  it('leave nothing behind when all of them have ended', async () => {
    const store = await redis.open();
    await addDue(store, 1_500);
    for (let left = 1_500; left > 0;) {
      const taken = await take(store, 600_000, 400);
      left -= taken.length;
      await store.exchange({ write: taken.map((each) => ({ from: standUnder(each), task: null })) });
    }
    expect(await keysOfNamespace(redis.admin, redis.request)).toEqual([]);
  });

  it('are read with their lease although nothing but that was written', async () => {
    const store = await redis.open();
    await addDue(store, 1);
    const [taken] = await take(store, 600_000);
    const { tasksKey } = keysFor(redis.request);
    const state = await redis.admin.hget(`{${tasksKey}}:states`, 't0');
    expect(state).toMatch(/^1 0 /);
    expect(await store.lookupTask('t0')).toMatchObject({
      version: 2,
      state: { lease: taken!.lease, lastToken: taken!.lease.token },
    });
    expect(await store.getAllTasks()).toMatchObject([{ version: 2, state: { lease: taken!.lease } }]);
  });
});

describe('the runs of a task', () => {
  it('are found, replaced and pruned whether it has one or several', async () => {
    const store = await redis.open();
    const run = (id: string, endedAt: number, fields: object = {}) => makeRun(id, { taskId: 'a', endedAt, ...fields });
    const listed = async (filter: StoredRunFilter) =>
      (await store.runs(filter, { limit: 20 })).runs.map(({ id, attempt, endedAt }) => `${id}#${attempt}:${endedAt}`);
    await store.saveRuns([run('a@1', 10, { status: 'failed' })]);
    for (const filter of [{}, { taskId: 'a' }, { runId: 'a@1' }, { taskId: 'a', from: 10, to: 11 }]) {
      expect(await listed(filter)).toEqual(['a@1#1:10']);
    }
    expect(await listed({ taskId: 'a', to: 10 })).toEqual([]);
    expect(await listed({ taskId: 'a@1' })).toEqual([]);
    await store.saveRuns([run('a@1', 12)]);
    expect(await listed({ taskId: 'a' })).toEqual(['a@1#1:12']);
    expect(await listed({ status: 'failed' })).toEqual([]);
    // The second attempt, and the second run.
    await store.saveRuns([run('a@1', 14, { attempt: 2, token: 2 }), run('a@2', 13)]);
    expect(await listed({ taskId: 'a' })).toEqual(['a@1#2:14', 'a@2#1:13', 'a@1#1:12']);
    expect(await listed({ runId: 'a@1' })).toEqual(['a@1#2:14', 'a@1#1:12']);
    await store.saveRuns([run('a@1', 15, { attempt: 2, token: 2, status: 'lost' })]);
    expect(await listed({})).toEqual(['a@1#2:15', 'a@2#1:13', 'a@1#1:12']);
    expect(await store.pruneRuns({ before: null, keep: 1, failedBefore: 0, limit: 9 })).toBe(1);
    expect(await listed({ taskId: 'a' })).toEqual(['a@1#2:15', 'a@2#1:13']);
    expect(await store.pruneRuns({ before: null, keep: 1, failedBefore: null, limit: 9 })).toBe(1);
    expect(await listed({ taskId: 'a' })).toEqual(['a@1#2:15']);
    expect(await store.pruneRuns({ before: 16, keep: null, failedBefore: null, limit: 9 })).toBe(1);
    expect(await keysOfNamespace(redis.admin, redis.request)).toEqual([]);
  });

  it('are told apart whatever the ids of tasks and runs are', async () => {
    const store = await redis.open();
    const ids = ['a', 'a@1', 'a@1@2', '@', 'ü@ü', 'a\n1', 'other', ':1:a', '1:a'];
    const runs = ids.flatMap((taskId, at) => [
      makeRun(`${taskId}@1`, { taskId, token: 2 * at + 1, endedAt: 2 * at }),
      makeRun(ids[(at + 1) % ids.length]!, { taskId, token: 2 * at + 2, endedAt: 2 * at + 1 }),
    ]);
    await store.saveRuns(runs);
    for (const each of ids) {
      const of = await store.runs({ taskId: each }, { limit: 20 });
      expect(of.runs).toEqual(runs.filter(({ taskId }) => taskId === each).toReversed());
      const { runs: found } = await store.runs({ runId: `${each}@1` }, { limit: 20 });
      expect(found).toEqual(runs.filter(({ id }) => id === `${each}@1`).toReversed());
    }
    expect(await store.pruneRuns({ before: 99, keep: null, failedBefore: null, limit: 99 })).toBe(runs.length);
    expect(await keysOfNamespace(redis.admin, redis.request)).toEqual([]);
  });
});
