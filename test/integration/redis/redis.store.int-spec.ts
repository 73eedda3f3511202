import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Redis } from 'ioredis';
import type { RedisOptions } from 'ioredis';
import { createStoreContext, makeRun, makeTask, until } from 'nestjs-asyncz/testing';
import { RedisStore } from 'nestjs-asyncz/redis';
import type { RedisStoreOptions } from 'nestjs-asyncz/redis';
import type { RunStatus } from '../../../lib/model/run.js';
import type { ClaimRequest } from '../../../lib/scheduler/loop/claim.step.js';
import { resultOf, startDue } from '../../../lib/testing/plan.fixtures.js';
import { internalRecord } from '../../../lib/stores/internal.record.js';
import { redisUrl } from '../../support/server-urls.js';
import { keysFor, keysOfNamespace, removeNamespace } from './redis.kit.js';
import { NOTHING_KEPT, RedisServer } from './redis.server.js';
import { claimDue, finishRuns } from '../../../lib/testing/store.steps.js';

const LEASE_MS = 600_000;
const REQUEST = { limit: 1_000, handlers: ['work'] };
const PLAN = startDue('owner-1', LEASE_MS);

let admin: Redis;
let names = 0;
let request: { namespace: string };
let closing: (() => unknown)[];

beforeAll(() => {
  admin = new Redis(redisUrl());
});
afterAll(() => admin.disconnect());

beforeEach(() => {
  names += 1;
  request = { namespace: `store_${process.pid}_${names}` };
  closing = [];
});
afterEach(async () => {
  for (const close of closing.toReversed()) await close();
  await removeNamespace(admin, request);
});

async function open(options: RedisStoreOptions = { url: redisUrl() }, identity = 'test'): Promise<RedisStore> {
  const store = new RedisStore({ ...keysFor(request), ...options });
  await store.start(createStoreContext({ identity }));
  closing.push(() => store.shutdown());
  return store;
}

function client(options: RedisOptions = {}): Redis {
  const made = new Redis(redisUrl(), options);
  made.on('error', () => {});
  closing.push(() => made.disconnect());
  return made;
}

async function addDue(store: RedisStore, count: number): Promise<void> {
  const now = await store.now();
  await store.addTasks(
    Array.from({ length: count }, (_, at) => makeTask(`t${at}`, { nextRunTime: now - 1, args: [at] })),
  );
}

async function claimAndFinish(store: RedisStore): Promise<string[]> {
  const { claimed } = await claimDue(store, REQUEST, PLAN);
  const results = claimed.map(({ task, start }) => resultOf(task!, start[0]!, 'succeeded'));
  return (await finishRuns(store, results)).settled.map(({ taskId }) => taskId);
}

/** Counts the calls that a client makes from now on. */
function countCalls(own: Redis): () => number {
  let calls = 0;
  const send = own.sendCommand.bind(own);
  own.sendCommand = (...args) => {
    calls += 1;
    return send(...args);
  };
  return () => calls;
}

