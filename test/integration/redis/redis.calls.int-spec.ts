import { describe, expect, it } from 'vitest';
import { makeRun, makeTask } from 'nestjs-asyncz/testing';
import { Scheduler } from 'nestjs-asyncz';
import { RedisStore } from 'nestjs-asyncz/redis';
import type { RunStatus } from '../../../lib/model/run.js';
import { resultOf } from '../../../lib/testing/plan.fixtures.js';
import { standUnder } from '../../../lib/model/change.js';
import { internalRecord } from '../../../lib/stores/internal.record.js';
import { countCalls } from './count.calls.js';
import { keysFor, keysOfNamespace } from './redis.kit.js';
import { claimDue, finishRuns } from '../../../lib/testing/store.steps.js';
import { addDue, claimAndFinish, PLAN, REQUEST, useNamespace } from './redis.namespace.js';

// Scripts are flushed and calls are counted in one file: a script that the server has forgotten takes another call.

const redis = useNamespace();

describe('batches', () => {
  it('take at most 60 calls to claim, settle and end 1,000 due tasks', async () => {
    const own = redis.client();
    const store = await redis.open({ client: own });
    await addDue(store, 1_000);
    const calls = countCalls(own);
    expect((await claimAndFinish(store)).length).toBe(1_000);
    console.log(`1,000 due tasks claimed, settled and ended with ${calls()} calls`);
    expect(calls()).toBeLessThanOrEqual(60);
    expect(calls()).toBeGreaterThan(4);
  });

  it('take five calls to take 2,000, with the ends of the first half, and what is due next is known then', async () => {
    const own = redis.client();
    const store = await redis.open({ client: own });
    await addDue(store, 2_000);
    await store.addTask(makeTask('later', { nextRunTime: 4_000_000_000_000 }));
    const calls = countCalls(own);
    const request = { limit: 1_000, handlers: null, owner: 'owner-1', leaseMs: 600_000 };
    const first = (await store.exchange({ take: request })).taken!.tasks;
    const write = first.map((each) => ({ from: standUnder(each), task: null }));
    const { taken, written } = await store.exchange({ write, take: request });
    expect([written.lost, taken!.tasks.length]).toEqual([[], 1_000]);
    expect(await taken!.nextDue!()).toBe(taken!.tasks[0]!.lease.until);
    expect(calls()).toBe(5);
    // Each call has a time of its own, and so have the tokens of its tasks.
    for (const each of taken!.tasks.filter((_, at) => at % 250 === 0)) {
      expect(await store.lookupTask(each.task.id)).toMatchObject({ state: { lease: each.lease } });
    }
  });

  it('answer with one call what is due next, whatever other handlers have', async () => {
    const own = redis.client();
    const store = await redis.open({ client: own });
    const now = await store.now();
    await store.addTasks([
      ...Array.from({ length: 300 }, (_, at) =>
        makeTask(`theirs-${at}`, { handler: `theirs-${at}`, nextRunTime: now - 10 - at }),
      ),
      makeTask('mine', { nextRunTime: now + 50_000 }),
    ]);
    const calls = countCalls(own);
    expect(await store.nextDueFor({ handlers: ['work'] })).toBe(now + 50_000);
    expect(calls()).toBe(1);
  });
});

describe('a start and a stop of a scheduler', () => {
  it('take as many calls with 3,000 tasks of others in the store as with three', async () => {
    const own = redis.client();
    const round = async (role: 'worker' | 'client') => {
      const store = new RedisStore({ client: own, ...keysFor(redis.request) });
      const scheduler = new Scheduler({ name: 'test', role, stores: { default: store } });
      scheduler.registerHandler('mine', () => {});
      scheduler.declareTasks(
        Array.from({ length: 20 }, (_, at) => ({
          id: `mine-${at}`,
          handler: 'mine',
          trigger: { type: 'interval', hours: 24 },
        })),
      );
      const calls = countCalls(own);
      await scheduler.start();
      await scheduler.shutdown();
      return calls();
    };
    const add = async (from: number, to: number) => {
      const store = await redis.open({ client: own });
      const ids = Array.from({ length: to - from }, (_, at) => `other-${from + at}`);
      await store.addTasks(ids.map((id) => makeTask(id, { handler: 'other', nextRunTime: 4_000_000_000_000 })));
    };
    // A scheduler that hears of its wake-ups before it stops looks once more whether it is to drain.
    const fewest = async (role: 'worker' | 'client') =>
      Math.min(await round(role), await round(role), await round(role));
    await add(0, 3);
    await round('worker');
    const few = [await fewest('worker'), await fewest('client')];
    await add(3, 3_000);
    const many = [await fewest('worker'), await fewest('client')];
    console.log(`a start and a stop take ${few.join(' and ')} calls, by a worker and by a client`);
    expect(many).toEqual(few);
  });
});

