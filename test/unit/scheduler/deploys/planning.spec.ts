import { describe, expect, it } from 'vitest';
import { DeployConflictError, DeployPendingError, InvalidOptionError, Scheduler } from 'nestjs-asyncz';
import type { DeployPlan } from 'nestjs-asyncz';
import { makeTask } from 'nestjs-asyncz/testing';
import { ClusterStore, CLUSTER_START, MemoryCluster } from '../../../support/memory.cluster.js';
import { every, replica, version } from './deploy.fixtures.js';

const MINUTE = 60_000;
const iso = (ms: number) => new Date(CLUSTER_START + ms).toISOString();

/** A scheduler that runs nothing, with the code of a version. */
const client = (cluster: MemoryCluster, code: ReturnType<typeof version>, options = {}) =>
  replica(cluster, code, { ...options, role: 'client' });

/** A plan as a pipeline has it: written to a file, and read again. */
const written = (plan: DeployPlan) => JSON.parse(JSON.stringify(plan)) as DeployPlan;

/** All that a disk holds, byte for byte. */
const bytes = ({ disk }: MemoryCluster) => [...disk.rows].map(([id, row]) => id + row).toSorted();

const brief = ({ entries }: DeployPlan) => entries.map(({ taskId, kind, action }) => `${taskId}: ${kind}, ${action}`);

