import { beforeEach, describe, expect, it } from 'vitest';
import { AsyncExecutor } from 'nestjs-asyncz';
import type { Scheduler, TaskPolicyOptions } from 'nestjs-asyncz';
import { CLUSTER_START, MemoryCluster, pass, TakingClusterStore } from '../../../support/memory.cluster.js';
import { settle } from '../../../support/gate.js';

const RECORD = 'asyncz:rate:handler:work';

let cluster: MemoryCluster;
/** The starts: of which task, and when after the beginning, in milliseconds. */
let starts: { readonly id: string; readonly at: number }[];

beforeEach(() => {
  cluster = new MemoryCluster();
  starts = [];
});

const note = (_args: unknown, { task }: { readonly task: { readonly id: string } }) =>
  void starts.push({ id: task.id, at: cluster.clock.now() - CLUSTER_START });

const join = (identity: string, options: Parameters<MemoryCluster['join']>[2] = {}) =>
  cluster.join(identity, { work: note, other: note }, options);

const add = (scheduler: Scheduler, id: string, policies: TaskPolicyOptions = {}, handler = 'work') =>
  scheduler.addTask({
    id,
    handler,
    rateLimit: { max: 3, per: '10s' },
    ...policies,
    trigger: { type: 'date', runAt: new Date(CLUSTER_START - 1_000) },
  });

const idsOf = (from = 0) => starts.slice(from).map(({ id }) => id);

/** The most starts in any window of this length. */
function mostWithin(ms: number): number {
  const times = starts.map(({ at }) => at);
  return Math.max(...times.map((from) => times.filter((at) => at >= from && at <= from + ms).length));
}

