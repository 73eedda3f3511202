import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createStoreContext, makeRun, makeTask } from 'nestjs-asyncz/testing';
import { MongooseStore } from 'nestjs-asyncz/mongoose';
import { standUnder } from '../../../lib/model/change.js';
import type { RunRecord } from '../../../lib/model/run.js';
import type { TaskRecord } from '../../../lib/model/task.js';
import { SILENT_LOGGER } from '../../../lib/model/logger.js';
import { collectionsOf } from '../../../lib/stores/mongoose/mongoose.documents.js';
import type { Collections } from '../../../lib/stores/mongoose/mongoose.documents.js';
import { MongooseOutbox } from '../../../lib/stores/mongoose/mongoose.outbox.js';
import { MongooseTasks } from '../../../lib/stores/mongoose/mongoose.tasks.js';
import { MongooseTransactor } from '../../../lib/stores/mongoose/mongoose.transaction.js';
import { useMongodb } from '../../support/mongodb.js';

const DATABASE = 'asyncz_races';
const server = useMongodb();
const collection = `races_${process.pid}_tasks`;
let other: MongooseStore;
let collections: Collections;

beforeEach(async () => {
  other = new MongooseStore({ client: server.client(), database: DATABASE, collection });
  await other.start(createStoreContext());
  collections = collectionsOf(server.client().db(DATABASE), collection);
});
afterEach(async () => {
  await other.shutdown();
  for (const kind of ['tasks', 'runs', 'journal', 'schedulers'] as const) await collections[kind].drop();
});

/** Lets something happen in between what is read and what is written. */
class MeddlingOutbox extends MongooseOutbox {
  readonly meddling: (() => Promise<unknown>)[] = [];

  override async save(...args: Parameters<MongooseOutbox['save']>): Promise<void> {
    await this.meddling.shift()?.();
    await super.save(...args);
  }
}

/** @param meddling What others do in between, before the first write and before further ones. */
function transactorWith(...meddling: (() => Promise<unknown>)[]): MongooseTransactor {
  const outbox = new MeddlingOutbox(collections, SILENT_LOGGER);
  outbox.meddling.push(...meddling);
  const tasks = new MongooseTasks(collections.tasks, createStoreContext().createCodec(), () => {});
  return new MongooseTransactor(tasks, outbox, () => other.now());
}

const counted = (task: TaskRecord) => ({
  task: { ...task, state: { ...task.state, scheduledCount: task.state.scheduledCount + 1 } },
  history: [],
  value: null,
});

const edit = (change: object) => () =>
  other.transact({ ids: ['a'] }, (task) => ({
    task: { ...task, state: { ...task.state, ...change } },
    history: [],
    value: null,
  }));

async function task(): Promise<TaskRecord> {
  return (await other.lookupTask('a')) as TaskRecord;
}

