import { describe, expect, it } from 'vitest';
import { makeTask, until } from 'nestjs-asyncz/testing';
import { redisUrl } from '../../support/server-urls.js';
import { keysFor, keysOfNamespace } from './redis.kit.js';
import { claimDue } from '../../../lib/testing/store.steps.js';
import { PLAN, REQUEST, useNamespace } from './redis.namespace.js';

const redis = useNamespace();

describe('keys', () => {
  it('are named by the options, and hold run times by id', async () => {
    const { tasksKey, runTimesKey } = keysFor(redis.request);
    const store = await redis.open();
    await store.addTasks([makeTask('b', { nextRunTime: 2_000 }), makeTask('a', { nextRunTime: -5 }), makeTask('c')]);
    expect((await redis.admin.hkeys(tasksKey)).toSorted()).toEqual(['a', 'b', 'c']);
    const times = await redis.admin.zrange(`{${tasksKey}}:${runTimesKey}`, 0, -1, 'WITHSCORES');
    expect(times).toEqual(['a', '-5', 'b', '2000', 'c', 'inf']);
  });

  it('keep the hash tag that the options give them', async () => {
    const tasksKey = `{${redis.request.namespace}.x}tasks`;
    const runTimesKey = `{${redis.request.namespace}.x}times`;
    const store = await redis.open({ url: redisUrl(), tasksKey, runTimesKey });
    await store.addTask(makeTask('a', { nextRunTime: 1 }));
    const keys = await keysOfNamespace(redis.admin, redis.request);
    expect(keys).toContain(tasksKey);
    expect(keys).toContain(runTimesKey);
    expect(keys.every((key) => key.startsWith(`{${redis.request.namespace}.x}`))).toBe(true);
  });

  it("carry the client's prefix, and meet a store that was given the same prefix as an option", async () => {
    const keyPrefix = `${redis.request.namespace}.app:`;
    const [tasksKey, runTimesKey] = ['tasks', 'times'];
    const handedIn = await redis.open({ client: redis.client({ keyPrefix }), tasksKey, runTimesKey });
    const own = await redis.open({ url: redisUrl(), keyPrefix, tasksKey, runTimesKey });
    let woken = 0;
    own.onWake(() => (woken += 1));
    await handedIn.addTask(makeTask('a', { nextRunTime: 1 }));
    expect(await own.lookupTask('a')).toMatchObject({ id: 'a' });
    await until(async () => {
      await handedIn.wake(1);
      return woken > 1;
    });
    expect(await redis.admin.hkeys(`${keyPrefix}tasks`)).toEqual(['a']);
    await own.removeAllTasks();
  });

  it('are those of the database of the options', async () => {
    const inThree = await redis.open({ url: redisUrl(), database: 3 });
    const inZero = await redis.open();
    await inThree.addTask(makeTask('a'));
    expect(await inZero.lookupTask('a')).toBeNull();
    const third = redis.client({ db: 3 });
    expect(await third.hkeys(keysFor(redis.request).tasksKey)).toEqual(['a']);
    await third.del(await third.keys(`*${redis.request.namespace}*`));
  });

  it('stop the start when they hold something else, which is left alone', async () => {
    const { tasksKey } = keysFor(redis.request);
    await redis.admin.set(tasksKey, 'mine');
    await expect(redis.open()).rejects.toThrow(`the key "${tasksKey}" holds a string, not a hash`);
    expect(await redis.admin.get(tasksKey)).toBe('mine');
  });
});

describe('what others left in the keys', () => {
  it('is shown as unreadable and can be deleted, when it is not a task', async () => {
    const { tasksKey } = keysFor(redis.request);
    const store = await redis.open();
    await store.addTask(makeTask('good', { nextRunTime: 5 }));
    await redis.admin.hset(tasksKey, 'rubbish', '{"a":');
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
    const { tasksKey } = keysFor(redis.request);
    const store = await redis.open();
    await store.addTasks([makeTask('gone', { nextRunTime: 1 }), makeTask('here', { nextRunTime: 2 })]);
    await redis.admin.hdel(tasksKey, 'gone');
    expect(await store.getNextRunTime()).toBe(2);
    expect((await claimDue(store, REQUEST, PLAN)).claimed.map(({ id }) => id)).toEqual(['here']);
    expect(await redis.admin.zcard(`{${tasksKey}}:due`)).toBe(1);
  });
});
