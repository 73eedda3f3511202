import { describe, expect, it } from 'vitest';
import { InvalidOptionError, Scheduler } from 'nestjs-asyncz';
import type { AnyTaskInfo, TaskInfo } from 'nestjs-asyncz';
import { nextEvent } from '../../../support/events.js';
import { ClusterStore, MemoryCluster, pass } from '../../../support/memory.cluster.js';
import { every, replica, version } from './deploy.fixtures.js';

const MINUTE = 60_000;

const OLD = version(every('old', 'Old.work', 10));
const NEW = version(every('new', 'New.work', 10, { previousIds: ['old'] }));

/** What a rename must not change. */
const kept = (task: AnyTaskInfo | null) => {
  const { nextRunTime, pause, lastRun, failuresInARow, createdAt, control, trigger } = task as TaskInfo;
  return { nextRunTime, pause, lastRun, failuresInARow, createdAt, control, trigger };
};

const idsOf = async (scheduler: Scheduler) => {
  const { tasks } = await scheduler.getTaskInfos({ sortBy: 'id' });
  return tasks.map(({ id, state }) => `${id} ${state}`);
};

/** A promise that is resolved when the test says so. */
function openable() {
  let open = () => {};
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open: () => open() };
}

/** A cluster in which the old code has run once, and its task was paused by hand or not. */
async function afterOld({ paused = false } = {}) {
  const cluster = new MemoryCluster();
  const { scheduler } = await replica(cluster, OLD);
  const ended = nextEvent(scheduler, 'run.succeeded');
  await pass(cluster, 10 * MINUTE, 10_000);
  await ended;
  if (paused) await scheduler.pauseTask('old', { actor: 'ada', reason: 'moving house' });
  const before = kept(await scheduler.getTaskInfo('old'));
  await scheduler.shutdown();
  cluster.clock.advance(MINUTE);
  return { cluster, before };
}

