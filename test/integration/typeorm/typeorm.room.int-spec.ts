import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DataSource } from 'typeorm';
import type { Apply } from '../../../lib/model/change.js';
import { AsyncExecutor } from '../../../lib/executors/async.executor.js';
import { Scheduler } from '../../../lib/scheduler/scheduler.js';
import type { Claimed } from '../../../lib/scheduler/plan/claim.plan.js';
import type { Selection, Transacted } from 'nestjs-asyncz/store';
import { TypeormStore } from '../../../lib/stores/typeorm/typeorm.store.js';
import { createStoreContext } from '../../../lib/testing/store-context.js';
import { makeTask } from '../../../lib/testing/task.fixtures.js';
import { comparing, dropTables } from './support/databases.js';

const PREFIX = `room_${process.pid}`;
const TASKS = 400;
const CONCURRENCY = 8;

/** Counts what claims decide and what of it is written. */
class CountingStore extends TypeormStore {
  /** How many decisions about due tasks were made, those of lost races among them. */
  decided = 0;
  written = 0;
  /** Due tasks that were written although none of their runs starts. */
  readonly startNothing: string[] = [];

  override async transact<T>(selection: Selection, apply: Apply<T>): Promise<Transacted<T>> {
    if ('ids' in selection) return super.transact(selection, apply);
    const result = await super.transact<T>(selection, (task, now, decided) => {
      const change = apply(task, now, decided);
      if (change) this.decided += 1;
      return change;
    });
    for (const { id, value } of result.committed) {
      this.written += 1;
      if ((value as Claimed).start.length === 0) this.startNothing.push(id);
    }
    return result;
  }
}

describe('the room of schedulers that claim at the same time by compare-and-set', () => {
  const database = comparing();
  let dataSource: DataSource;
  beforeAll(async () => {
    dataSource = await database.open();
  });
  afterAll(async () => {
    await dropTables(dataSource, PREFIX);
    await dataSource.destroy();
  });

  it('is not used up by decisions that were not written: what is claimed starts', async () => {
    const settings = { ...database.settings, dataSource, tableName: PREFIX };
    const stores = Array.from({ length: 3 }, () => new CountingStore(settings));
    const filling = new TypeormStore(settings);
    await filling.start(createStoreContext());
    const due = (await filling.now()) - 1_000;
    await filling.addTasks(Array.from({ length: TASKS }, (_, at) => makeTask(`t${at}`, { nextRunTime: due })));
    await filling.shutdown();
    let ran = 0;
    let allRan = () => {};
    const done = new Promise<void>((resolve) => (allRan = resolve));
    const schedulers = stores.map((store, at) => {
      const executors = { default: new AsyncExecutor({ concurrency: CONCURRENCY }) };
      const scheduler = new Scheduler({ identity: `s${at}`, stores: { default: store }, executors, startPaused: true });
      scheduler.registerHandler('work', async () => {
        await new Promise((resolve) => setImmediate(resolve));
        ran += 1;
        if (ran === TASKS) allRan();
      });
      return scheduler;
    });
    await Promise.all(schedulers.map((scheduler) => scheduler.start()));
    for (const scheduler of schedulers) scheduler.resume();
    await done;
    await Promise.all(schedulers.map((scheduler) => scheduler.shutdown()));
    const sum = (count: (store: CountingStore) => number) => stores.reduce((total, store) => total + count(store), 0);
    expect(ran).toBe(TASKS);
    expect(stores.flatMap(({ startNothing }) => startNothing)).toEqual([]);
    expect(sum(({ written }) => written)).toBe(TASKS);
    expect(
      sum(({ decided }) => decided),
      'no race was lost, so this shows nothing',
    ).toBeGreaterThan(TASKS);
  });
});
