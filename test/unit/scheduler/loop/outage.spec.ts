import { describe, expect, it } from 'vitest';
import type { Handler, Logger, Scheduler } from 'nestjs-asyncz';
import type { Apply, Selection, Transacted } from 'nestjs-asyncz/store';
import { recordEvents } from '../../../support/events.js';
import { settle } from '../../../support/gate.js';
import { ClusterStore, MemoryCluster, pass, TakingClusterStore } from '../../../support/memory.cluster.js';

/** A cluster with a scheduler that counts the starts of its handlers, which end when they are told to. */
async function atWork(Store: typeof ClusterStore, handler?: Handler) {
  const cluster = new MemoryCluster();
  const starts: string[] = [];
  const lines: string[] = [];
  let end = () => {};
  const over = new Promise<void>((resolve) => (end = resolve));
  const work: Handler = async (args, context) => {
    starts.push(`${context.task.id}#${context.attempt}`);
    await (handler ? handler(args, context) : over);
    return 'done';
  };
  const logger: Logger = {
    debug() {},
    info() {},
    warn: (line) => lines.push(line),
    error: (line) => lines.push(line),
  };
  const scheduler = await cluster.join('one', { work }, { store: new Store(cluster.disk), logger });
  return { cluster, scheduler, starts, lines, end, work };
}

const outcomes = async (scheduler: Scheduler) =>
  (await scheduler.getRuns()).runs.map(({ taskId, status, attempt }) => `${taskId}#${attempt} ${status}`).sort();

describe.each([
  ['decides in the store', ClusterStore],
  ['takes tasks', TakingClusterStore],
])('after an outage that was longer than a lease, a scheduler that %s', (_how, Store) => {
  it.each([0, 1_000, 10_000, 25_000])(
    'has the results of the runs that ended %i ms into it, and runs none of them again',
    async (endedAfterMs) => {
      const { cluster, scheduler, starts, lines, end } = await atWork(Store);
      const events = recordEvents(scheduler);
      for (const id of ['a', 'b', 'c']) await scheduler.addTask({ id: `least-${id}`, handler: 'work' });
      await scheduler.addTask({ id: 'most', handler: 'work', delivery: 'at-most-once' });
      await settle();
      const mend = cluster.disk.failAfter(0);
      await pass(cluster, endedAfterMs);
      end();
      await pass(cluster, 40_000 - endedAfterMs, 500);
      mend();
      await pass(cluster, 60_000, 500);
      expect(starts.sort()).toEqual(['least-a#1', 'least-b#1', 'least-c#1', 'most#1']);
      expect(await outcomes(scheduler)).toEqual(starts.map((start) => `${start} succeeded`));
      const names = new Set(events.map(({ name }) => name));
      expect([...names].filter((name) => name === 'run.lost' || name === 'run.fenced')).toEqual([]);
      expect(lines.filter((line) => line.includes('refused'))).toEqual([]);
    },
  );

  it('has the results of runs that went on after their abort, and starts nothing beside them', async () => {
    const { cluster, scheduler, starts, end } = await atWork(Store);
    await scheduler.addTask({ id: 'least', handler: 'work' });
    await scheduler.addTask({ id: 'most', handler: 'work', delivery: 'at-most-once' });
    await settle();
    const mend = cluster.disk.failAfter(0);
    // The leases end after 30 seconds, and the runs are aborted a second before that.
    await pass(cluster, 30_500, 500);
    mend();
    await pass(cluster, 1_500, 500);
    expect(starts).toHaveLength(2);
    end();
    await pass(cluster, 60_000, 500);
    expect(await outcomes(scheduler)).toEqual(['least#1 succeeded', 'most#1 succeeded']);
    expect(starts).toHaveLength(2);
  });

  it('runs again what was aborted and has not ended with a result', async () => {
    const obeys: Handler = (_args, { signal, attempt }) =>
      attempt > 1
        ? undefined
        : new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
    const { cluster, scheduler, starts } = await atWork(Store, obeys);
    await scheduler.addTask({ id: 'least', handler: 'work' });
    await settle();
    const mend = cluster.disk.failAfter(0);
    await pass(cluster, 40_000, 500);
    mend();
    await pass(cluster, 60_000, 500);
    expect(starts).toEqual(['least#1', 'least#2']);
    expect(await outcomes(scheduler)).toEqual(['least#1 lost', 'least#2 succeeded']);
  });

  it('is told the truth about a run that another one has taken over', async () => {
    const { cluster, scheduler, lines, end } = await atWork(Store);
    await scheduler.addTask({ id: 'a', handler: 'work' });
    await pass(cluster, 2_000);
    const others = new MemoryCluster(cluster.disk);
    const other = await others.join('two', { work: () => new Promise(() => {}) }, { store: new Store(cluster.disk) });
    const mend = cluster.disk.failAfter(0);
    await pass(cluster, 20_000, 500);
    end();
    await pass(cluster, 1_000);
    mend();
    // Only the clock of the other one goes on: it finds the lease over.
    await pass(others, 60_000, 500);
    expect((await other.getTaskInfo('a'))!.state).toBe('running');
    await pass(cluster, 30_000, 500);
    expect(lines.filter((line) => line.includes('refused'))).toEqual([
      expect.stringContaining('the scheduler "two" has taken it over, as attempt 2'),
    ]);
    expect(await outcomes(scheduler)).toEqual(['a#1 lost']);
  });
});