describe('a task that the code has renamed', () => {
  it.each([false, true])('keeps schedule, pause and history (paused: %s), and its old id is gone', async (paused) => {
    const { cluster, before } = await afterOld({ paused });
    const { scheduler, told, events } = await replica(cluster, NEW);
    expect(told()).toEqual(['task.renamed']);
    expect(events.find(({ name }) => name === 'task.renamed')).toMatchObject({ taskId: 'new', previousId: 'old' });
    expect(await idsOf(scheduler)).toEqual([paused ? 'new paused' : 'new scheduled']);
    const task = (await scheduler.getTaskInfo('new')) as TaskInfo;
    expect(kept(task)).toEqual(before);
    expect(task).toMatchObject({ handler: 'New.work', name: 'New.work', previousIds: ['old'], disabled: false });
    const { runs } = await scheduler.getRuns({ taskId: task.previousIds[0]! });
    expect(runs).toMatchObject([{ id: before.lastRun!.id, status: 'succeeded' }]);
    if (paused) return;
    const ended = nextEvent(scheduler, 'run.succeeded');
    await pass(cluster, 9 * MINUTE, 10_000);
    expect(await ended).toMatchObject({ taskId: 'new', scheduledTime: before.nextRunTime });
  });

  it('is renamed once by ten replicas that start together', async () => {
    const { cluster, before } = await afterOld();
    const replicas = await Promise.all(Array.from({ length: 10 }, () => replica(cluster, NEW)));
    expect(replicas.flatMap(({ told }) => told())).toEqual(['task.renamed']);
    expect(await idsOf(replicas[0]!.scheduler)).toEqual(['new scheduled']);
    expect(kept(await replicas[0]!.scheduler.getTaskInfo('new'))).toEqual(before);
  });

  it('is at each moment runnable under one id at the most, and goes on wherever a process died', async () => {
    let hasFailed = true;
    let deaths = 0;
    for (let calls = 0; hasFailed; calls += 1) {
      const { cluster, before } = await afterOld();
      const mend = cluster.disk.failAfter(calls);
      const died = await replica(cluster, NEW).catch(() => null);
      hasFailed = mend();
      if (died === null) deaths += 1;
      const runnable = [...cluster.disk.rows]
        .filter(([id]) => !id.startsWith('asyncz:'))
        .filter(([, row]) => (JSON.parse(row) as { dueAt: number | null }).dueAt !== null);
      expect(runnable.length).toBeLessThanOrEqual(1);
      const { scheduler } = await replica(cluster, NEW);
      expect(await idsOf(scheduler)).toEqual(['new scheduled']);
      expect(kept(await scheduler.getTaskInfo('new'))).toEqual(before);
    }
    // It died in the middle of the rename too, not only on the way to it.
    expect(deaths).toBeGreaterThan(10);
  });

  it('goes on under its old id when the old code comes back in the middle', async () => {
    let hasFailed = true;
    for (let calls = 0; hasFailed; calls += 1) {
      const { cluster, before } = await afterOld();
      const mend = cluster.disk.failAfter(calls);
      const died = await replica(cluster, NEW).catch(() => null);
      hasFailed = mend();
      await died?.scheduler.shutdown(0);
      const { scheduler } = await replica(cluster, OLD, { orphans: 'remove' });
      // Where the heartbeat of the other one is left, it counts as alive for a while.
      const isBack = (await scheduler.getTaskInfo('old')) !== null;
      if (!isBack) await pass(cluster, 70_000, 5_000);
      expect(await idsOf(scheduler)).toEqual(['old scheduled']);
      const task = kept(await scheduler.getTaskInfo('old'));
      expect(task).toEqual(before);
    }
  });

  it('waits for a run under way, whose end finds the task, and nothing else of it starts meanwhile', async () => {
    const cluster = new MemoryCluster();
    const gate = openable();
    const old = await replica(cluster, { ...OLD, handlers: { 'Old.work': () => gate.opened } });
    const started = nextEvent(old.scheduler, 'run.started');
    await pass(cluster, 10 * MINUTE, 10_000);
    const { runId } = await started;
    await pass(cluster, 2_000);
    const fresh = await replica(cluster, NEW);
    expect(await idsOf(fresh.scheduler)).toEqual(['old running']);
    expect(fresh.told()).toEqual([]);
    await pass(cluster, 30_000, 1_000);
    expect(await idsOf(fresh.scheduler)).toEqual(['old running']);
    const ended = nextEvent(old.scheduler, 'run.succeeded');
    const renamed = nextEvent(fresh.scheduler, 'task.renamed');
    gate.open();
    expect(await ended).toMatchObject({ runId });
    await pass(cluster, 16_000, 1_000);
    await renamed;
    expect(await idsOf(fresh.scheduler)).toEqual(['new scheduled']);
    const task = (await fresh.scheduler.getTaskInfo('new')) as TaskInfo;
    expect(task.lastRun).toMatchObject({ id: runId, status: 'succeeded' });
  });

  it('takes a run along that waits for its retry, with its id', async () => {
    const cluster = new MemoryCluster();
    const fails = () => Promise.reject(new Error('not yet'));
    const retry = { retry: { attempts: 3, delay: '5m' } };
    const old = await replica(cluster, {
      handlers: { 'Old.work': fails },
      declared: [every('old', 'Old.work', 10, retry)],
    });
    const failed = nextEvent(old.scheduler, 'run.failed');
    await pass(cluster, 10 * MINUTE, 10_000);
    const { runId } = await failed;
    await pass(cluster, 2_000);
    await old.scheduler.shutdown();
    const { scheduler } = await replica(
      cluster,
      version(every('new', 'New.work', 10, { previousIds: ['old'], ...retry })),
    );
    const ended = nextEvent(scheduler, 'run.succeeded');
    await pass(cluster, 5 * MINUTE, 10_000);
    expect(await ended).toMatchObject({ taskId: 'new', runId, attempt: 2 });
  });

  it('is renamed with the run of a process that died, which is lost under the new id', async () => {
    const cluster = new MemoryCluster();
    const old = await replica(cluster, { ...OLD, handlers: { 'Old.work': () => new Promise(() => {}) } });
    const started = nextEvent(old.scheduler, 'run.started');
    await pass(cluster, 10 * MINUTE, 10_000);
    await started;
    await pass(cluster, 2_000);
    // What it has written by now is all that a process leaves that was killed.
    const left = new Map(cluster.disk.rows);
    const stopping = old.scheduler.shutdown(0);
    await pass(cluster, 10_000, 1_000);
    await stopping;
    cluster.disk.rows.clear();
    for (const [id, row] of left) cluster.disk.rows.set(id, row);
    cluster.clock.advance(MINUTE);
    const fresh = await replica(cluster, NEW);
    expect(fresh.told()).toEqual(['task.renamed']);
    const lost = nextEvent(fresh.scheduler, 'run.lost');
    await pass(cluster, 2_000);
    expect(await lost).toMatchObject({ taskId: 'new' });
  });

  it('is left alone by the old code while the new one runs, and taken back when that is gone', async () => {
    const { cluster } = await afterOld();
    const fresh = await replica(cluster, NEW);
    const old = await replica(cluster, OLD, { orphans: 'remove' });
    expect(await idsOf(old.scheduler)).toEqual(['new scheduled']);
    expect((await old.scheduler.planDeploy()).entries).toMatchObject([
      { taskId: 'old', kind: 'withheld', action: 'none', storedId: 'new' },
    ]);
    const ran = nextEvent(fresh.scheduler, 'run.succeeded');
    await pass(cluster, 9 * MINUTE, 10_000);
    expect(await ran).toMatchObject({ taskId: 'new' });
    const before = kept(await old.scheduler.getTaskInfo('new'));
    await fresh.scheduler.shutdown();
    const back = nextEvent(old.scheduler, 'task.renamed');
    await pass(cluster, 20_000, 1_000);
    expect(await back).toMatchObject({ taskId: 'old', previousId: 'new' });
    const task = await old.scheduler.getTaskInfo('old');
    expect(kept(task)).toEqual(before);
    expect(task).toMatchObject({ handler: 'Old.work', previousIds: ['new'] });
    // And forward again.
    await replica(cluster, NEW);
    expect(await idsOf(old.scheduler)).toEqual(['new scheduled']);
  });

  it('keeps its old id, held, as long as the code disables it, and is renamed when it is enabled', async () => {
    const { cluster, before } = await afterOld();
    const disabled = version({ ...every('new', 'New.work', 10, { previousIds: ['old'] }), disabled: true });
    const first = await replica(cluster, disabled, { orphans: 'remove' });
    expect(await idsOf(first.scheduler)).toEqual(['old disabled']);
    await first.scheduler.shutdown();
    const { scheduler } = await replica(cluster, NEW);
    expect(await idsOf(scheduler)).toEqual(['new scheduled']);
    expect(kept(await scheduler.getTaskInfo('new'))).toEqual(before);
  });

  it('is not renamed onto a task that is there: the old one is an orphan then', async () => {
    const { cluster } = await afterOld();
    const both = await replica(cluster, version(every('old', 'Old.work', 10), every('new', 'New.work', 20)));
    await both.scheduler.shutdown();
    const { scheduler, told } = await replica(cluster, NEW);
    expect(told()).toEqual(['task.modified', 'task.orphaned']);
    expect(await idsOf(scheduler)).toEqual(['new scheduled', 'old scheduled']);
  });

  it('leaves both alone when somebody adds a task under the new id in the middle', async () => {
    const { cluster, before } = await afterOld();
    class Intruded extends ClusterStore {
      override async addTasks(tasks: Parameters<ClusterStore['addTasks']>[0]) {
        if (tasks[0]?.id === 'new') {
          const [copy] = tasks;
          const { declared: _, ...own } = copy!.definition;
          await super.addTasks([{ ...copy!, definition: { ...own, declared: null, origin: 'runtime' } }]);
        }
        return super.addTasks(tasks);
      }
    }
    const options = { store: new Intruded(cluster.disk) } as never;
    const { scheduler, told } = await replica(cluster, NEW, options);
    expect(told()).toEqual([]);
    expect(await idsOf(scheduler)).toEqual(['new scheduled', 'old scheduled']);
    expect(kept(await scheduler.getTaskInfo('old'))).toEqual(before);
  });

  it('takes the latest of its ids that is there', async () => {
    const cluster = new MemoryCluster();
    const both = version(every('v1', 'one', 10), every('v2', 'two', 20));
    await (await replica(cluster, both)).scheduler.shutdown();
    const { scheduler } = await replica(cluster, version(every('v3', 'three', 20, { previousIds: ['v2', 'v1'] })));
    expect(await idsOf(scheduler)).toEqual(['v1 scheduled', 'v3 scheduled']);
    expect(await scheduler.getTaskInfo('v3')).toMatchObject({ previousIds: ['v2', 'v1'] });
  });

  it('gives up after the timeout of a plan that is applied, and keeps its old id', async () => {
    const cluster = new MemoryCluster();
    const gate = openable();
    const old = await replica(cluster, { ...OLD, handlers: { 'Old.work': () => gate.opened } });
    const started = nextEvent(old.scheduler, 'run.started');
    await pass(cluster, 10 * MINUTE, 10_000);
    await started;
    await pass(cluster, 2_000);
    const { scheduler } = await replica(cluster, NEW, { role: 'client' });
    const plan = await scheduler.planDeploy();
    expect(await scheduler.applyDeploy(plan, { timeout: 0 })).toMatchObject({ applied: 0, waiting: ['new'] });
    expect(await scheduler.getTaskInfo('old')).toMatchObject({ disabled: false, state: 'running' });
    const applying = scheduler.applyDeploy(plan, { timeout: '1m' });
    await pass(cluster, 2_000);
    gate.open();
    await pass(cluster, 5_000);
    expect(await applying).toMatchObject({ applied: 1, waiting: [] });
    expect(await idsOf(scheduler)).toEqual(['new scheduled']);
  });

  it('is refused where ids contradict each other', () => {
    const scheduler = new Scheduler();
    const bad = [
      [every('a', 'work', 1, { previousIds: ['b'] }), every('b', 'work', 1)],
      [every('a', 'work', 1, { previousIds: ['a'] })],
      [every('a', 'work', 1, { previousIds: ['x'] }), every('b', 'work', 1, { previousIds: ['x'] })],
      [every('a', 'work', 1, { previousIds: 'x' })],
      [every('a', 'work', 1, { previousIds: [''] })],
      [every('a', 'work', 1, { previousIds: Array.from({ length: 21 }, (_, at) => `x${at}`) })],
    ];
    for (const declared of bad) expect(() => scheduler.declareTasks(declared)).toThrow(InvalidOptionError);
  });
});
