import { beforeEach, describe, expect, it } from 'vitest';
import { createStoreContext, makeRun, makeTask } from 'nestjs-asyncz/testing';
import { RedisStore } from 'nestjs-asyncz/redis';
import type { UnreadableTask } from '../../../lib/model/task.js';
import { claimDue } from '../../../lib/testing/store.steps.js';
import { redisUrl } from '../../support/server-urls.js';
import { keysFor } from './redis.kit.js';
import { PLAN, REQUEST, useNamespace } from './redis.namespace.js';

const LIMIT = 4_000_000;

describe('records that somebody else wrote, on Redis', () => {
  const redis = useNamespace();
  let store: RedisStore;
  let reported: UnreadableTask[];
  let warnings: string[];
  let now: number;
  let tasksKey: string;
  const key = (name: string) => `{${tasksKey}}:${name}`;
  const claim = async () => (await claimDue(store, REQUEST, PLAN)).claimed.map(({ id }) => id);

  beforeEach(async () => {
    reported = [];
    warnings = [];
    ({ tasksKey } = keysFor(redis.request));
    store = new RedisStore({ ...keysFor(redis.request), url: redisUrl() });
    const log = { debug() {}, info() {}, error() {}, warn: (text: string) => void warnings.push(text) };
    const onUnreadable = (task: UnreadableTask) => void reported.push(task);
    await store.start(createStoreContext({ maxRecordBytes: LIMIT, onUnreadable, logger: log as never }));
    redis.closeAfterTest(() => store.shutdown());
    now = await store.now();
    await store.addTasks([
      makeTask('bad', { nextRunTime: now - 1_000, args: ['small'] }),
      makeTask('good', { nextRunTime: now - 1 }),
    ]);
  });

  it('a definition of 5 MB does not stop the process: it is left in the database, and listed as too large', async () => {
    const text = (await redis.admin.hget(tasksKey, 'bad'))!.replace('small', '#'.repeat(5_000_000));
    await redis.admin.hset(tasksKey, 'bad', text);
    expect(await claim()).toEqual(['good']);
    const expected = {
      id: 'bad',
      unreadable: 'too-large',
      message: `The record has ${text.length} bytes or more; at most ${LIMIT} are read (maxRecordBytes).`,
      handler: null,
      nextRunTime: now - 1_000,
    };
    expect(await store.lookupTask('bad')).toEqual(expected);
    expect(await store.getAllTasks()).toContainEqual(expected);
    expect(reported).toContainEqual(expected);
    const sort = { by: 'id', descending: false } as const;
    const { tasks } = await store.query({ state: 'unreadable' }, sort, { offset: 0, limit: 9 });
    expect(tasks).toEqual([expected]);
  });

  it('a state of 5 MB is too large as well', async () => {
    await redis.admin.hset(key('states'), 'bad', '#'.repeat(5_000_000));
    expect(await claim()).toEqual(['good']);
    expect(await store.lookupTask('bad')).toMatchObject({ unreadable: 'too-large', handler: 'work' });
  });

  it('a run with a result of 5 MB is in the history, with the reason in place of the result', async () => {
    await store.saveRuns([makeRun('r', { result: 'small' })]);
    const [[field, text]] = Object.entries(await redis.admin.hgetall(key('runs'))) as [[string, string]];
    await redis.admin.hset(key('runs'), field, text.replace('small', '#'.repeat(5_000_000)));
    for (const filter of [{}, { runId: 'r' }]) {
      const { runs } = await store.runs(filter, { limit: 5 });
      expect(runs).toMatchObject([{ id: 'r', error: { code: 'ASYNCZ_OUTCOME_UNREADABLE' } }]);
      expect(runs[0]!.error!.message).toContain('too-large');
    }
  });

  it('an entry in the index of due times stops no claim, and is logged', async () => {
    const [first, second] = await redis.admin.zrange(key('due'), 0, -1);
    await redis.admin.zadd(key('due'), '-inf', 'x', '+inf', 'y', 7, first!);
    expect(await store.nextDueFor({ handlers: null })).toBe(now - 1_000);
    expect(await claim()).toEqual(['bad', 'good']);
    const ofIndex = warnings.filter((text) => text.includes('index of due times'));
    expect(ofIndex).toEqual([expect.stringContaining('3 entries')]);
    const left = await redis.admin.zrange(key('due'), 0, -1, 'WITHSCORES');
    expect([left.length, left[1], left[3]]).toEqual([4, '0', '0']);
    expect(left).not.toContain(second);
  });

  it('a list of queues that somebody removed is there again after a start', async () => {
    await redis.admin.del(key('queues'));
    await redis.admin.zadd(key('queues'), 9e15, 'rubbish');
    const other = await redis.open();
    expect(await other.getNextRunTime()).toBe(now - 1_000);
    expect(await claim()).toEqual(['bad', 'good']);
  });

  it.each([
    ['priority', (columns: unknown[]) => (columns[4] = 7)],
    ['handler', (columns: unknown[]) => (columns[1] = 'other')],
    ['codec', (columns: unknown[]) => (columns[5] = '1:json:abc')],
  ])(
    'a task with another %s in its columns than in its record is inconsistent, and does not run',
    async (_, change) => {
      const [columns, ...rest] = (await redis.admin.hget(tasksKey, 'bad'))!.split('\n');
      const changed = JSON.parse(columns!) as unknown[];
      change(changed);
      await redis.admin.hset(tasksKey, 'bad', [JSON.stringify(changed), ...rest].join('\n'));
      expect(await claim()).toEqual(['good']);
      expect(await store.lookupTask('bad')).toMatchObject({ unreadable: 'inconsistent' });
      expect(reported.at(-1)).toMatchObject({ id: 'bad', unreadable: 'inconsistent' });
    },
  );
});
