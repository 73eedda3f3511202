import { describe, expect, it } from 'vitest';
import { makeTask, until } from 'nestjs-asyncz/testing';
import { resultOf, startDue } from '../../../lib/testing/plan.fixtures.js';
import { claimDue, finishRuns } from '../../../lib/testing/store.steps.js';
import { connectionBench } from './connection.bench.js';
import { RedisSentinel } from './redis.sentinel.js';
import { TEST_CERTIFICATE, TEST_KEY } from './tls.fixture.js';

const REQUEST = { limit: 100, handlers: ['work'] };
const PLAN = startDue('owner-1', 600_000);

const { server, proxy, open, closing } = connectionBench();

describe('an answer that is lost', () => {
  it('does not let a change be taken for refused, or be made twice', async () => {
    const own = await server();
    const between = await proxy(own.port);
    const store = await open({ host: '127.0.0.1', port: between.port });
    const now = await store.now();

    between.dropAnswerTo('task-a');
    await store.addTask(makeTask('task-a', { nextRunTime: now, origin: 'code' }));
    await expect(store.addTask(makeTask('task-a'))).rejects.toMatchObject({ code: 'ASYNCZ_TASK_CONFLICT' });

    between.dropAnswerTo('"running"');
    const { claimed } = await claimDue(store, REQUEST, PLAN);
    expect(claimed.map(({ id, task }) => [id, task!.version])).toEqual([['task-a', 2]]);

    between.dropAnswerTo('succeeded');
    const end = resultOf(claimed[0]!.task!, claimed[0]!.start[0]!, 'succeeded');
    expect((await finishRuns(store, [end])).settled.length).toBe(1);
    expect((await store.runs({}, { limit: 9 })).runs.length).toBe(1);
    expect((await store.lookupTask('task-a')) as object).toMatchObject({ version: 3, state: { live: [] } });

    between.dropAnswerTo('second name');
    const renamed = (await store.lookupTask('task-a')) as ReturnType<typeof makeTask>;
    await store.updateTask({ ...renamed, definition: { ...renamed.definition, name: 'second name' }, version: 4 }, 3);
    expect(await store.lookupTask('task-a')).toMatchObject({ version: 4, definition: { name: 'second name' } });
  });

  it('does not hide that a one-shot task was ended', async () => {
    const own = await server();
    const between = await proxy(own.port);
    const store = await open({ host: '127.0.0.1', port: between.port });
    await store.addTask(makeTask('once', { nextRunTime: await store.now() }));
    const { claimed } = await claimDue(store, REQUEST, PLAN);
    between.dropAnswerTo('succeeded');
    const { settled, refused } = await finishRuns(store, [
      resultOf(claimed[0]!.task!, claimed[0]!.start[0]!, 'succeeded'),
    ]);
    expect([settled.length, refused.length]).toEqual([1, 0]);
    expect(await store.lookupTask('once')).toBeNull();
    expect((await store.runs({}, { limit: 9 })).runs.length).toBe(1);
  });
});

describe('an answer to a taking that is lost', () => {
  it('loses no task: what was taken is due again when its lease is over', async () => {
    const own = await server();
    const between = await proxy(own.port);
    const store = await open({ host: '127.0.0.1', port: between.port });
    const now = await store.now();
    await store.addTasks(Array.from({ length: 20 }, (_, at) => makeTask(`t${at}`, { nextRunTime: now - 1 })));
    between.dropAnswerTo('"take":');
    const take = { limit: 8, handlers: null, owner: 'owner-1', leaseMs: 1_000 };
    // The call is sent again, and takes others.
    const first = await store.exchange({ take });
    expect(first.taken!.tasks.length).toBe(8);
    const ids = new Set(first.taken!.tasks.map(({ task }) => task.id));
    await until(async () => {
      const { taken } = await store.exchange({ take: { ...take, leaseMs: 600_000 } });
      for (const { task } of taken!.tasks) ids.add(task.id);
      return ids.size === 20;
    });
  });
});

describe('options of ioredis', () => {
  it('reach the connection: TLS', async () => {
    const own = await server();
    const between = await proxy(own.port, { tls: { cert: TEST_CERTIFICATE, key: TEST_KEY } });
    const address = { host: '127.0.0.1', port: between.port };
    await expect(open({ ...address, tls: {} })).rejects.toThrow(/self.signed/);
    const store = await open({ ...address, tls: { ca: TEST_CERTIFICATE } });
    await store.addTask(makeTask('a'));
    const byUrl = await open({ url: `rediss://127.0.0.1:${between.port}`, tls: { ca: TEST_CERTIFICATE } });
    expect(await byUrl.lookupTask('a')).toMatchObject({ id: 'a' });
    let woken = 0;
    byUrl.onWake(() => (woken += 1));
    await until(() => woken > 0);
  });

  it('reach the connection: sentinels, whose failover is followed', async () => {
    const group = await RedisSentinel.start();
    closing.push(() => group.remove());
    const store = await open({ sentinels: group.sentinels, name: group.name });
    await store.addTask(makeTask('a', { nextRunTime: 1 }));
    await group.replicated();
    await group.master.kill();
    const after = await until(() => store.lookupTask('a').catch(() => null), { timeoutMs: 30_000 });
    expect(after).toMatchObject({ id: 'a' });
    const { claimed } = await until(() => claimDue(store, REQUEST, PLAN).catch(() => null), { timeoutMs: 30_000 });
    expect(claimed.map(({ id }) => id)).toEqual(['a']);
  });
});
