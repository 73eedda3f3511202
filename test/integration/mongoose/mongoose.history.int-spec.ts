import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createStoreContext, makeRun } from 'nestjs-asyncz/testing';
import { MongooseStore } from 'nestjs-asyncz/mongoose';
import type { RunRecord } from '../../../lib/model/run.js';
import { useMongodb } from '../../support/mongodb.js';

const DATABASE = 'asyncz_history';
const server = useMongodb();
const collection = `history_${process.pid}_tasks`;
let store: MongooseStore;

beforeEach(async () => {
  store = new MongooseStore({ client: server.client(), database: DATABASE, collection });
  await store.start(createStoreContext());
});
afterEach(async () => {
  await store.shutdown();
  for (const kind of ['tasks', 'runs', 'journal']) {
    await server.client().db(DATABASE).collection(collection.replace('tasks', kind)).drop();
  }
});

const run = (id: string, endedAt: number, fields: Partial<RunRecord> = {}) => makeRun(id, { endedAt, ...fields });
const left = async () => (await store.runs({}, { limit: 50 })).runs.map(({ id }) => id);

describe('pruning the history in MongoDB', () => {
  it('takes the oldest first, whatever their ends were, when it is cut short', async () => {
    await store.saveRuns([
      run('a', 1, { status: 'failed' }),
      run('b', 2),
      run('c', 3, { status: 'lost' }),
      run('d', 4, { status: 'cancelled' }),
      run('e', 5, { status: 'failed' }),
    ]);
    const options = { before: 100, keep: null, failedBefore: 100, limit: 3 };
    expect(await store.pruneRuns(options)).toBe(3);
    expect(await left()).toEqual(['e', 'd']);
  });

  it('counts the runs of each task without those that failed, and spares these', async () => {
    const failed = { status: 'failed', taskId: 'x' } as const;
    await store.saveRuns([
      run('x1', 1, { taskId: 'x' }),
      run('x2', 2, failed),
      run('x3', 3, { taskId: 'x' }),
      run('x4', 4, failed),
      run('y1', 1, { taskId: 'y' }),
      run('y2', 2, { taskId: 'y', status: 'lost' }),
    ]);
    const options = { before: null, keep: 1, failedBefore: 0, limit: 9 };
    expect(await store.pruneRuns(options)).toBe(1);
    expect((await left()).sort()).toEqual(['x2', 'x3', 'x4', 'y1', 'y2']);
    expect(await store.pruneRuns({ ...options, failedBefore: null })).toBe(3);
    expect((await left()).sort()).toEqual(['x4', 'y2']);
  });

  it('goes on where it was cut short while it takes both what is old and what is too much', async () => {
    await store.saveRuns([
      run('old', 1, { taskId: 'x' }),
      run('more', 10, { taskId: 'x' }),
      run('most', 11, { taskId: 'x' }),
      run('lost', 2, { taskId: 'x', status: 'lost' }),
    ]);
    const options = { before: 5, keep: 1, failedBefore: 5, limit: 2 };
    expect(await store.pruneRuns(options)).toBe(2);
    expect(await left()).toEqual(['most', 'more']);
    expect(await store.pruneRuns(options)).toBe(1);
    expect(await left()).toEqual(['most']);
    expect(await store.pruneRuns(options)).toBe(0);
  });
});
