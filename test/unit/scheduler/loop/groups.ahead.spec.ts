import { describe, expect, it } from 'vitest';
import { AsyncExecutor } from 'nestjs-asyncz';
import type { Handler } from 'nestjs-asyncz';
import type { Apply, DueOrder, Exchange, Exchanged, Selection, Transacted } from 'nestjs-asyncz/store';
import { ClaimStarter } from '../../../../lib/scheduler/loop/claim.starter.js';
import type { HeldRun } from '../../../../lib/scheduler/loop/held.run.js';
import { HeldTasks } from '../../../../lib/scheduler/loop/held.tasks.js';
import { makeLiveRun, makeTask } from '../../../../lib/testing/task.fixtures.js';
import { settle } from '../../../support/gate.js';
import { MemoryCluster, pass, TakingClusterStore } from '../../../support/memory.cluster.js';
import { add, isAbout, RECORD } from './groups.fixtures.js';

/** Calls something when the leases of the group were asked for first. */
class TellingStore extends TakingClusterStore {
  leasesAsked: (() => Promise<void>) | null = null;

  override async transact<T>(selection: Selection, apply: Apply<T>): Promise<Transacted<T>> {
    const answer = await super.transact(selection, apply);
    const told = isAbout(selection, RECORD) ? this.leasesAsked : null;
    if (told) this.leasesAsked = null;
    await told?.();
    return answer;
  }
}

/** Notes in which order claims ask for tasks. */
class OrderStore extends TakingClusterStore {
  readonly orders: (DueOrder | undefined)[] = [];

  override async exchange(asked: Exchange): Promise<Exchanged> {
    if (asked.take) this.orders.push(asked.take.order);
    return super.exchange(asked);
  }

  override async transact<T>(selection: Selection, apply: Apply<T>): Promise<Transacted<T>> {
    if ('due' in selection) this.orders.push(selection.due.order);
    return super.transact(selection, apply);
  }
}

describe('a group of tasks, where claims are asked for ahead', () => {
  it('has no more runs than its limit when the leases that are at hand are given back unused', async () => {
    const cluster = new MemoryCluster();
    const store = new TellingStore(cluster.disk);
    const under = new Set<string>();
    const order: string[] = [];
    let most = 0;
    const ends: (() => void)[] = [];
    const work: Handler = async (_args, { task }) => {
      order.push(task.id);
      if (!task.id.startsWith('urgent')) under.add(task.id);
      most = Math.max(most, under.size);
      await new Promise<void>((resolve) => ends.push(resolve));
      under.delete(task.id);
    };
    const ofTwenty = () => ({ default: new AsyncExecutor({ concurrency: 20 }) });
    const a = await cluster.join('a', { work }, { store, executors: ofTwenty(), startPaused: true });
    for (const id of ['a0', 'a1', 'a2']) await add(a, id, { groupLimit: 3, priority: 5 });
    // So many that the claim for which the leases were asked is full of others.
    store.leasesAsked = async () => {
      for (let at = 0; at < 17; at += 1) await add(a, `urgent-${at}`, { group: null, priority: -5 });
    };
    a.resume();
    await settle();
    await pass(cluster, 300);
    const other = { store: new TakingClusterStore(cluster.disk), executors: ofTwenty() };
    const b = await cluster.join('b', { work }, other);
    for (const id of ['b0', 'b1', 'b2']) await add(b, id, { groupLimit: 3, priority: 5 });
    for (let round = 0; round < 10; round += 1) {
      await pass(cluster, 1_000);
      for (const end of ends.splice(0)) end();
    }
    expect(most).toBe(3);
    expect(order).toHaveLength(23);
    expect(new Set(order).size).toBe(23);
  });

  it('gets its leases when the claims are answered that were asked for before', async () => {
    const cluster = new MemoryCluster();
    const order: string[] = [];
    const work: Handler = (_args, { task }) => void order.push(task.id);
    const executors = { default: new AsyncExecutor({ concurrency: 100 }) };
    const scheduler = await cluster.join(
      'a',
      { work },
      { store: new TakingClusterStore(cluster.disk), executors, startPaused: true },
    );
    for (let at = 0; at < 300; at += 1) {
      const group = at % 50 === 40 ? 'erp' : null;
      await add(scheduler, `t${at}`, { group, groupLimit: 2 });
    }
    scheduler.resume();
    // Less time than a poll.
    for (let round = 0; round < 40; round += 1) await settle();
    await pass(cluster, 400);
    expect(order).toHaveLength(300);
    expect(new Set(order).size).toBe(300);
  });

  it('has claims go by age now and then also after one that was made once more for it', async () => {
    const cluster = new MemoryCluster();
    const store = new OrderStore(cluster.disk);
    const started: string[] = [];
    const work: Handler = (_args, { task }) => void started.push(task.id);
    const executors = { default: new AsyncExecutor({ concurrency: 20 }) };
    const scheduler = await cluster.join('s', { work }, { store, executors, startPaused: true });
    await add(scheduler, 'grouped', { priority: -1 });
    for (let at = 0; at < 300; at += 1) await add(scheduler, `t${at}`, { group: null });
    scheduler.resume();
    await pass(cluster, 5_000);
    expect(started).toHaveLength(301);
    expect(store.orders.slice(0, 30)).toContain('age');
  });

  it('has a run given back for which there is no lease any more', () => {
    const tasks = new HeldTasks();
    const given: HeldRun[] = [];
    const limits = { take: () => null };
    const execution = { start: () => {}, giveBack: (run: HeldRun) => void given.push(run) };
    const starter = new ClaimStarter({ tasks, limits, execution } as never);
    const run = makeLiveRun('a@1', { status: 'running', token: 1 });
    const task = makeTask('a', { policies: { group: 'g' }, state: { live: [run] } });
    const value = { definition: task.definition, start: [run], history: [] };
    const claimed = [{ id: 'a', task, value }];
    expect(starter.hold({ claimed, simple: [], left: [], failed: [], storeNow: 0, nextDue: () => null }, 0)).toEqual(
      [],
    );
    expect(given.map(({ runId }) => runId)).toEqual(['a@1']);
    expect(tasks.taskCount).toBe(1);
  });
});