describe('what happens between reading a task and writing it', () => {
  it('is decided about again when it is an edit', async () => {
    await other.addTasks([makeTask('a'), makeTask('b')]);
    const transactor = transactorWith(edit({ failuresInARow: 7 }), edit({ failuresInARow: 8 }));
    const { committed, failed } = await transactor.run({ ids: ['a', 'b'] }, counted);
    expect(committed.map(({ id, task: now }) => [id, now!.version])).toEqual([
      ['a', 4],
      ['b', 2],
    ]);
    expect(failed).toEqual([]);
    expect((await task()).state).toMatchObject({ failuresInARow: 8, scheduledCount: 1 });
  });

  it.each([1, 5])('is left at that when a claim of up to %i finds the task not due any more', async (limit) => {
    const now = await other.now();
    await other.addTask(makeTask('a', { nextRunTime: now - 1 }));
    const transactor = transactorWith(edit({ nextRunTime: now + 60_000 }));
    const { committed, failed } = await transactor.run({ due: { limit, handlers: null } }, counted);
    expect([committed, failed]).toEqual([[], []]);
    expect((await task()).state).toMatchObject({ scheduledCount: 0, nextRunTime: now + 60_000 });
  });

  it.each([1, 5])('is left at that when a claim of up to %i finds the task in a full group', async (limit) => {
    const now = await other.now();
    await other.addTask(makeTask('a', { nextRunTime: now - 1 }));
    const transactor = transactorWith(async () => {
      const { definition } = await task();
      const policies = { ...definition.policies, group: 'erp' };
      const moved = { ...(await task()), version: 2, definition: { ...definition, policies } };
      await other.updateTask(moved, 1);
    });
    const due = { limit, handlers: null, except: { group: ['erp'] } };
    const { committed, failed } = await transactor.run({ due }, counted);
    expect([committed, failed]).toEqual([[], []]);
    expect(await task()).toMatchObject({ version: 2, state: { scheduledCount: 0 } });
  });

  it('is left to the next claim when it is an edit of the only due task', async () => {
    const now = await other.now();
    await other.addTask(makeTask('a', { nextRunTime: now - 1 }));
    const transactor = transactorWith(edit({ failuresInARow: 7 }));
    const reads = vi.spyOn(collections.tasks, 'find');
    const due = { limit: 5, handlers: null };
    const { committed, failed } = await transactor.run({ due }, counted);
    expect([committed, failed]).toEqual([[], []]);
    // Whoever is too late knows it from the answer, and asks for nothing more.
    expect(reads).toHaveBeenCalledTimes(1);
    expect((await task()).state).toMatchObject({ failuresInARow: 7, scheduledCount: 0 });
    expect(await other.nextDueFor({ handlers: null })).toBe(now - 1);
    const again = await transactor.run({ due }, counted);
    expect(again.committed.map(({ id }) => id)).toEqual(['a']);
  });

  it('leaves no ended run in the history that was decided about before', async () => {
    await other.addTask(makeTask('a'));
    const ended = makeRun('a@1', { taskId: 'a' });
    const transactor = transactorWith(edit({ failuresInARow: 7 }));
    const { committed } = await transactor.run({ ids: ['a'] }, (read) =>
      read.state.failuresInARow === 7 ? null : { task: read, history: [ended], value: null },
    );
    expect(committed).toEqual([]);
    expect((await other.runs({}, { limit: 5 })).runs).toEqual([]);
  });

  it('is a missing task when it was removed', async () => {
    await other.addTask(makeTask('a'));
    const transactor = transactorWith(() => other.deleteTask('a'));
    const { committed, missing } = await transactor.run({ ids: ['a'] }, counted);
    expect([committed, missing]).toEqual([[], ['a']]);
    expect(await other.lookupTask('a')).toBeNull();
  });

  it('is another task when it was removed and added again under its id', async () => {
    await other.addTask(makeTask('a', { state: { scheduledCount: 50 } }));
    const transactor = transactorWith(async () => {
      await other.deleteTask('a');
      await other.addTask(makeTask('a', { name: 'again' }));
    });
    const { committed } = await transactor.run({ ids: ['a'] }, counted);
    expect(committed[0]!.task).toMatchObject({ version: 2, definition: { name: 'again' } });
    expect((await task()).state.scheduledCount).toBe(1);
  });

  it('fails that task alone, with the reason, when it does not end', async () => {
    await other.addTasks([makeTask('a'), makeTask('b')]);
    const forever = Array.from({ length: 50 }, (_, at) => edit({ failuresInARow: at }));
    const { committed, failed } = await transactorWith(...forever).run({ ids: ['a', 'b'] }, counted);
    expect(committed.map(({ id }) => id)).toEqual(['b']);
    expect(failed).toMatchObject([{ id: 'a', error: { code: 'ASYNCZ_VERSION_CONFLICT' } }]);
    await expect(transactorWith(...forever).run({ ids: ['a'] }, counted)).rejects.toMatchObject({
      code: 'ASYNCZ_VERSION_CONFLICT',
    });
  });

  it('gives a reserved task back that is not changed after all', async () => {
    const now = await other.now();
    await other.addTask(makeTask('a', { nextRunTime: now - 1 }));
    await transactorWith().run({ due: { limit: 1, handlers: null } }, () => null);
    expect(await other.nextDueFor({ handlers: null })).toBe(now - 1);
    expect(await task()).toMatchObject({ version: 1 });
  });

  it('is not taken for a write of its own that several others followed', async () => {
    await other.addTasks([makeTask('a'), makeTask('b')]);
    // The second task makes the batch come out one short, so that it is looked after what was written.
    const transactor = transactorWith(async () => {
      await other.deleteTask('b');
      await other.addTask(makeTask('b', { name: 'again' }));
    });
    const { committed } = await transactor.run({ ids: ['a', 'b'] }, counted);
    expect(committed.map(({ id, task: now }) => [id, now!.state.scheduledCount, now!.version])).toEqual([
      ['a', 1, 2],
      ['b', 1, 2],
    ]);
    expect((await task()).state.scheduledCount).toBe(1);
  });
});