describe('a deploy plan', () => {
  it('says of each task what is to be done, and changes nothing', async () => {
    const cluster = new MemoryCluster();
    const old = version(
      every('same', 'same', 10),
      every('moved', 'moved', 10),
      every('edited', 'edited', 10),
      every('held', 'held', 10),
      every('gone', 'gone', 10),
      every('before', 'before', 10),
    );
    await (await replica(cluster, old)).scheduler.shutdown();
    const code = version(
      every('same', 'same', 10),
      every('moved', 'moved', 30),
      every('edited', 'edited', 10, { priority: 5, args: ['secret'], paused: true }),
      { ...every('held', 'held', 10), disabled: true },
      every('after', 'after', 10, { previousIds: ['before'] }),
      every('new', 'new', 20),
    );
    const { scheduler } = await client(cluster, code);
    const before = bytes(cluster);
    const plan = await scheduler.planDeploy();
    expect(bytes(cluster)).toEqual(before);
    expect(brief(plan)).toEqual([
      'after: renamed, rename',
      'edited: changed, change',
      'gone: orphaned, none',
      'held: disabled, change',
      'moved: changed, change',
      'new: added, add',
    ]);
    expect(plan).toMatchObject({
      version: 1,
      scheduler: 'default',
      pending: 5,
      omitted: 0,
      counts: { added: 1, changed: 2, disabled: 1, renamed: 1, orphaned: 1, withheld: 0, unreadable: 0 },
    });
    const [after, edited, , held, moved, added] = plan.entries;
    expect(after).toMatchObject({ storedId: 'before', handler: 'after', nextRunBefore: iso(10 * MINUTE) });
    expect(after!.nextRunAfter).toBe(after!.nextRunBefore);
    expect(after!.fields.map(({ field }) => field)).toEqual(['name', 'handler', 'previousIds']);
    expect(edited!.fields).toEqual([
      // What is in arguments is not shown.
      { field: 'args', before: null, after: null },
      { field: 'priority', before: '0', after: '5' },
      { field: 'paused', before: 'false', after: 'true' },
    ]);
    expect(edited!.holds).toEqual(['paused']);
    expect(held!.holds).toEqual(['disabled']);
    expect(moved).toMatchObject({ nextRunBefore: iso(10 * MINUTE), nextRunAfter: iso(30 * MINUTE) });
    expect(JSON.parse(moved!.fields[0]!.after!)).toMatchObject({ type: 'interval', every: '30m' });
    expect(added).toMatchObject({ storedId: null, nextRunBefore: null, nextRunAfter: iso(20 * MINUTE) });
    expect(JSON.stringify(plan)).not.toContain('secret');
    expect(written(plan)).toEqual(plan);
  });

  it('is what a start does', async () => {
    const old = version(every('a', 'work', 10), every('b', 'work', 10), every('was', 'was', 10));
    const code = version(
      every('a', 'work', 30),
      every('c', 'work', 10),
      every('is', 'is', 20, { previousIds: ['was'] }),
    );
    const [started, applied] = [new MemoryCluster(), new MemoryCluster()];
    for (const cluster of [started, applied]) await (await replica(cluster, old)).scheduler.shutdown();
    for (const cluster of [started, applied]) cluster.clock.advance(MINUTE);
    const byStart = await replica(started, code, { orphans: 'pause' });
    const planner = await client(applied, code, { orphans: 'pause' });
    const plan = written(await planner.scheduler.planDeploy());
    expect(await planner.scheduler.applyDeploy(plan)).toEqual({
      digest: plan.digest,
      applied: 4,
      unchanged: 0,
      waiting: [],
    });
    const tasksOf = async (scheduler: Scheduler) =>
      (await scheduler.getTaskInfos({ sortBy: 'id' })).tasks.map((task) => ({ ...task, version: 0 }));
    expect(await tasksOf(planner.scheduler)).toEqual(await tasksOf(byStart.scheduler));
    expect(planner.told().toSorted()).toEqual(
      byStart
        .told()
        .filter((name) => name !== 'task.orphaned')
        .toSorted(),
    );
    // Nothing is left, neither to do nor to tell but the orphan.
    for (const one of [planner, byStart]) {
      expect(await one.scheduler.planDeploy()).toMatchObject({ pending: 0, counts: { orphaned: 1 } });
    }
  });

  it('has one digest for the same stores and the same code, also after runs and with another time', async () => {
    const cluster = new MemoryCluster();
    const old = await replica(cluster, version(every('a', 'work', 10)));
    const code = version(every('a', 'work', 30), every('b', 'work', 10));
    const { scheduler } = await client(cluster, code);
    const plan = await scheduler.planDeploy();
    const ended = new Promise((resolve) => old.scheduler.addListener(resolve, 'run.succeeded'));
    cluster.clock.advance(10 * MINUTE);
    await ended;
    const later = await scheduler.planDeploy();
    expect(later.digest).toBe(plan.digest);
    expect(later.generatedAt).not.toBe(plan.generatedAt);
    expect(await scheduler.applyDeploy(plan)).toMatchObject({ applied: 2, unchanged: 0 });
  });

  it('says so of a record that cannot be read, and of one that was added at run time under an id of the code', async () => {
    const cluster = new MemoryCluster();
    const first = await replica(cluster, version(every('broken', 'work', 10)));
    await first.scheduler.addTask({ id: 'taken', handler: 'work', trigger: { type: 'interval', minutes: 5 } });
    await first.scheduler.shutdown();
    const row = JSON.parse(cluster.disk.rows.get('broken')!) as object;
    cluster.disk.rows.set('broken', JSON.stringify({ ...row, definition: '{}' }));
    const code = version(every('broken', 'work', 10), every('taken', 'work', 10));
    const { scheduler } = await client(cluster, code);
    const plan = await scheduler.planDeploy();
    expect(brief(plan)).toEqual(['broken: unreadable, none', 'taken: changed, change']);
    expect(plan.entries[0]!.unreadable).toBe('damaged');
    expect(await scheduler.applyDeploy(plan)).toMatchObject({ applied: 1 });
    expect(await scheduler.getTaskInfo('taken')).toMatchObject({ origin: 'code', trigger: { every: '10m' } });
  });

  it('lists the orphans that are only reported up to a bound, and counts all', async () => {
    const cluster = new MemoryCluster();
    const tasks = Array.from({ length: 1_200 }, (_, at) => every(`t${String(at).padStart(4, '0')}`, 'work', 10));
    await (await replica(cluster, version(...tasks))).scheduler.shutdown();
    const reported = await (await client(cluster, version())).scheduler.planDeploy();
    expect(reported).toMatchObject({ pending: 0, omitted: 200, counts: { orphaned: 1_200 } });
    expect(reported.entries).toHaveLength(1_000);
    const removing = await (await client(cluster, version(), { orphans: 'remove' })).scheduler.planDeploy();
    expect(removing).toMatchObject({ pending: 1_200, omitted: 0 });
  });

  it('needs open stores, and a plan that is whole and of this scheduler', async () => {
    const stopped = new Scheduler();
    await expect(stopped.planDeploy()).rejects.toThrow('planDeploy needs a running scheduler');
    const cluster = new MemoryCluster();
    const { scheduler } = await client(cluster, version(every('a', 'work', 10), every('b', 'work', 10)));
    const plan = await scheduler.planDeploy();
    const bad = [null, {}, { ...plan, version: 2 }, { ...plan, scheduler: 'other' }, { ...plan, entries: [null] }];
    for (const given of [...bad, { ...plan, entries: plan.entries.slice(1) }, { ...plan, digest: 'x' }]) {
      await expect(scheduler.applyDeploy(given as never)).rejects.toThrow(InvalidOptionError);
    }
    await expect(scheduler.applyDeploy(plan, { wait: 1 } as never)).rejects.toThrow('Unknown option "wait"');
    expect(await scheduler.getTaskInfos()).toMatchObject({ total: 0 });
  });
});