describe('scripts', () => {
  it('survive SCRIPT FLUSH in the middle of the work', async () => {
    const store = await redis.open();
    await addDue(store, 2_000);
    const ended: string[] = [];
    let flushes = 0;
    while (ended.length < 2_000) {
      const [some] = await Promise.all([
        claimDue(store, { ...REQUEST, limit: 50 }, PLAN).then(({ claimed }) =>
          finishRuns(
            store,
            claimed.map(({ task, start }) => resultOf(task!, start[0]!, 'succeeded')),
          ),
        ),
        redis.admin.script('FLUSH'),
      ]);
      flushes += 1;
      ended.push(...some.settled.map(({ taskId }) => taskId));
    }
    expect(new Set(ended).size).toBe(2_000);
    expect(flushes).toBeGreaterThan(30);
    expect((await store.query({}, { by: 'id', descending: false }, { offset: 0, limit: 1 })).total).toBe(0);
  });

  it.each([
    ['pipelines by itself', { enableAutoPipelining: true }],
    ['gives numbers as text', { stringNumbers: true }],
    ['keeps the stacks of calls', { showFriendlyErrorStack: true }],
  ])('run on a client that %s', async (_, options) => {
    const own = redis.client(options);
    const store = await redis.open({ client: own });
    await addDue(store, 600);
    await redis.admin.script('FLUSH');
    const [next, page] = await Promise.all([
      store.getNextRunTime(),
      store.query({ q: 't59' }, { by: 'nextRunTime', descending: true }, { offset: 0, limit: 2 }),
    ]);
    expect(next).toBeLessThan(await store.now());
    expect([page.tasks.map(({ id }) => id), page.total]).toEqual([['t599', 't598'], 11]);
    expect((await claimAndFinish(store)).length).toBe(600);
    expect(await store.pruneRuns({ before: null, keep: 0, failedBefore: null, limit: 1_000 })).toBe(600);
    expect(await store.removeAllTasks()).toBe(0);
  });

  it('leave the application its own commands of a client that is handed in', async () => {
    const own = redis.client();
    own.defineCommand('mine', { numberOfKeys: 0, lua: 'return 7' });
    await redis.open({ client: own });
    await redis.open({ client: own, tasksKey: `${redis.request.namespace}.second` });
    expect(await (own as unknown as { mine(): Promise<number> }).mine()).toBe(7);
  });
});

describe('the list by next run time', () => {
  it('leaves internal records out of its pages, from either end', async () => {
    const own = redis.client();
    const store = await redis.open({ client: own });
    const ids = Array.from({ length: 20 }, (_, at) => `t${String(at).padStart(2, '0')}`);
    await store.addTasks(ids.map((id, at) => makeTask(id, { nextRunTime: at < 15 ? at : null })));
    await store.addTasks(ids.map((id) => internalRecord(`asyncz:${id}`, 'internal', [], 0)));
    const page = async (descending: boolean, offset: number, limit: number) => {
      const found = await store.query({}, { by: 'nextRunTime', descending }, { offset, limit });
      expect(found.total).toBe(20);
      return found.tasks.map(({ id }) => id);
    };
    const calls = countCalls(own);
    expect(await page(false, 0, 3)).toEqual(ids.slice(0, 3));
    expect(await page(false, 13, 20)).toEqual(ids.slice(13));
    expect(await page(true, 0, 3)).toEqual(ids.toReversed().slice(0, 3));
    expect(await page(true, 18, 20)).toEqual(ids.toReversed().slice(18));
    expect(await page(true, 20, 20)).toEqual([]);
    expect(calls()).toBe(5);
  });
});

