import { describe, expect, it } from 'vitest';
import { AsyncExecutor } from 'nestjs-asyncz';
import type { Apply, Selection, Transacted } from 'nestjs-asyncz/store';
import { ClusterStore, MemoryCluster, pass } from '../../../support/memory.cluster.js';

/** A store that compares and sets: a rival is faster with each due task the first time, so its plan is asked again. */
class ContestedStore extends ClusterStore {
  lost = 0;

  override async transact<T>(selection: Selection, apply: Apply<T>): Promise<Transacted<T>> {
    if (!('due' in selection)) return super.transact(selection, apply);
    return super.transact<T>(selection, (task, now, decided) => {
      if (apply(task, now, decided)) this.lost += 1;
      return apply(task, now, decided);
    });
  }
}

describe('a scheduler that loses every race the first time', () => {
  it('runs all the same with concurrency 1: a plan that lost a race keeps no room, and no task is written without a start', async () => {
    const cluster = new MemoryCluster();
    const store = new ContestedStore(cluster.disk);
    const done: string[] = [];
    const scheduler = await cluster.join(
      'one',
      { work: (_args, { task }) => void done.push(task.id) },
      { store, executors: { default: new AsyncExecutor({ concurrency: 1 }) } },
    );
    for (let at = 0; at < 5; at += 1) await scheduler.addTask({ id: `t${at}`, handler: 'work' });
    await pass(cluster, 2_000);
    expect(done.toSorted()).toEqual(['t0', 't1', 't2', 't3', 't4']);
    expect(store.lost).toBeGreaterThanOrEqual(5);
    expect(await scheduler.getTasks()).toEqual([]);
  });
});
