import { expect } from 'vitest';
import { pause, until } from '../cluster.bench.js';
import type { ClusterBench, Worker } from '../cluster.bench.js';
import { taskOf } from '../ledger.js';
import { judge, report } from '../verdict.js';

const ASKED = { actor: 'operator', reason: 'the scenario' };

/** From a client that runs nothing: run and await, cancel, pause and resume, drain, and redrive, all of them elsewhere. */
export async function control(bench: ClusterBench): Promise<void> {
  const { client, kind } = bench;
  const workers = await bench.startMany(2);
  const hours = { type: 'interval', hours: 1 } as const;
  await client.addTask({ id: 'quick', handler: 'work', args: [1], trigger: hours });
  await client.addTask({ id: 'long', handler: 'work', args: [60_000], trigger: hours });
  const figures = {
    'run and await ms': await timed(async () => {
      const run = await client.waitForRun(await client.runTask('quick', ASKED), { timeout: '30s' });
      expect(run).toMatchObject({ status: 'succeeded', result: 1, request: ASKED });
    }),
    'cancel ms': await cancelOne(bench),
    'pause ms': await pauseOne(bench),
    'drain ms': await drainOne(bench, workers),
    'redriven runs': await redriveOne(bench),
  };
  const started = bench.ledger.count('S');
  report(
    'control',
    kind.name,
    { ...judge(bench.ledger, { least: [], most: [] }), expected: started, started },
    figures,
  );
}

async function timed(work: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await work();
  return Math.round(performance.now() - start);
}

const starts = ({ ledger }: ClusterBench, taskId: string) =>
  ledger.lines().filter(({ kind, runId }) => kind === 'S' && taskOf(runId) === taskId);

async function cancelOne(bench: ClusterBench): Promise<number> {
  const { client } = bench;
  const runId = await client.runTask('long');
  await until('it is under way', () => starts(bench, 'long').length === 1);
  return timed(async () => {
    await client.cancelRun(runId, ASKED);
    const run = await client.waitForRun(runId, { timeout: '30s' });
    expect(run).toMatchObject({ status: 'cancelled', cancel: ASKED });
  });
}

/** What is paused is not started from the moment on at which the pause is acknowledged. */
async function pauseOne(bench: ClusterBench): Promise<number> {
  const { client } = bench;
  await client.addTask({ id: 'often', handler: 'work', trigger: { type: 'interval', milliseconds: 100 } });
  await until('it runs', () => starts(bench, 'often').length >= 3);
  await client.pauseTask('often', ASKED);
  const pausedAt = Date.now();
  await pause(10 * 100);
  // A claim that was made before the pause may start its run a moment after it.
  const after = starts(bench, 'often').filter(({ wall }) => wall > pausedAt);
  expect(after.length).toBeLessThanOrEqual(1);
  const before = starts(bench, 'often').length;
  const tookMs = await timed(async () => {
    await client.resumeTask('often', ASKED);
    await until('it runs again', () => starts(bench, 'often').length > before);
  });
  expect(await client.getTaskInfo('often')).toMatchObject({ control: { action: 'resume', ...ASKED } });
  await client.deleteTask('often');
  return tookMs;
}

async function drainOne(bench: ClusterBench, [first, second]: readonly Worker[]): Promise<number> {
  const { client, ledger } = bench;
  const instance = (await client.getSchedulerInstanceInfos()).find(({ pid }) => pid === first!.process.pid)!;
  const tookMs = await timed(() => client.drainScheduler(instance.identity, { ...ASKED, wait: true, timeout: '60s' }));
  const before = ledger.count('S', first!.ledger);
  for (let count = 0; count < 5; count += 1) {
    await client.waitForRun(await client.runTask('quick'), { timeout: '30s' });
  }
  expect(ledger.count('S', first!.ledger)).toBe(before);
  expect(ledger.count('S', second!.ledger)).toBeGreaterThanOrEqual(5);
  const drained = (await client.getSchedulerInstanceInfos()).find(({ identity }) => identity === instance.identity);
  expect(drained).toMatchObject({ running: 0, drain: ASKED });
  await client.undrainScheduler(instance.identity);
  await bench.kill(second!);
  // The other one has to work again, or nobody would.
  await client.waitForRun(await client.runTask('quick'), { timeout: '90s' });
  expect(ledger.count('S', first!.ledger)).toBe(before + 1);
  return tookMs;
}

/** A run that must not be repeated by itself is lost with its process, and with it its task; somebody has it run again. */
async function redriveOne(bench: ClusterBench): Promise<number> {
  const { client } = bench;
  const victim = await bench.start({ handlers: ['fragile'] });
  await client.addTask({ id: 'once', handler: 'fragile', args: [60_000], delivery: 'at-most-once' });
  await until('it is under way', () => starts(bench, 'once').length === 1);
  await bench.kill(victim);
  await bench.start({ handlers: ['fragile'] });
  const dead = async () => (await client.getRuns({ dead: true, taskId: 'once' })).runs;
  await until('it is given up', async () => (await dead()).length === 1);
  expect(await client.getTaskInfo('once')).toBeNull();
  const { id } = (await dead())[0]!;
  await client.redriveRun(id, ASKED);
  await until('it is under way again', () => starts(bench, 'once').length === 2);
  await client.cancelRun(id, ASKED);
  const run = await client.waitForRun(id, { timeout: '30s' });
  expect(run).toMatchObject({ attempt: 2, source: 'redrive', request: ASKED, status: 'cancelled' });
  expect(await dead()).toEqual([]);
  return 1;
}
