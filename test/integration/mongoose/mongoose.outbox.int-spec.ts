import type { mongo } from 'mongoose';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createStoreContext, makeRun, makeTask } from 'nestjs-asyncz/testing';
import { MongooseStore } from 'nestjs-asyncz/mongoose';
import { useMongodb } from '../../support/mongodb.js';

interface StoredDocument {
  _id: string;
  [field: string]: unknown;
}

const DATABASE = 'asyncz_outbox';
const server = useMongodb();
const collection = `outbox_${process.pid}_tasks`;
let store: MongooseStore;
let tasks: mongo.Collection<StoredDocument>;
let runs: mongo.Collection<StoredDocument>;

beforeEach(async () => {
  const database = server.client().db(DATABASE);
  tasks = database.collection(collection);
  runs = database.collection(collection.replace('tasks', 'runs'));
  store = await open();
});
afterEach(async () => {
  await store.shutdown();
  await tasks.drop();
  await runs.drop();
  for (const kind of ['journal', 'schedulers']) {
    await server.client().db(DATABASE).collection(collection.replace('tasks', kind)).drop();
  }
});

async function open(): Promise<MongooseStore> {
  const opened = new MongooseStore({ client: server.client(), database: DATABASE, collection });
  await opened.start(createStoreContext());
  return opened;
}

/**
 * Leaves what a process leaves that dies between changing a task and copying its ended run to the history.
 *
 * @param ageMs How long ago.
 */
async function dieBeforeCopying(id: string, { ageMs, removed }: { ageMs: number; removed: boolean }): Promise<void> {
  await store.addTask(makeTask(id));
  await store.saveRuns([makeRun(`${id}@1`, { taskId: id, result: { of: id } })]);
  const row = await runs.findOneAndDelete({ taskId: id });
  const outbox = { outbox: [row], outboxBy: `writer of ${id}`, outboxAt: (await store.now()) - ageMs };
  const gone = { gone: true, dueAt: null, version: 2 };
  await tasks.updateOne({ _id: id }, { $set: { ...outbox, ...(removed && gone) } });
}

async function history(): Promise<string[]> {
  return (await store.runs({}, { limit: 10 })).runs.map(({ id }) => id).sort();
}

async function outboxes(): Promise<number> {
  return tasks.countDocuments({ outboxBy: { $gt: '' } });
}

describe('an ended run that was not copied to the history', () => {
  it('is copied by the next process that starts, and the removed task goes', async () => {
    await dieBeforeCopying('kept', { ageMs: 60_000, removed: false });
    await dieBeforeCopying('removed', { ageMs: 60_000, removed: true });
    expect(await history()).toEqual([]);
    const other = await open();
    expect(await history()).toEqual(['kept@1', 'removed@1']);
    expect(await outboxes()).toBe(0);
    expect(await tasks.countDocuments()).toBe(1);
    const { runs: ended } = await store.runs({ taskId: 'removed' }, { limit: 1 });
    expect(ended[0]!.result).toEqual({ of: 'removed' });
    await other.shutdown();
  });

  it('is left to its writer while that may still be at it', async () => {
    await dieBeforeCopying('a', { ageMs: 0, removed: false });
    const other = await open();
    expect(await history()).toEqual([]);
    expect(await outboxes()).toBe(1);
    await other.shutdown();
  });

  it('is carried along by the next change of the task', async () => {
    await dieBeforeCopying('a', { ageMs: 0, removed: false });
    await store.transact({ ids: ['a'] }, (task) => ({
      task,
      history: [makeRun('a@2', { taskId: 'a' })],
      value: null,
    }));
    expect(await history()).toEqual(['a@1', 'a@2']);
    expect(await outboxes()).toBe(0);
  });

  it('survives the removal of its task', async () => {
    for (const id of ['a', 'b', 'c']) await dieBeforeCopying(id, { ageMs: 0, removed: false });
    await store.transact({ ids: ['a'] }, () => ({ task: null, history: [], value: null }));
    expect(await store.deleteTask('b')).toBe(true);
    expect(await store.removeAllTasks()).toBe(1);
    expect(await history()).toEqual(['a@1', 'b@1', 'c@1']);
    expect(await tasks.countDocuments()).toBe(0);
  });

  it('does not hold the id of a removed task, which nobody sees any more', async () => {
    await dieBeforeCopying('a', { ageMs: 0, removed: true });
    await dieBeforeCopying('b', { ageMs: 0, removed: true });
    expect(await store.lookupTask('a')).toBeNull();
    expect(await store.getAllTasks()).toEqual([]);
    const { total } = await store.query({}, { by: 'id', descending: false }, { offset: 0, limit: 5 });
    expect(total).toBe(0);
    const { committed, missing } = await store.transact({ ids: ['a'] }, (task) => ({ task, history: [], value: null }));
    expect([committed.length, missing]).toEqual([0, ['a']]);
    await expect(store.updateTask({ ...makeTask('a'), version: 3 }, 2)).rejects.toMatchObject({
      code: 'ASYNCZ_TASK_NOT_FOUND',
    });
    expect(await store.deleteTask('a')).toBe(false);
    await store.addTask(makeTask('a', { name: 'again' }));
    expect(await store.lookupTask('a')).toMatchObject({ version: 1, definition: { name: 'again' } });
    expect(await store.removeAllTasks()).toBe(1);
    expect(await history()).toEqual(['a@1', 'b@1']);
  });
});

describe('a claimer that dies between reserving and writing', () => {
  it('holds a task up for the time of the reservation, and no longer', async () => {
    const now = await store.now();
    await store.addTask(makeTask('a', { nextRunTime: now - 1 }));
    const due = { due: { limit: 5, handlers: null } };
    const reserve = (until: number) =>
      tasks.updateOne({ _id: 'a' }, { $set: { reservedUntil: until, reservedBy: 'dead' } });
    const claim = () => store.transact(due, (task) => ({ task, history: [], value: null }));
    await reserve(now + 60_000);
    expect((await claim()).committed).toEqual([]);
    expect(await store.nextDueFor({ handlers: null })).toBeNull();
    expect(await store.getNextRunTime()).toBe(now - 1);
    await reserve(now - 1);
    expect(await store.nextDueFor({ handlers: null })).toBe(now - 1);
    expect((await claim()).committed.map(({ id }) => id)).toEqual(['a']);
  });
});
