import { describe, expect, it, onTestFinished } from 'vitest';
import { Scheduler } from '../../lib/scheduler/scheduler.js';
import { until } from '../../lib/testing/until.js';
import { clusterStores } from '../cluster/cluster.stores.js';
import type { Backing } from '../cluster/cluster.stores.js';
import { useMongodb } from '../support/mongodb.js';

const mongodb = useMongodb();
const KINDS = clusterStores(() => mongodb.url());

/** How many schedulers share the store. */
const NODES = 3;

type Work = (args: readonly unknown[]) => unknown;

/** Schedulers of one store, started. */
async function nodesOf(backing: Backing, work: Work): Promise<Scheduler[]> {
  const schedulers = Array.from({ length: NODES }, () => {
    const scheduler = new Scheduler({ stores: { default: backing.open() }, pollInterval: '100ms' });
    scheduler.registerHandler('work', work);
    return scheduler;
  });
  onTestFinished(async () => {
    await Promise.all(schedulers.map((scheduler) => scheduler.shutdown(0)));
    await backing.dispose();
  });
  // One after the other: the first makes the tables.
  for (const scheduler of schedulers) await scheduler.start();
  return schedulers;
}

const everywhere = <T>(nodes: readonly Scheduler[], times: number, ask: (node: Scheduler, n: number) => Promise<T>) =>
  Promise.all(Array.from({ length: nodes.length * times }, (_, n) => ask(nodes[n % nodes.length]!, n)));

describe.each(KINDS)('asking for work on $name', ({ create, slow }) => {
  it('adds one task of a key, however many nodes ask at the same time', async () => {
    const nodes = await nodesOf(create(), () => {});
    const tasks = await everywhere(nodes, 10, (node, n) =>
      node.addTask({ handler: 'work', args: [n], delay: '1h', dedupe: { key: 'k' } }),
    );
    const [first] = new Set(tasks.map(({ args }) => args[0]));
    expect(tasks.every(({ args }) => args[0] === first)).toBe(true);
    expect((await nodes[0]!.getTaskInfos()).total).toBe(1);
  });

  it('runs what was asked for last, once, after a storm of debounced calls', async () => {
    const calls: unknown[] = [];
    const nodes = await nodesOf(create(), ([n]) => void calls.push(n));
    await everywhere(nodes, 10, (node, n) =>
      node.addTask({ handler: 'work', args: [n], dedupe: { key: 'k', mode: 'debounce', for: '1h' } }),
    );
    expect(calls).toEqual([]);
    await nodes[1]!.addTask({ handler: 'work', args: ['last'], dedupe: { key: 'k', mode: 'debounce', for: '1s' } });
    await until(() => calls.length > 0, { what: 'the run' });
    await until(async () => (await nodes[0]!.getTaskInfos()).total === 0, { what: 'the end' });
    expect(calls).toEqual(['last']);
  });

  it('lets one through in each window, wherever it is asked for', async () => {
    const calls: unknown[] = [];
    const nodes = await nodesOf(create(), ([n]) => void calls.push(n));
    const ask = (key: string) =>
      everywhere(nodes, 5, (node, n) =>
        node.addTask({ handler: 'work', args: [key, n], dedupe: { key, mode: 'throttle', for: '1h' } }),
      );
    await ask('k');
    await until(() => calls.length > 0, { what: 'the run' });
    // Also after it has run.
    await until(
      async () => {
        const info = await nodes[0]!.getTaskInfo('work~k');
        return info?.state === 'finished';
      },
      { what: 'the end of the run' },
    );
    await ask('k');
    await ask('other');
    await until(() => calls.includes('other'), { what: 'the run of the other key' });
    expect(calls).toEqual(['k', 'other']);
  });

  it('makes a task the same from all nodes, and leaves it alone once it is so', async () => {
    const nodes = await nodesOf(create(), () => {});
    const trigger = { type: 'interval', hours: 1 } as const;
    const first = await nodes[0]!.upsertTask({ id: 'sync', handler: 'work', args: [1], trigger });
    const { nextRunTime, version } = first;
    await everywhere(nodes, 5, (node) => node.upsertTask({ id: 'sync', handler: 'work', args: [2], trigger }));
    expect(await nodes[2]!.getTaskInfo('sync')).toMatchObject({ args: [2], version: version + 1, nextRunTime });
  });

  it('gives the end of a run to whoever waits for it, on any node', async () => {
    const nodes = await nodesOf(create(), async ([n]) => {
      await new Promise((resolve) => setTimeout(resolve, 300));
      return n;
    });
    const { id } = await nodes[0]!.addTask({ handler: 'work', args: ['result'], delay: '1s' });
    const tasks = nodes.map((node) => node.waitForTask(id, { timeout: '30s' }));
    for (const run of await Promise.all(tasks)) expect(run).toMatchObject({ status: 'succeeded', result: 'result' });
    await nodes[0]!.addTask({ id: 'hourly', handler: 'work', args: [7], trigger: { type: 'interval', hours: 1 } });
    const runId = await nodes[1]!.runTask('hourly');
    const runs = nodes.map((node) => node.waitForRun(runId, { timeout: '30s' }));
    for (const run of await Promise.all(runs)) expect(run).toMatchObject({ id: runId, result: 7 });
    for (const node of nodes) expect(await node.getRun(runId)).toMatchObject({ status: 'succeeded', result: 7 });
  });

  it('changes all tasks that meet a filter, page by page, while others add and remove', async () => {
    const nodes = await nodesOf(create(), () => {});
    const trigger = { type: 'interval', hours: 1 } as const;
    const count = slow ? 50 : 250;
    const tasks = Array.from({ length: count }, (_, n) => ({ id: `t${n}`, handler: 'work', trigger, tags: ['erp'] }));
    await nodes[0]!.addTasks(tasks);
    const others = everywhere(nodes, 5, async (node, n) => {
      await node.deleteTask(`t${n * 3}`);
      await node.addTask({ id: `a${n}`, handler: 'work', trigger, tags: ['other'] });
    });
    const { changed, refused } = await nodes[1]!.pauseTasks({ tag: 'erp' }, { actor: 'ada' });
    await others;
    expect(refused).toBe(0);
    expect(changed).toBeGreaterThanOrEqual(count - 15);
    expect((await nodes[2]!.getTaskInfos({ tag: 'erp', state: 'paused' })).total).toBe(count - 15);
    expect((await nodes[2]!.getTaskInfos({ tag: 'other', state: 'scheduled' })).total).toBe(15);
    expect(await nodes[0]!.resumeTasks({ state: 'paused' })).toEqual({ changed: count - 15, unchanged: 0, refused: 0 });
    expect(await nodes[2]!.deleteTasks({ tag: 'erp' })).toEqual({ changed: count - 15, unchanged: 0, refused: 0 });
    expect((await nodes[1]!.getTaskInfos()).total).toBe(15);
  });
});