describe('batches', () => {
  it('take at most 60 calls to claim, settle and end 1,000 due tasks', async () => {
    const own = client();
    const store = await open({ client: own });
    await addDue(store, 1_000);
    const calls = countCalls(own);
    expect((await claimAndFinish(store)).length).toBe(1_000);
    console.log(`1,000 due tasks claimed, settled and ended with ${calls()} calls`);
    expect(calls()).toBeLessThanOrEqual(60);
    expect(calls()).toBeGreaterThan(4);
  });

  it('answer with one call what is due next, whatever other handlers have', async () => {
    const own = client();
    const store = await open({ client: own });
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

describe('a claim among many due tasks', () => {
  let server: RedisServer;
  let store: RedisStore;

  beforeEach(async () => {
    // Nobody else's commands are to be counted.
    server = await RedisServer.start(NOTHING_KEPT);
    closing.push(() => server.remove());
    store = await open({ url: server.url });
  });

  async function claim(how: Partial<ClaimRequest>) {
    await server.ask((asking) => asking.config('RESETSTAT'));
    const { claimed } = await claimDue(store, { ...REQUEST, limit: 5, ...how }, PLAN);
    const stats = await server.ask((asking) => asking.info('commandstats'));
    const ranges = Number(/^cmdstat_zrangebylex:calls=(\d+)/m.exec(stats)?.[1]);
    return { ids: claimed.map(({ id }) => id), ranges };
  }

  it('takes the oldest of all priorities without walking over the others', async () => {
    const now = await store.now();
    await store.addTasks(
      Array.from({ length: 20_000 }, (_, at) =>
        makeTask(`t${at}`, { nextRunTime: now - 20_000 + at, policies: { priority: at % 4 } }),
      ),
    );
    const { ids, ranges } = await claim({ order: 'age' });
    expect(ids).toEqual(['t0', 't1', 't2', 't3', 't4']);
    // Each reads a handful of the index: the head of a queue, or what it begins with after a change.
    expect(ranges).toBeLessThan(20);
  });

  it('passes by full groups, however many tasks and groups that are', async () => {
    const now = await store.now();
    const blocked = (id: string, group: string) =>
      makeTask(id, { nextRunTime: now - 1_000, policies: { group, priority: -1 } });
    const groups = Array.from({ length: 5_100 }, (_, at) => `group ${at}`);
    await store.addTasks([
      ...Array.from({ length: 20_000 }, (_, at) => blocked(`t${at}`, groups[0]!)),
      ...groups.map((group) => blocked(`of ${group}`, group)),
      makeTask('free', { nextRunTime: now - 1 }),
    ]);
    const { ids, ranges } = await claim({ except: { group: groups } });
    expect(ids).toEqual(['free']);
    expect(ranges).toBeLessThan(20);
  });
});

describe('groups', () => {
  it('are told apart whatever their names', async () => {
    const store = await open();
    const now = await store.now();
    const names = ['-', ' ', 'a', 'a b', 'a"', '"a"', 'a\\u0020b', 'a\nb', 'ü', '\ud800', 'work', ''];
    await store.addTasks(names.map((group, at) => makeTask(`t${at}`, { nextRunTime: now - 1, policies: { group } })));
    await store.addTask(makeTask('of none', { nextRunTime: now - 1 }));
    for (const [at, name] of names.entries()) {
      const except = { group: names.filter((other) => other !== name) };
      const { claimed } = await claimDue(store, { ...REQUEST, except }, (task, claimedAt, decided) =>
        task.id === 'of none' ? null : PLAN(task, claimedAt, decided),
      );
      expect(claimed.map(({ id }) => id)).toEqual([`t${at}`]);
    }
  });
});

describe('scripts', () => {
  it('survive SCRIPT FLUSH in the middle of the work', async () => {
    const store = await open();
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
        admin.script('FLUSH'),
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
    const own = client(options);
    const store = await open({ client: own });
    await addDue(store, 600);
    await admin.script('FLUSH');
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
    const own = client();
    own.defineCommand('mine', { numberOfKeys: 0, lua: 'return 7' });
    await open({ client: own });
    await open({ client: own, tasksKey: `${request.namespace}.second` });
    expect(await (own as unknown as { mine(): Promise<number> }).mine()).toBe(7);
  });
});

describe('claims', () => {
  it('that die before they are written are due again when the reservation runs out', async () => {
    const dying = client();
    const store = await open({ client: dying });
    const heir = await open();
    await addDue(store, 20);
    const cut = claimDue(store, REQUEST, (task, now, decided) => {
      if (task.id === 't0') dying.disconnect();
      return PLAN(task, now, decided);
    });
    await expect(cut).rejects.toMatchObject({ code: 'ASYNCZ_STORE_UNAVAILABLE' });
    const first = await claimDue(heir, REQUEST, PLAN);
    expect(first.claimed).toEqual([]);
    const left = (await first.nextDue())! - first.storeNow;
    expect(left).toBeGreaterThan(3_000);
    expect(left).toBeLessThanOrEqual(5_000);
    const claimed = await until(async () => {
      const result = await claimDue(heir, REQUEST, PLAN);
      return result.claimed.length > 0 ? result.claimed : null;
    });
    expect(claimed.length).toBe(20);
    expect(claimed.every(({ start }) => start[0]!.attempt === 1)).toBe(true);
  });

  it('keep an edit that was made between a claim and its end', async () => {
    const store = await open();
    const other = await open();
    await store.addTask(makeTask('a', { nextRunTime: await store.now(), origin: 'code' }));
    const { claimed } = await claimDue(store, REQUEST, PLAN);
    const pause = { at: 1, reason: 'elsewhere', actor: null };
    await other.transact({ ids: ['a'] }, (task) => ({
      task: { ...task, definition: { ...task.definition, name: 'edited' }, state: { ...task.state, pause } },
      history: [],
      value: null,
    }));
    const { settled } = await finishRuns(store, [resultOf(claimed[0]!.task!, claimed[0]!.start[0]!, 'succeeded')]);
    expect(settled.length).toBe(1);
    expect(await other.lookupTask('a')).toMatchObject({
      version: 4,
      definition: { name: 'edited' },
      state: { pause, live: [] },
    });
  });

  it('are not taken for those of a task of the same id that was added again', async () => {
    const store = await open();
    const other = await open();
    await store.addTask(makeTask('a', { nextRunTime: await store.now() }));
    const { claimed } = await claimDue(store, REQUEST, PLAN);
    await other.deleteTask('a');
    await other.addTask(makeTask('a', { name: 'again', nextRunTime: await store.now() }));
    const again = await claimDue(other, REQUEST, startDue('owner-2', LEASE_MS));
    expect(again.claimed[0]!.task!.version).toBe(claimed[0]!.task!.version);
    await other.transact({ ids: ['a'] }, (task) => ({
      task: { ...task, state: { ...task.state, live: task.state.live.map((run) => ({ ...run, token: 77 })) } },
      history: [],
      value: null,
    }));
    const late = await finishRuns(store, [resultOf(claimed[0]!.task!, claimed[0]!.start[0]!, 'succeeded')]);
    expect(late.settled).toEqual([]);
    expect(late.refused.length).toBe(1);
    expect(await store.lookupTask('a')).toMatchObject({
      definition: { name: 'again' },
      state: { live: [{ token: 77 }] },
    });
  });
});

describe('keys', () => {
  it('are named by the options, and hold run times by id', async () => {
    const { tasksKey, runTimesKey } = keysFor(request);
    const store = await open();
    await store.addTasks([makeTask('b', { nextRunTime: 2_000 }), makeTask('a', { nextRunTime: -5 }), makeTask('c')]);
    expect((await admin.hkeys(tasksKey)).toSorted()).toEqual(['a', 'b', 'c']);
    const times = await admin.zrange(`{${tasksKey}}:${runTimesKey}`, 0, -1, 'WITHSCORES');
    expect(times).toEqual(['a', '-5', 'b', '2000', 'c', 'inf']);
  });

  it('keep the hash tag that the options give them', async () => {
    const tasksKey = `{${request.namespace}.x}tasks`;
    const runTimesKey = `{${request.namespace}.x}times`;
    const store = await open({ url: redisUrl(), tasksKey, runTimesKey });
    await store.addTask(makeTask('a', { nextRunTime: 1 }));
    const keys = await keysOfNamespace(admin, request);
    expect(keys).toContain(tasksKey);
    expect(keys).toContain(runTimesKey);
    expect(keys.every((key) => key.startsWith(`{${request.namespace}.x}`))).toBe(true);
  });

  it("carry the client's prefix, and meet a store that was given the same prefix as an option", async () => {
    const keyPrefix = `${request.namespace}.app:`;
    const [tasksKey, runTimesKey] = ['tasks', 'times'];
    const handedIn = await open({ client: client({ keyPrefix }), tasksKey, runTimesKey });
    const own = await open({ url: redisUrl(), keyPrefix, tasksKey, runTimesKey });
    let woken = 0;
    own.onWake(() => (woken += 1));
    await handedIn.addTask(makeTask('a', { nextRunTime: 1 }));
    expect(await own.lookupTask('a')).toMatchObject({ id: 'a' });
    await until(async () => {
      await handedIn.wake(1);
      return woken > 1;
    });
    expect(await admin.hkeys(`${keyPrefix}tasks`)).toEqual(['a']);
    await own.removeAllTasks();
  });

  it('are those of the database of the options', async () => {
    const inThree = await open({ url: redisUrl(), database: 3 });
    const inZero = await open();
    await inThree.addTask(makeTask('a'));
    expect(await inZero.lookupTask('a')).toBeNull();
    const third = client({ db: 3 });
    expect(await third.hkeys(keysFor(request).tasksKey)).toEqual(['a']);
    await third.del(await third.keys(`*${request.namespace}*`));
  });

  it('stop the start when they hold something else, which is left alone', async () => {
    const { tasksKey } = keysFor(request);
    await admin.set(tasksKey, 'mine');
    await expect(open()).rejects.toThrow(`the key "${tasksKey}" holds a string, not a hash`);
    expect(await admin.get(tasksKey)).toBe('mine');
  });
});

describe('the list by next run time', () => {
  it('leaves internal records out of its pages, from either end', async () => {
    const own = client();
    const store = await open({ client: own });
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

describe('due times', () => {
  it('before 1970 are due, in their order', async () => {
    const store = await open();
    const times = [-8_640_000_000_000_000, -86_400_001, -1, 0, 1];
    await store.addTasks(times.map((time) => makeTask(`at ${time}`, { nextRunTime: time })));
    expect(await store.getNextRunTime()).toBe(times[0]);
    const { claimed } = await claimDue(store, REQUEST, PLAN);
    expect(claimed.map(({ id }) => id)).toEqual(times.map((time) => `at ${time}`));
  });

  it('are merged over many handlers and priorities, as far as the limit', async () => {
    const store = await open();
    const now = await store.now();
    const tasks = Array.from({ length: 900 }, (_, at) =>
      makeTask(`t${String(at).padStart(3, '0')}`, {
        handler: `h${at % 37}`,
        nextRunTime: now - 10_000 + ((at * 7_919) % 1_000),
        policies: { priority: (at % 3) - 1 },
      }),
    );
    await store.addTasks(tasks);
    const due = await store.getDueTasks(now);
    const claimed: string[] = [];
    for (const limit of [1, 3, 40, 400, 400, 400]) {
      const some = await claimDue(store, { ...REQUEST, handlers: null, limit }, PLAN);
      claimed.push(...some.claimed.map(({ id }) => id));
    }
    expect(claimed).toEqual(due.map(({ id }) => id));
    expect(claimed.length).toBe(900);
  });

  it('of a record that was put aside as damaged count again when it is mended', async () => {
    const { tasksKey } = keysFor(request);
    const store = await open();
    const now = await store.now();
    await store.addTasks([makeTask('bad', { nextRunTime: now - 9 }), makeTask('good', { nextRunTime: now + 60_000 })]);
    const whole = await admin.hget(tasksKey, 'bad');
    await admin.hset(tasksKey, 'bad', 'rubbish');
    expect((await claimDue(store, REQUEST, PLAN)).claimed).toEqual([]);
    expect(await store.nextDueFor({ handlers: null })).toBe(now + 60_000);
    expect(await store.lookupTask('bad')).toMatchObject({ unreadable: 'damaged', nextRunTime: now - 9 });
    await admin.hset(tasksKey, 'bad', whole!);
    // Its time to be looked at again is a minute away; a write puts it back at once.
    await store.transact({ ids: ['bad'] }, (task) => ({ task, history: [], value: null }));
    expect(await store.nextDueFor({ handlers: null })).toBe(now - 9);
    expect((await claimDue(store, REQUEST, PLAN)).claimed.map(({ id }) => id)).toEqual(['bad']);
  });
});

describe('what others left in the keys', () => {
  it('is shown as unreadable and can be deleted, when it is not a task', async () => {
    const { tasksKey } = keysFor(request);
    const store = await open();
    await store.addTask(makeTask('good', { nextRunTime: 5 }));
    await admin.hset(tasksKey, 'rubbish', '{"a":');
    const { tasks, total } = await store.query({}, { by: 'nextRunTime', descending: false }, { offset: 0, limit: 9 });
    expect([tasks.map(({ id }) => id), total]).toEqual([['good', 'rubbish'], 2]);
    expect(await store.lookupTask('rubbish')).toMatchObject({ unreadable: 'damaged' });
    await expect(store.addTask(makeTask('rubbish'))).rejects.toMatchObject({ code: 'ASYNCZ_TASK_CONFLICT' });
    await expect(store.updateTask({ ...makeTask('rubbish'), version: 2 }, 1)).rejects.toMatchObject({
      code: 'ASYNCZ_TASK_UNREADABLE',
    });
    expect(await store.deleteTask('rubbish')).toBe(true);
    expect(await store.deleteTask('rubbish')).toBe(false);
  });

  it('is removed from the index when the task is gone', async () => {
    const { tasksKey } = keysFor(request);
    const store = await open();
    await store.addTasks([makeTask('gone', { nextRunTime: 1 }), makeTask('here', { nextRunTime: 2 })]);
    await admin.hdel(tasksKey, 'gone');
    expect(await store.getNextRunTime()).toBe(2);
    expect((await claimDue(store, REQUEST, PLAN)).claimed.map(({ id }) => id)).toEqual(['here']);
    expect(await admin.zcard(`{${tasksKey}}:due`)).toBe(1);
  });
});

describe('the history', () => {
  it('is found by task, run and time without reading the rest, and pruned in steps', async () => {
    const store = await open();
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
    const { tasksKey } = keysFor(request);
    expect(await admin.hlen(`{${tasksKey}}:attempts`)).toBe(10);
    expect(await admin.zcard(`{${tasksKey}}:task_runs`)).toBe(10);
    expect(await admin.zcard(`{${tasksKey}}:run_counts`)).toBe(10);
  });

  it('lists runs that failed in their order among the others, and finds dead ones without reading those', async () => {
    const own = client();
    const store = await open({ client: own });
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
    const store = await open();
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
    const store = await open();
    const ids = async (status: RunStatus) => (await store.runs({ status }, { limit: 9 })).runs.map(({ id }) => id);
    await store.saveRuns([makeRun('r', { status: 'succeeded' })]);
    await store.saveRuns([makeRun('r', { status: 'lost' })]);
    expect([await ids('succeeded'), await ids('lost')]).toEqual([[], ['r']]);
    expect(await store.pruneRuns({ before: null, keep: 0, failedBefore: 0, limit: 9 })).toBe(0);
    expect(await store.pruneRuns({ before: null, keep: 0, failedBefore: null, limit: 9 })).toBe(1);
    expect(await keysOfNamespace(admin, request)).toEqual([]);
  });

  it('leaves nothing behind when all runs are pruned and all tasks removed', async () => {
    const store = await open();
    await addDue(store, 50);
    await claimAndFinish(store);
    await store.removeAllTasks();
    expect(
      await store.pruneRuns({ before: (await store.now()) + 60_000, keep: null, failedBefore: null, limit: 1_000 }),
    ).toBe(50);
    expect(await keysOfNamespace(admin, request)).toEqual([]);
  });
});