describe('a plan that is applied', () => {
  it('fails when what it is about has changed since, and does nothing then', async () => {
    const cluster = new MemoryCluster();
    const old = await replica(cluster, version(every('a', 'work', 10), every('b', 'work', 10)));
    const { scheduler } = await client(cluster, version(every('a', 'work', 30), every('b', 'work', 30)));
    const plan = await scheduler.planDeploy();
    await old.scheduler.pauseTask('b');
    const error = await scheduler.applyDeploy(plan).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(DeployConflictError);
    expect(error).toMatchObject({ conflicts: [{ taskId: 'b', store: 'default' }], applied: 0 });
    expect(await scheduler.getTaskInfo('a')).toMatchObject({ trigger: { every: '10m' } });
    await old.scheduler.resumeTask('b');
    // As it was again.
    expect(await scheduler.applyDeploy(plan)).toMatchObject({ applied: 2 });
  });

  it('fails when the code is another one', async () => {
    const cluster = new MemoryCluster();
    const plan = await (await client(cluster, version(every('a', 'work', 10)))).scheduler.planDeploy();
    const other = await client(cluster, version(every('a', 'work', 20)));
    await expect(other.scheduler.applyDeploy(plan)).rejects.toThrow(
      'The plan no longer fits: "a" in store "default" is',
    );
    expect(await other.scheduler.getTaskInfos()).toMatchObject({ total: 0 });
  });

  it('does once what several apply together, and nothing when it is applied again', async () => {
    const cluster = new MemoryCluster();
    const old = version(every('a', 'work', 10), every('was', 'was', 10));
    await (await replica(cluster, old)).scheduler.shutdown();
    const code = version(
      every('a', 'work', 30),
      every('is', 'is', 10, { previousIds: ['was'] }),
      every('b', 'work', 5),
    );
    const clients = await Promise.all(Array.from({ length: 10 }, () => client(cluster, code)));
    const plan = await clients[0]!.scheduler.planDeploy();
    const results = await Promise.all(clients.map(({ scheduler }) => scheduler.applyDeploy(plan)));
    expect(results.reduce((sum, { applied }) => sum + applied, 0)).toBe(3);
    expect(await clients[0]!.scheduler.applyDeploy(plan)).toMatchObject({ applied: 0, unchanged: 3 });
    const told = clients.flatMap((one) => one.told()).toSorted();
    expect(told).toEqual(['task.added', 'task.modified', 'task.renamed']);
  });

  it('goes on where it was interrupted, wherever that is', async () => {
    const old = version(every('a', 'work', 10), every('was', 'was', 10), every('gone', 'work', 10));
    const code = version(
      every('a', 'work', 30),
      every('is', 'is', 10, { previousIds: ['was'] }),
      every('b', 'work', 5),
    );
    let hasFailed = true;
    for (let calls = 0; hasFailed; calls += 1) {
      const cluster = new MemoryCluster();
      await (await replica(cluster, old)).scheduler.shutdown();
      const broken = await client(cluster, code, { orphans: 'remove' });
      const plan = await broken.scheduler.planDeploy();
      const mend = cluster.disk.failAfter(calls);
      await broken.scheduler.applyDeploy(plan).catch(() => {});
      hasFailed = mend();
      const again = await client(cluster, code, { orphans: 'remove' });
      const { applied, unchanged } = await again.scheduler.applyDeploy(plan);
      expect(applied + unchanged).toBe(4);
      const { tasks } = await again.scheduler.getTaskInfos({ sortBy: 'id' });
      expect(tasks.map(({ id, state }) => `${id} ${state}`)).toEqual(['a scheduled', 'b scheduled', 'is scheduled']);
      expect(await again.scheduler.planDeploy()).toMatchObject({ pending: 0, entries: [] });
    }
  });
});