describe('the history', () => {
  it('is found by task, run and time without reading the rest, and pruned in steps', async () => {
    const store = await redis.open();
    const runs = Array.from({ length: 3_000 }, (_, at) =>
      makeRun(`r${at}`, { taskId: `task ${at % 30}`, endedAt: 1_000_000 + at, token: at + 1 }),
    );
    await store.saveRuns(runs);
    const ids = async (filter: Parameters<RedisStore['runs']>[0]) =>
      (await store.runs(filter, { limit: 3 })).runs.map(({ id }) => id);
    expect(await ids({ taskId: 'task 7' })).toEqual(['r2977', 'r2947', 'r2917']);
    expect(await ids({ runId: 'r1234' })).toEqual(['r1234']);
    expect(await ids({ from: 1_000_100, to: 1_000_102 })).toEqual(['r101', 'r100']);
    expect(await store.pruneRuns({ before: null, keep: 10, failedBefore: null, limit: 2_000 })).toBe(2_000);
    expect(await store.pruneRuns({ before: null, keep: 10, failedBefore: null, limit: 2_000 })).toBe(700);
    expect(await store.pruneRuns({ before: null, keep: 10, failedBefore: null, limit: 2_000 })).toBe(0);
    expect(await store.pruneRuns({ before: 1_002_990, keep: null, failedBefore: null, limit: 2_000 })).toBe(290);
    expect((await store.runs({}, { limit: 100 })).runs.length).toBe(10);
    const { tasksKey } = keysFor(redis.request);
    // One field each, and one that says of its task that there are several.
    expect(await redis.admin.hlen(`{${tasksKey}}:runs`)).toBe(20);
    expect(await redis.admin.hlen(`{${tasksKey}}:attempts`)).toBe(0);
    expect(await redis.admin.zcard(`{${tasksKey}}:task_runs`)).toBe(10);
    expect(await redis.admin.zcard(`{${tasksKey}}:run_counts`)).toBe(10);
  });

  it('lists runs that failed in their order among the others, and finds dead ones without reading those', async () => {
    const own = redis.client();
    const store = await redis.open({ client: own });
    const runs = Array.from({ length: 2_000 }, (_, at) =>
      makeRun(`r${at}`, {
        taskId: `task ${at % 2}`,
        endedAt: 1_000_000 + at,
        ...(at % 5 === 0 && ({ status: 'failed', dead: at % 100 === 0 } as const)),
      }),
    );
    await store.saveRuns(runs);
    const listed: string[] = [];
    let cursor: string | null | undefined;
    while (cursor !== null) {
      const page = await store.runs({ taskId: 'task 0' }, { limit: 300, ...(cursor !== undefined && { cursor }) });
      listed.push(...page.runs.map(({ id }) => id));
      cursor = page.next;
    }
    expect(listed).toEqual(Array.from({ length: 1_000 }, (_, at) => `r${1_998 - 2 * at}`));
    const calls = countCalls(own);
    const dead = await store.runs({ dead: true }, { limit: 100 });
    expect(dead.runs.map(({ id }) => id)).toEqual(Array.from({ length: 20 }, (_, at) => `r${1_900 - 100 * at}`));
    expect(calls()).toBe(1);
  });

  it('prunes the oldest first, whether they failed or not', async () => {
    const store = await redis.open();
    const run = (id: string, endedAt: number, status: RunStatus) => makeRun(id, { endedAt, status });
    await store.saveRuns([
      run('a', 1, 'failed'),
      run('b', 2, 'succeeded'),
      run('c', 3, 'lost'),
      run('d', 4, 'missed'),
      run('e', 5, 'failed'),
    ]);
    const left = async () => (await store.runs({}, { limit: 9 })).runs.map(({ id }) => id);
    expect(await store.pruneRuns({ before: 5, keep: null, failedBefore: 6, limit: 2 })).toBe(2);
    expect(await left()).toEqual(['e', 'd', 'c']);
    expect(await store.pruneRuns({ before: 5, keep: null, failedBefore: 6, limit: 2 })).toBe(2);
    expect(await left()).toEqual(['e']);
  });

  it('follows a run that is written again with another status', async () => {
    const store = await redis.open();
    const ids = async (status: RunStatus) => (await store.runs({ status }, { limit: 9 })).runs.map(({ id }) => id);
    await store.saveRuns([makeRun('r', { status: 'succeeded' })]);
    await store.saveRuns([makeRun('r', { status: 'lost' })]);
    expect([await ids('succeeded'), await ids('lost')]).toEqual([[], ['r']]);
    expect(await store.pruneRuns({ before: null, keep: 0, failedBefore: 0, limit: 9 })).toBe(0);
    expect(await store.pruneRuns({ before: null, keep: 0, failedBefore: null, limit: 9 })).toBe(1);
    expect(await keysOfNamespace(redis.admin, redis.request)).toEqual([]);
  });

  it('leaves nothing behind when all runs are pruned and all tasks removed', async () => {
    const store = await redis.open();
    await addDue(store, 50);
    await claimAndFinish(store);
    await store.removeAllTasks();
    expect(
      await store.pruneRuns({ before: (await store.now()) + 60_000, keep: null, failedBefore: null, limit: 1_000 }),
    ).toBe(50);
    expect(await keysOfNamespace(redis.admin, redis.request)).toEqual([]);
  });
});

describe('tasks that are added one by one in the same moment', () => {
  it('go in one call, and each is answered by itself', async () => {
    const own = redis.client();
    const store = await redis.open({ client: own });
    await store.addTask(makeTask('there'));
    const calls = countCalls(own);
    const adds = ['a', 'there', 'b', 'c'].map((id) => store.addTask(makeTask(id)));
    const bad = store.addTask(makeTask('bad', { args: [Symbol('no JSON')] }));
    const answers = await Promise.allSettled([...adds, bad]);
    expect(answers.map(({ status }) => status)).toEqual([
      'fulfilled',
      'rejected',
      'fulfilled',
      'fulfilled',
      'rejected',
    ]);
    expect((answers[1] as PromiseRejectedResult).reason).toMatchObject({
      code: 'ASYNCZ_TASK_CONFLICT',
      taskId: 'there',
    });
    expect(calls()).toBe(1);
    const twice = await Promise.allSettled([store.addTask(makeTask('d')), store.addTask(makeTask('d'))]);
    expect(twice.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
  });
});