describe('ended runs that are too large for the document of their task', () => {
  it('are kept all the same', async () => {
    await other.addTask(makeTask('a'));
    const ended = Array.from({ length: 4 }, (_, at) =>
      makeRun(`a@${at}`, { taskId: 'a', endedAt: 1_000 - at, result: 'x'.repeat(900_000) }),
    );
    await other.transact({ ids: ['a'] }, (read) => ({ task: read, history: ended, value: null }));
    const { runs } = await other.runs({}, { limit: 9 });
    expect(runs.map(({ id }) => id)).toEqual(ended.map(({ id }) => id));
    expect((await task()).version).toBe(2);
    await other.transact({ ids: ['a'] }, () => ({ task: null, history: ended, value: null }));
    expect(await other.lookupTask('a')).toBeNull();
  });
});

describe('an end that somebody else was faster with', () => {
  /** Takes the task, has somebody else do something, and ends it as if nothing had been. */
  async function endedAfter(meddle: (run: RunRecord) => Promise<unknown>, history: readonly object[] = [{}]) {
    await other.addTask(makeTask('a', { nextRunTime: (await other.now()) - 1 }));
    const { taken } = await other.exchange({ take: { limit: 1, handlers: null, owner: 'me', leaseMs: 600_000 } });
    const [one] = taken!.tasks;
    const run = makeRun('a@1', { taskId: 'a', token: one!.lease.token });
    await meddle(run);
    const records = history.map((fields) => ({ ...run, ...fields }));
    const { written } = await other.exchange({ write: [{ from: standUnder(one!), task: null, history: records }] });
    return { written, runs: (await other.runs({}, { limit: 9 })).runs };
  }
  const lostBy = (run: RunRecord) => other.saveRuns([{ ...run, status: 'lost' as const, result: undefined }]);

  it('leaves no run behind', async () => {
    const { written, runs } = await endedAfter(edit({ failuresInARow: 3 }));
    expect([written.lost, runs]).toEqual([['a'], []]);
  });

  it('leaves what they have recorded of the run', async () => {
    const { written, runs } = await endedAfter(async (run) => {
      await edit({ failuresInARow: 3 })();
      await lostBy(run);
    });
    expect(written.lost).toEqual(['a']);
    expect(runs.map(({ status }) => status)).toEqual(['lost']);
  });

  it('takes the place of what is recorded when it is written', async () => {
    const { written, runs } = await endedAfter(lostBy);
    expect(written.lost).toEqual([]);
    expect(runs.map(({ status }) => status)).toEqual(['succeeded']);
    expect(await other.lookupTask('a')).toBeNull();
  });

  it('does not take ended runs along that still stand in the document of its task', async () => {
    const { written } = await endedAfter(() =>
      collections.tasks.updateOne({ _id: 'a' }, { $set: { outbox: [], outboxBy: 'somebody', outboxAt: 0 } }),
    );
    expect(written.lost).toEqual(['a']);
    expect(await other.lookupTask('a')).not.toBeNull();
  });
});
