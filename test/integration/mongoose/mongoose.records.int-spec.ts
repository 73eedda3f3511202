import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createStoreContext, makeRun, makeTask } from 'nestjs-asyncz/testing';
import { MongooseStore } from 'nestjs-asyncz/mongoose';
import type { UnreadableTask } from '../../../lib/model/task.js';
import { startDue } from '../../../lib/testing/plan.fixtures.js';
import { claimDue } from '../../../lib/testing/store.steps.js';
import { useMongodb } from '../../support/mongodb.js';

const DATABASE = 'asyncz_records';
const LIMIT = 4_000_000;
const server = useMongodb();
const collection = `records_${process.pid}_tasks`;
let store: MongooseStore;
let reported: UnreadableTask[];
let now: number;

const rows = (kind: 'tasks' | 'runs' | 'journal') =>
  server.client().db(DATABASE).collection<{ _id: string }>(collection.replace('tasks', kind));

beforeEach(async () => {
  reported = [];
  store = new MongooseStore({ client: server.client(), database: DATABASE, collection });
  const onUnreadable = (task: UnreadableTask) => reported.push(task);
  await store.start(createStoreContext({ maxRecordBytes: LIMIT, onUnreadable }));
  now = await store.now();
  await store.addTasks([
    makeTask('bad', { nextRunTime: now - 1_000, args: ['small'] }),
    makeTask('good', { nextRunTime: now - 1 }),
  ]);
});
afterEach(async () => {
  await store.shutdown();
  for (const kind of ['tasks', 'runs', 'journal'] as const) await rows(kind).drop();
});

describe('records that somebody else wrote, on MongoDB', () => {
  const claim = async () => {
    const request = { limit: 10, handlers: ['work'] };
    return (await claimDue(store, request, startDue('me', 60_000))).claimed.map(({ id }) => id);
  };

  it('a definition of 5 MB is not looked into: it stays, and is listed as too large', async () => {
    await rows('tasks').updateOne({ _id: 'bad' }, { $set: { definition: '{'.repeat(5_000_000) } });
    expect(await claim()).toEqual(['good']);
    expect(await store.lookupTask('bad')).toMatchObject({ id: 'bad', unreadable: 'too-large', handler: 'work' });
    expect(reported.at(-1)).toMatchObject({ id: 'bad', unreadable: 'too-large' });
  });

  it('a run with a result of 5 MB is in the history, with the reason in place of the result', async () => {
    await store.saveRuns([makeRun('r', { result: 'small' })]);
    await rows('runs').updateOne({}, { $set: { outcome: '{'.repeat(5_000_000) } });
    const [run] = (await store.runs({}, { limit: 5 })).runs;
    expect(run).toMatchObject({ id: 'r', error: { code: 'ASYNCZ_OUTCOME_UNREADABLE' } });
    expect(run!.error!.message).toContain('too-large');
  });

  it.each([
    ['priority', 'high', 'inconsistent'],
    ['dueAt', 12, 'inconsistent'],
    ['handler', 'other', 'inconsistent'],
    ['executor', 7, 'inconsistent'],
    ['codec', '1:json:abc', 'inconsistent'],
    ['tags', 5, 'inconsistent'],
    ['version', Number.MAX_SAFE_INTEGER, 'damaged'],
    ['state', 7, 'damaged'],
  ])(
    'a task with another %s than its record has does not run, and is listed with the reason',
    async (field, value, reason) => {
      await rows('tasks').updateOne({ _id: 'bad' }, { $set: { [field]: value } });
      expect(await claim()).toEqual(['good']);
      expect(await store.lookupTask('bad')).toMatchObject({ unreadable: reason });
    },
  );
});
