import { beforeEach, describe, expect, it } from 'vitest';
import { makeTask, until } from 'nestjs-asyncz/testing';
import type { RedisStore } from 'nestjs-asyncz/redis';
import type { ClaimRequest } from '../../../lib/scheduler/loop/claim.step.js';
import { resultOf, startDue } from '../../../lib/testing/plan.fixtures.js';
import { keysFor } from './redis.kit.js';
import { NOTHING_KEPT, RedisServer } from './redis.server.js';
import { claimDue, finishRuns } from '../../../lib/testing/store.steps.js';
import { addDue, LEASE_MS, PLAN, REQUEST, useNamespace } from './redis.namespace.js';

const redis = useNamespace();

describe('a claim among many due tasks', () => {
  let server: RedisServer;
  let store: RedisStore;

  beforeEach(async () => {
    // Nobody else's commands are to be counted.
    server = await RedisServer.start(NOTHING_KEPT);
    redis.closeAfterTest(() => server.remove());
    store = await redis.open({ url: server.url });
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
    const store = await redis.open();
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

describe('claims', () => {
  it('that die before they are written are due again when the reservation runs out', async () => {
    const dying = redis.client();
    const store = await redis.open({ client: dying });
    const heir = await redis.open();
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
    const store = await redis.open();
    const other = await redis.open();
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
    const store = await redis.open();
    const other = await redis.open();
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

describe('due times', () => {
  it('before 1970 are due, in their order', async () => {
    const store = await redis.open();
    const times = [-8_640_000_000_000_000, -86_400_001, -1, 0, 1];
    await store.addTasks(times.map((time) => makeTask(`at ${time}`, { nextRunTime: time })));
    expect(await store.getNextRunTime()).toBe(times[0]);
    const { claimed } = await claimDue(store, REQUEST, PLAN);
    expect(claimed.map(({ id }) => id)).toEqual(times.map((time) => `at ${time}`));
  });

  it('are merged over many handlers and priorities, as far as the limit', async () => {
    const store = await redis.open();
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
    const { tasksKey } = keysFor(redis.request);
    const store = await redis.open();
    const now = await store.now();
    await store.addTasks([makeTask('bad', { nextRunTime: now - 9 }), makeTask('good', { nextRunTime: now + 60_000 })]);
    const whole = await redis.admin.hget(tasksKey, 'bad');
    await redis.admin.hset(tasksKey, 'bad', 'rubbish');
    expect((await claimDue(store, REQUEST, PLAN)).claimed).toEqual([]);
    expect(await store.nextDueFor({ handlers: null })).toBe(now + 60_000);
    expect(await store.lookupTask('bad')).toMatchObject({ unreadable: 'damaged', nextRunTime: now - 9 });
    await redis.admin.hset(tasksKey, 'bad', whole!);
    // Its time to be looked at again is a minute away; a write puts it back at once.
    await store.transact({ ids: ['bad'] }, (task) => ({ task, history: [], value: null }));
    expect(await store.nextDueFor({ handlers: null })).toBe(now - 9);
    expect((await claimDue(store, REQUEST, PLAN)).claimed.map(({ id }) => id)).toEqual(['bad']);
  });
});