describe('a start that only plans', () => {
  it('changes nothing, tells what it would do, and runs what is stored', async () => {
    const cluster = new MemoryCluster();
    await (await replica(cluster, version(every('a', 'work', 10)))).scheduler.shutdown();
    const stored = cluster.disk.rows.get('a');
    const { scheduler, events } = await replica(cluster, version(every('a', 'work', 30), every('b', 'work', 5)), {
      reconcile: 'plan-only',
    });
    const { digest } = await scheduler.planDeploy();
    expect(events.filter(({ name }) => name === 'scheduler.deploy-pending')).toMatchObject([{ digest, pending: 2 }]);
    expect(cluster.disk.rows.get('a')).toBe(stored);
    const ran = new Promise((resolve) => scheduler.addListener(resolve, 'run.succeeded'));
    cluster.clock.advance(10 * MINUTE);
    expect(await ran).toMatchObject({ taskId: 'a' });
    expect(await scheduler.getTaskInfo('b')).toBeNull();
  });

  it('refuses to start with verify as long as there is something to do, and starts when the plan was applied', async () => {
    const cluster = new MemoryCluster();
    const code = version(every('a', 'work', 30));
    const refused = await replica(cluster, code, { reconcile: 'verify' }).catch((thrown: unknown) => thrown);
    expect(refused).toBeInstanceOf(DeployPendingError);
    const planner = await client(cluster, code);
    const plan = await planner.scheduler.planDeploy();
    expect(refused).toMatchObject({ digest: plan.digest, pending: [{ taskId: 'a', store: 'default', action: 'add' }] });
    await planner.scheduler.applyDeploy(plan);
    const started = await replica(cluster, code, { reconcile: 'verify' });
    expect(started.scheduler.state).toBe('running');
    expect(started.told()).toEqual([]);
  });

  it('starts with verify beside orphans and tasks of others', async () => {
    const cluster = new MemoryCluster();
    const first = await replica(cluster, version(every('gone', 'work', 10)));
    await first.scheduler.addTask({ id: 'own', handler: 'work', trigger: { type: 'interval', minutes: 5 } });
    const { scheduler } = await replica(cluster, version(), { reconcile: 'verify' });
    expect(scheduler.state).toBe('running');
  });

  it('costs the same however many tasks of others there are', async () => {
    const calls: string[] = [];
    class Counting extends ClusterStore {
      override async lookupTask(id: string) {
        calls.push(id);
        return super.lookupTask(id);
      }
      override getAllTasks(): never {
        throw new Error('A plan reads all tasks.');
      }
    }
    const cluster = new MemoryCluster();
    const store = new Counting(cluster.disk);
    const { scheduler } = await replica(cluster, version(every('a', 'work', 10)), { role: 'client', store } as never);
    await store.addTasks(Array.from({ length: 50 }, (_, at) => makeTask(`other-${at}`, { nextRunTime: 1 })));
    calls.length = 0;
    store.startTasks = async () => ({ tasks: [], next: null });
    await scheduler.planDeploy();
    expect(calls.filter((id) => !id.startsWith('asyncz:'))).toEqual(['a']);
  });

  it('refuses what is no mode', () => {
    expect(() => new Scheduler({ reconcile: 'maybe' as never })).toThrow('"apply", "plan-only" or "verify"');
  });
});