/** A store of which some calls fail. */
class PickyStore extends ClusterStore {
  calls = 0;
  fails: (what: 'claim' | 'other', call: number) => boolean = () => false;

  override async transact<T>(selection: Selection, apply: Apply<T>): Promise<Transacted<T>> {
    this.calls += 1;
    if (this.fails('due' in selection ? 'claim' : 'other', this.calls)) throw new Error('refused by the database');
    return super.transact(selection, apply);
  }
}

describe('a store of which some calls fail', () => {
  it('does not count as failing for good when nobody makes these calls any more', async () => {
    const cluster = new MemoryCluster();
    const store = new PickyStore(cluster.disk);
    let end = () => {};
    const over = new Promise<void>((resolve) => (end = resolve));
    const scheduler = await cluster.join('one', { work: () => over }, { store });
    await scheduler.addTask({ id: 'a', handler: 'work' });
    await settle();
    store.fails = (what) => what === 'other';
    await pass(cluster, 15_000);
    expect((await scheduler.getSchedulerInfo()).stores[0]!.state).toBe('failing');
    store.fails = () => false;
    end();
    await pass(cluster, 40_000, 500);
    expect((await scheduler.getSchedulerInfo()).stores[0]!.state).toBe('ok');
  });

  const failing = async (fails: PickyStore['fails']) => {
    const cluster = new MemoryCluster();
    const store = new PickyStore(cluster.disk);
    const lines: string[] = [];
    const logger: Logger = {
      debug() {},
      info: (line) => lines.push(line),
      warn() {},
      error: (line) => lines.push(line),
    };
    const scheduler = await cluster.join('one', { work: () => 1 }, { store, logger });
    const events = recordEvents(scheduler);
    await scheduler.addTask({ id: 'a', handler: 'work', trigger: { type: 'interval', every: 300 } });
    await settle();
    store.fails = fails;
    await pass(cluster, 30_000);
    store.fails = () => false;
    const { stores } = await scheduler.getSchedulerInfo();
    await pass(cluster, 120_000, 500);
    const named = (name: string) => events.filter((event) => event.name === name).length;
    const after = (await scheduler.getSchedulerInfo()).stores[0]!.state;
    return { lines, failures: named('store.failed'), recoveries: named('store.recovered'), health: stores[0]!, after };
  };

  it('is reported once, and not as working again by the calls that work', async () => {
    const { lines, failures, recoveries, health, after } = await failing((what) => what === 'claim');
    expect(lines.filter((line) => /failed/.test(line))).toHaveLength(1);
    expect([failures, recoveries, health.state, after]).toEqual([1, 1, 'failing', 'ok']);
  });

  it('that goes up and down is reported a few times, and its health does not change with each call', async () => {
    const { lines, failures, recoveries, health, after } = await failing((_what, call) => call % 2 === 0);
    expect(lines.filter((line) => /failed/.test(line)).length).toBeLessThanOrEqual(3);
    expect(recoveries).toBe(failures);
    expect([health.state, after]).toEqual(['failing', 'ok']);
  });
});