describe('a rate limit', () => {
  it('lets no more runs start in any window of its time, and starts the others as soon as they may', async () => {
    const [a, b] = [await join('a'), await join('b')];
    for (let at = 0; at < 9; at += 1) await add(at % 2 ? a : b, `t${at}`);
    await settle();
    expect(idsOf()).toEqual(['t0', 't1', 't2']);
    await pass(cluster, 9_900, 900);
    expect(starts).toHaveLength(3);
    await pass(cluster, 600);
    expect(idsOf(3).toSorted()).toEqual(['t3', 't4', 't5']);
    await pass(cluster, 10_500);
    expect(idsOf(6).toSorted()).toEqual(['t6', 't7', 't8']);
    expect(mostWithin(10_000)).toBe(3);
  });

  it('holds on a store whose tasks are taken, too', async () => {
    const scheduler = await join('a', { store: new TakingClusterStore(cluster.disk) });
    for (let at = 0; at < 5; at += 1) await add(scheduler, `t${at}`);
    await settle();
    await settle();
    await pass(cluster, 9_900, 900);
    expect(starts).toHaveLength(3);
    await pass(cluster, 600);
    expect(starts).toHaveLength(5);
  });

  it('is woken when permits come back, and not at the next poll', async () => {
    const scheduler = await join('a', { pollInterval: '1h' });
    for (let at = 0; at < 4; at += 1) await add(scheduler, `t${at}`);
    await settle();
    await pass(cluster, 10_500);
    expect(starts).toHaveLength(4);
  });

  it('keeps neither other handlers nor tasks without a limit waiting, however many of it do', async () => {
    const scheduler = await join('a', { executors: { default: new AsyncExecutor({ concurrency: 4 }) } });
    scheduler.pause();
    for (let at = 0; at < 50; at += 1) await add(scheduler, `t${at}`);
    await add(scheduler, 'other', {}, 'other');
    await add(scheduler, 'free', { rateLimit: null });
    scheduler.resume();
    await settle();
    expect(idsOf()).toEqual(expect.arrayContaining(['free', 'other']));
    expect(starts).toHaveLength(5);
  });

  it('is that of a group, where the task has one: for all handlers, and not for tasks of the group without a limit', async () => {
    const scheduler = await join('a');
    for (let at = 0; at < 4; at += 1) {
      await add(scheduler, `t${at}`, { group: 'erp', groupLimit: 9 }, at % 2 ? 'work' : 'other');
    }
    await settle();
    expect(starts).toHaveLength(3);
    await add(scheduler, 'without', { group: 'erp', groupLimit: 9, rateLimit: null });
    await add(scheduler, 'own', { group: 'erp', groupLimit: 9, rateLimit: { max: 1, per: '1m', of: 'handler' } });
    await settle();
    expect(idsOf(3).toSorted()).toEqual(['own', 'without']);
  });

  it('asks for no permit while the group is full', async () => {
    const ends: (() => void)[] = [];
    const scheduler = await cluster.join('a', { work: () => new Promise<void>((resolve) => void ends.push(resolve)) });
    for (let at = 0; at < 4; at += 1) {
      await add(scheduler, `t${at}`, { group: 'erp', groupLimit: 1, rateLimit: { max: 2, per: '10s' } });
      await settle();
    }
    expect(ends).toHaveLength(1);
    await pass(cluster, 60_000, 1_000);
    ends[0]!();
    await pass(cluster, 200);
    expect(ends).toHaveLength(2);
    ends[1]!();
    await pass(cluster, 200);
    // Two in ten seconds, whatever waited before.
    expect(ends).toHaveLength(3);
  });

  it('counts each attempt, and runs that somebody asks for', async () => {
    let left = 2;
    const scheduler = await cluster.join('a', {
      work: (args, context) => {
        note(args, context);
        if (left-- > 0) throw new Error('not yet');
      },
    });
    await add(scheduler, 'retried', { retry: { attempts: 3, backoff: 'fixed', delay: 10 } });
    await pass(cluster, 1_000);
    expect(starts).toHaveLength(3);
    await scheduler.addTask({
      id: 'asked',
      handler: 'work',
      rateLimit: { max: 3, per: '10s' },
      trigger: { type: 'interval', hours: 1 },
    });
    await scheduler.runTask('asked');
    await pass(cluster, 5_000);
    expect(starts).toHaveLength(3);
    await pass(cluster, 6_000);
    expect(idsOf(3)).toEqual(['asked']);
  });

  it('lets each task go by its own limit where they do not agree', async () => {
    const scheduler = await join('a');
    for (let at = 0; at < 3; at += 1) await add(scheduler, `strict-${at}`, { rateLimit: { max: 1, per: '10s' } });
    for (let at = 0; at < 3; at += 1) await add(scheduler, `loose-${at}`);
    await settle();
    // One starts by the strict limit, and with it no more than three of all.
    expect(starts.length).toBeLessThanOrEqual(3);
    expect(idsOf().filter((id) => id.startsWith('strict'))).toHaveLength(1);
    await pass(cluster, 60_000, 1_000);
    expect(starts).toHaveLength(6);
    expect(mostWithin(10_000)).toBeLessThanOrEqual(3);
  });

  it('holds for the runs of a scheduler that died, too, and none of them is lost', async () => {
    const dead = new MemoryCluster(cluster.disk);
    const gone = await dead.join('dead', { work: () => new Promise(() => {}) });
    for (let at = 0; at < 5; at += 1) await add(gone, `t${at}`);
    await settle();
    await join('alive');
    await pass(cluster, 120_000, 1_000);
    expect(new Set(idsOf()).size).toBe(5);
    expect(mostWithin(10_000)).toBeLessThanOrEqual(3);
  });

  it('leaves a record that says how many starts count, and that goes when nobody has used it for long', async () => {
    const scheduler = await join('a');
    await add(scheduler, 't0');
    await settle();
    const { args } = (await scheduler.getTaskInfo(RECORD)) as unknown as { args: [number, number][] };
    expect(args).toEqual([[expect.any(Number), 1]]);
    expect((await scheduler.getTaskInfos()).tasks).toEqual([]);
    await pass(cluster, 2 * 3_600_000, 60_000);
    expect(cluster.disk.rows.has(RECORD)).toBe(false);
  });

  it('is refused where it is none, and the task is not added', async () => {
    const scheduler = await join('a');
    const refused = async (rateLimit: unknown, message: string) =>
      expect(add(scheduler, 'a', { rateLimit } as TaskPolicyOptions)).rejects.toThrow(message);
    await refused(5, 'an object with "max" and "per"');
    await refused({ max: 0, per: '1m' }, 'rateLimit.max');
    await refused({ max: 1.5, per: '1m' }, 'rateLimit.max');
    await refused({ max: 1, per: '999ms' }, 'rateLimit.per');
    await refused({ max: 1 }, 'rateLimit.per');
    await refused({ max: 1, per: '1m', of: 'tenant' }, 'rateLimit.of');
    await refused({ max: 1, per: '1m', burst: 2 }, 'burst');
    await refused({ max: 1, per: '1m', of: 'group' }, 'rateLimit.of');
    expect(await scheduler.getTask('a')).toBeNull();
  });
});
