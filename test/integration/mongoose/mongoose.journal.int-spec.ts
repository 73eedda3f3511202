import mongoose from 'mongoose';
import type { mongo } from 'mongoose';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Scheduler } from 'nestjs-asyncz';
import { createStoreContext, makeEntry } from 'nestjs-asyncz/testing';
import { MongooseStore } from 'nestjs-asyncz/mongoose';
import { useMongodb } from '../../support/mongodb.js';

const DATABASE = 'asyncz_journal';
const LIMIT = 4_000_000;
const T0 = 1_600_000_000_000;
const KINDS = ['tasks', 'runs', 'journal', 'schedulers', 'wakes'];

const server = useMongodb();
const collection = `journal_${process.pid}_tasks`;
let client: mongo.MongoClient;
let store: MongooseStore;
let commands: { readonly name: string; readonly command: mongo.Document }[];

const named = (kind: string) => client.db(DATABASE).collection<{ _id: string }>(collection.replace('tasks', kind));
const newStore = () => new MongooseStore({ client, database: DATABASE, collection });
const allIds = async () => (await store.journal({}, { limit: 2_000 })).entries.map(({ id }) => id);

beforeEach(async () => {
  client = new mongoose.mongo.MongoClient(server.url(), { monitorCommands: true });
  store = newStore();
  await store.start(createStoreContext({ maxRecordBytes: LIMIT }));
  commands = [];
  client.on('commandStarted', ({ commandName: name, command }) => commands.push({ name, command }));
});
afterEach(async () => {
  await store.shutdown();
  for (const kind of KINDS) await named(kind).drop();
  await client.close();
});

describe('the journal in MongoDB', () => {
  it('outlives the scheduler, and is read by an observer', async () => {
    const first = new Scheduler({ stores: { default: newStore() } });
    first.registerHandler('work', () => 1);
    await first.start();
    const ops = { actor: 'ada', reason: 'a try' };
    await first.addTask({ id: 'a', handler: 'work', trigger: { type: 'interval', every: '1h' }, ...ops });
    await first.pauseTask('a', { actor: 'bob', reason: 'too loud' });
    await first.deleteTask('a', ops);
    await first.shutdown();
    const later = new Scheduler({ stores: { default: newStore() }, role: 'observer' });
    await later.start();
    const { entries } = await later.getJournal({ taskId: 'a' });
    expect(entries.map(({ kind, actor, reason }) => [kind, actor, reason])).toEqual([
      ['task.deleted', 'ada', 'a try'],
      ['task.paused', 'bob', 'too loud'],
      ['task.added', 'ada', 'a try'],
    ]);
    expect((await later.getJournal({ actor: 'bob' })).entries).toEqual([entries[1]]);
    await later.shutdown();
  });

  it('is filtered and paged by the server, with one command', async () => {
    await store.appendJournal([1, 2, 3].map((at) => makeEntry(at, { time: T0 + at, taskId: 'a', scheduler: 'x' })));
    commands.length = 0;
    const filter = { taskId: 'a', kinds: ['task.paused'], scheduler: 'x', from: T0, to: T0 + 3 } as const;
    const cursor = makeEntry(2, { time: T0 + 2 }).id;
    const { entries, next } = await store.journal(filter, { limit: 7, cursor });
    expect([entries.map(({ id }) => id), next]).toEqual([[makeEntry(1, { time: T0 + 1 }).id], null]);
    expect(commands.map(({ name }) => name)).toEqual(['find']);
    const { filter: asked, sort, limit } = commands[0]!.command;
    expect(Object.assign({}, ...(asked as { $and: object[] }).$and)).toMatchObject({
      taskId: 'a',
      kind: { $in: ['task.paused'] },
      scheduler: 'x',
    });
    expect([Object.fromEntries(sort as Map<string, number>), limit]).toEqual([{ _id: -1 }, 8]);
  });

  it('is appended with one command, and what is there already is replaced with a second one', async () => {
    const entry = (number: number, details: object) => makeEntry(number, { details: { ...details } });
    await store.appendJournal([entry(1, { first: 1 }), entry(2, { first: 2 }), entry(2, { last: 2 })]);
    expect(commands.splice(0).map(({ name }) => name)).toEqual(['insert']);
    await store.appendJournal([entry(1, { again: 1 }), entry(3, { first: 3 })]);
    expect(commands.splice(0).map(({ name }) => name)).toEqual(['insert', 'update']);
    const { entries } = await store.journal({}, { limit: 9 });
    expect(entries.map(({ details }) => details)).toEqual([{ first: 3 }, { last: 2 }, { again: 1 }]);
  });

  it('is pruned in batches of a thousand, the oldest first, up to the limit', async () => {
    const entries = Array.from({ length: 1_205 }, (_, at) => makeEntry(at, { time: T0 + at }));
    await store.appendJournal(entries);
    commands.length = 0;
    expect(await store.pruneJournal({ before: T0 + 1_150, keep: 100, limit: 1_100 })).toBe(1_100);
    const deleted = commands.flatMap(({ name, command }) =>
      name === 'delete' ? (command.deletes as { q: { _id: { $in: string[] } } }[]) : [],
    );
    expect(deleted.map(({ q }) => q._id.$in.length)).toEqual([1_000, 100]);
    expect(await allIds()).toEqual(
      entries
        .slice(1_100)
        .map(({ id }) => id)
        .toReversed(),
    );
    expect(await store.pruneJournal({ before: T0 + 1_150, keep: 100, limit: 1_100 })).toBe(50);
    expect(await allIds()).toEqual(
      entries
        .slice(1_150)
        .map(({ id }) => id)
        .toReversed(),
    );
  });

  it('has its index made by a start, but not by one that only reads', async () => {
    await store.shutdown();
    await named('journal').dropIndex('asyncz_task');
    store = newStore();
    await store.start(createStoreContext({ readOnly: true }));
    const missing = `${named('journal').collectionName}.asyncz_task`;
    expect(await store.inspect()).toMatchObject([{ code: 'indexes-missing', details: { missing: [missing] } }]);
    await store.shutdown();
    await store.start(createStoreContext());
    expect(await store.inspect()).toEqual([]);
    expect(await named('journal').indexes()).toContainEqual(
      expect.objectContaining({ name: 'asyncz_task', key: { taskId: 1, _id: -1 } }),
    );
  });

  it('says of an entry of 5 MB that it is too large, and shows the others', async () => {
    await store.appendJournal([makeEntry(1), makeEntry(2, { reason: 'small' })]);
    await named('journal').updateOne({ _id: makeEntry(1).id }, { $set: { body: '{'.repeat(5_000_000) } });
    const { entries } = await store.journal({}, { limit: 5 });
    expect(entries).toEqual([
      makeEntry(2, { reason: 'small' }),
      expect.objectContaining({
        id: makeEntry(1).id,
        kind: 'task.paused',
        unreadable: expect.objectContaining({ reason: 'too-large' }) as unknown,
      }),
    ]);
  });
});
