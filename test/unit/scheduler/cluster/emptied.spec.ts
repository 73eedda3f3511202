import { describe, expect, it } from 'vitest';
import type { Handler, Logger, Scheduler } from 'nestjs-asyncz';
import { recordEvents } from '../../../support/events.js';
import { ClusterStore, MemoryCluster, pass } from '../../../support/memory.cluster.js';

const DECLARED = { id: 'hourly', handler: 'work', trigger: { type: 'interval', hours: 1 } } as const;

/** A scheduler that declares a task, and what it tells. */
async function declaring(cluster: MemoryCluster, identity: string) {
  const lines: string[] = [];
  const logger: Logger = { debug() {}, info() {}, warn() {}, error: (line) => lines.push(line) };
  const handlers: Record<string, Handler> = { work: () => 1 };
  const scheduler = await cluster.join(identity, handlers, {
    logger,
    declared: [DECLARED],
    store: new ClusterStore(cluster.disk),
  });
  return { scheduler, lines, events: recordEvents(scheduler) };
}

const health = async (scheduler: Scheduler) => (await scheduler.getSchedulerInfo()).stores[0]!;

describe('a store that is emptied while schedulers run', () => {
  it('is reported once by each, and has what the code declares again soon', async () => {
    const cluster = new MemoryCluster();
    const both = [await declaring(cluster, 'one'), await declaring(cluster, 'two')];
    const [{ scheduler }] = both as [(typeof both)[0]];
    await scheduler.addTask({ id: 'once', handler: 'work', trigger: { type: 'date', runAt: '2040-01-01' } });
    await pass(cluster, 60_000, 1_000);
    expect((await health(scheduler)).emptiedAt).toBeNull();
    cluster.disk.rows.clear();
    await pass(cluster, 16_000, 1_000);
    expect((await scheduler.getTasks()).map(({ id }) => id)).toEqual(['hourly']);
    await pass(cluster, 120_000, 1_000);
    for (const { scheduler: one, lines, events } of both) {
      expect(lines).toEqual([expect.stringMatching(/the store "default".*emptied or replaced/)]);
      expect(events.filter(({ name }) => name === 'store.emptied')).toMatchObject([{ store: 'default' }]);
      expect((await health(one)).emptiedAt).toBeInstanceOf(Date);
    }
  });

  it('runs what is declared again by itself', async () => {
    const cluster = new MemoryCluster();
    const { scheduler, events } = await declaring(cluster, 'one');
    cluster.disk.rows.clear();
    await pass(cluster, 16_000, 1_000);
    await pass(cluster, 3_700_000, 10_000);
    expect(events.filter(({ name }) => name === 'run.succeeded')).not.toEqual([]);
    expect((await health(scheduler)).state).toBe('ok');
  });

  it('is mended later when it cannot be at once', async () => {
    const cluster = new MemoryCluster();
    const { scheduler, lines } = await declaring(cluster, 'one');
    cluster.disk.rows.clear();
    const mend = cluster.disk.failAfter(4);
    await pass(cluster, 40_000, 1_000);
    expect(mend()).toBe(true);
    await pass(cluster, 20_000, 1_000);
    expect((await scheduler.getTasks()).map(({ id }) => id)).toEqual(['hourly']);
    expect(lines.filter((line) => line.includes('emptied'))).toHaveLength(1);
  });

  it('is not said of one from which all tasks are removed', async () => {
    const cluster = new MemoryCluster();
    const { scheduler, lines } = await declaring(cluster, 'one');
    await scheduler.removeAllTasks();
    await pass(cluster, 60_000, 1_000);
    expect(lines).toEqual([]);
    expect(await scheduler.getTasks()).toEqual([]);
  });
});
