import mongoose from 'mongoose';
import type { mongo } from 'mongoose';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createStoreContext, makeRun, makeTask } from 'nestjs-asyncz/testing';
import { MongooseStore } from 'nestjs-asyncz/mongoose';
import { standUnder } from '../../../lib/model/change.js';
import { resultOf, startDue } from '../../../lib/testing/plan.fixtures.js';
import { useMongodb } from '../../support/mongodb.js';
import { claimDue, finishRuns, renewLeases } from '../../../lib/testing/store.steps.js';

/** The stand-in reads every document for every query, so it is 130 here and not 1,000. */
const COUNT = 130;
const LEASE_MS = 600_000;
const DATABASE = 'asyncz_commands';

const server = useMongodb();
let client: mongo.MongoClient;
let store: MongooseStore;
let commands: string[];
/** What was asked of the group of tasks, where anything was. */
let groups: unknown[];
const collection = `commands_${process.pid}_tasks`;

beforeEach(async () => {
  client = new mongoose.mongo.MongoClient(server.url(), { monitorCommands: true });
  store = new MongooseStore({ client, database: DATABASE, collection });
  await store.start(createStoreContext());
  commands = [];
  groups = [];
  client.on('commandStarted', ({ commandName, command }) => {
    commands.push(commandName);
    if (commandName === 'find' && 'group' in command.filter) groups.push(command.filter.group);
  });
});
afterEach(async () => {
  await store.shutdown();
  for (const kind of ['tasks', 'runs', 'journal', 'schedulers']) {
    await client.db(DATABASE).collection(collection.replace('tasks', kind)).drop();
  }
  await client.close();
});

describe('the commands of a MongoDB store', () => {
  it('are few however many tasks are claimed, renewed and ended at once', async () => {
    const now = await store.now();
    await store.addTasks(Array.from({ length: COUNT }, (_, at) => makeTask(`t${at}`, { nextRunTime: now - 1 })));
    commands.length = 0;
    const request = { limit: COUNT, handlers: ['work'] };
    const { claimed } = await claimDue(store, request, startDue('x', LEASE_MS));
    const claiming = commands.splice(0);
    const held = claimed.flatMap(({ id, start }) =>
      start.map((run) => ({ taskId: id, runId: run.id, token: run.token })),
    );
    const { lost } = await renewLeases(store, held, LEASE_MS);
    const renewing = commands.splice(0);
    const { settled } = await finishRuns(
      store,
      claimed.map(({ task, start }) => resultOf(task!, start[0]!, 'succeeded')),
    );
    const finishing = commands.splice(0);
    expect([claimed.length, lost.length, settled.length]).toEqual([COUNT, 0, COUNT]);

    // A server of its own takes 100,000 writes in one command; the stand-in says that it takes 64.
    const { maxWriteBatchSize } = await client.db('admin').command({ hello: 1 });
    const pieces = Math.ceil(COUNT / Math.min(COUNT, maxWriteBatchSize)) - 1;
    const whole = {
      claiming: claiming.length - pieces,
      renewing: renewing.length - pieces,
      finishing: finishing.length - 2 * pieces,
    };
    console.log(
      `${COUNT} tasks: ${claiming.length} commands to claim, ${renewing.length} to renew, ${finishing.length} to end them; ` +
        `${whole.claiming}, ${whole.renewing} and ${whole.finishing} where the server takes them in one piece`,
    );
    // 1,000 tasks are two batches of 500: at most 60 commands for all of it.
    expect(2 * (whole.claiming + whole.renewing + whole.finishing)).toBeLessThanOrEqual(60);
    expect(whole).toEqual({ claiming: 3, renewing: 2, finishing: 4 });
  });

  it('are two to take any number of tasks, and two to end them with their history', async () => {
    const now = await store.now();
    await store.addTasks(Array.from({ length: 40 }, (_, at) => makeTask(`t${at}`, { nextRunTime: now - 1 })));
    const take = { limit: 20, handlers: ['work'], owner: 'x', leaseMs: LEASE_MS };
    commands.length = 0;
    const { taken } = await store.exchange({ take });
    expect(commands.splice(0)).toEqual(['find', 'update']);
    const write = taken!.tasks.map((one) => ({
      from: standUnder(one),
      task: null,
      history: [makeRun(`${one.task.id}@1`, { taskId: one.task.id, token: one.lease.token })],
    }));
    const next = await store.exchange({ write, take });
    expect(commands.splice(0)).toEqual(['insert', 'delete', 'find', 'update']);
    expect(next.written).toEqual({ lost: [], failed: [] });
    expect(next.taken!.tasks).toHaveLength(20);
    expect((await store.runs({}, { limit: 99 })).runs).toHaveLength(20);
  });

  it('are two for a claim of a single task', async () => {
    const now = await store.now();
    await store.addTask(makeTask('a', { nextRunTime: now - 1 }));
    const request = { limit: 5, handlers: ['work'] };
    commands.length = 0;
    const { claimed } = await claimDue(store, request, startDue('x', LEASE_MS));
    expect(claimed.map(({ id }) => id)).toEqual(['a']);
    expect(commands).toEqual(['find', 'update']);
  });

  it('are one for a poll that finds nothing due', async () => {
    await store.addTask(makeTask('later', { nextRunTime: (await store.now()) + 60_000 }));
    commands.length = 0;
    await store.nextDueFor({ handlers: ['work'] });
    expect(commands).toEqual(['find']);
    expect(groups).toEqual([]);
  });

  it('are one more while groups are full, and ask for the tasks of the others only', async () => {
    const now = await store.now();
    const task = (id: string, group: string | null, late: number) =>
      makeTask(id, { nextRunTime: now - late, policies: { group } });
    await store.addTasks([task('a', 'erp', 9), task('b', 'crm', 8), task('c', null, 7), task('d', 'later', -60_000)]);
    const filter = { handlers: ['work'], except: { group: ['erp'] } };
    for (const order of ['age', 'priority'] as const) {
      commands.length = 0;
      const request = { ...filter, order, limit: 1 };
      const { claimed } = await claimDue(store, request, startDue('x', LEASE_MS));
      expect(claimed.map(({ id }) => id)).toEqual([order === 'age' ? 'b' : 'c']);
      expect(commands).toEqual(['aggregate', 'find', 'update', 'update']);
    }
    // What is not due yet is in nobody's way.
    expect(groups.splice(0)).toEqual([{ $in: [null, 'crm'] }, { $in: [null] }]);
    commands.length = 0;
    expect(await store.nextDueFor(filter)).toBe(now + 60_000);
    expect(commands).toEqual(['aggregate', 'find']);
    expect(groups).toHaveLength(1);
  });

  it('ask for all but the full groups where there are more others than MongoDB merges', async () => {
    const now = await store.now();
    const tasks = Array.from({ length: 102 }, (_, at) =>
      makeTask(`t${at}`, { nextRunTime: now - 1_000 + at, policies: { group: `g${at}` } }),
    );
    await store.addTasks(tasks);
    expect(await store.nextDueFor({ handlers: ['work'], except: { group: ['g0'] } })).toBe(now - 999);
    expect(groups).toEqual([{ $nin: ['g0'] }]);
  });
});
