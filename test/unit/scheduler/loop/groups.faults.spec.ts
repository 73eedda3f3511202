import { describe, expect, it } from 'vitest';
import { recordEvents } from '../../../support/events.js';
import { Gate, settle } from '../../../support/gate.js';
import { HookedStore } from '../../../support/hooked.store.js';
import { ClusterStore, MemoryCluster, pass } from '../../../support/memory.cluster.js';
import { add, isAbout, narrow, RECORD } from './groups.fixtures.js';

describe('a group of tasks, when things come in between', () => {
  it('starts its old ones of low priority some time while more important ones queue up, and keeps no others waiting', async () => {
    const cluster = new MemoryCluster();
    const gate = new Gate();
    const scheduler = await cluster.join('a', { work: gate.handler }, { executors: { default: narrow() } });
    scheduler.pause();
    await add(scheduler, 'plain', { group: null, priority: 9, dueMs: -1_000 });
    await add(scheduler, 'grouped', { priority: 9, dueMs: -1_001 });
    for (let at = 0; at < 60; at += 1) await add(scheduler, `urgent-${at}`, { group: null });
    scheduler.resume();
    await settle();
    for (let at = 0; at < 40; at += 1) await gate.end(gate.under[0]!);
    expect(gate.order).toContain('grouped');
    expect(gate.order).toContain('plain');
  });

  it('holds no slot that could not be written', async () => {
    const cluster = new MemoryCluster();
    const gate = new Gate();
    const store = new HookedStore(cluster.disk);
    const a = await cluster.join('a', { work: gate.handler }, { store });
    const b = await cluster.join('b', { work: gate.handler });
    b.pause();
    for (const group of ['g', 'h']) await add(a, `first-${group}`, { group });
    await settle();
    for (const group of ['g', 'h']) await gate.end(`first-${group}`);
    a.pause();
    for (const group of ['g', 'h']) await add(a, `mine-${group}`, { group });
    let failed = 0;
    let isAsking = false;
    store.before.transact = (selection) =>
      void (isAsking = isAbout(selection, RECORD) && isAbout(selection, 'asyncz:group:h'));
    store.before.updateTask = ({ id }) => {
      if (!isAsking || id !== RECORD || failed > 0) return;
      failed += 1;
      throw new Error('somebody else was faster');
    };
    a.resume();
    await settle();
    expect(failed).toBe(1);
    await add(b, 'theirs');
    b.resume();
    await pass(cluster, 300);
    expect(gate.under.filter((id) => !id.endsWith('-h'))).toHaveLength(1);
  });

  it('does not sleep through a slot that is freed while the answer that it is full is on its way', async () => {
    const cluster = new MemoryCluster();
    const gate = new Gate();
    const a = await cluster.join('a', { work: gate.handler });
    await add(a, 'first');
    await settle();
    const store = new HookedStore(cluster.disk);
    const b = await cluster.join('b', { work: gate.handler }, { store });
    let release: (() => void) | null = null;
    store.after.transact = async (selection) => {
      if (isAbout(selection, RECORD) && !release) await new Promise<void>((resolve) => (release = resolve));
    };
    a.pause();
    await add(b, 'second');
    await settle();
    await gate.end('first');
    await pass(cluster, 100);
    release!();
    await pass(cluster, 500);
    expect(gate.order).toEqual(['first', 'second']);
  });

  it('gets the slots back of a scheduler that is paused with them in hand', async () => {
    const cluster = new MemoryCluster();
    const gate = new Gate();
    const store = new HookedStore(cluster.disk);
    const a = await cluster.join('a', { work: gate.handler }, { store });
    const b = await cluster.join('b', { work: gate.handler });
    b.pause();
    store.after.transact = (selection) => {
      if (isAbout(selection, RECORD)) a.pause();
    };
    await add(a, 'first');
    await settle();
    expect(gate.order).toEqual([]);
    b.resume();
    await pass(cluster, 1_000);
    expect(gate.order).toEqual(['first']);
  });

  it('is not asked for slots that an executor has no place for', async () => {
    const cluster = new MemoryCluster();
    const gate = new Gate();
    const executors = { default: narrow(), other: narrow() };
    const a = await cluster.join('a', { work: gate.handler }, { executors });
    await add(a, 'busy', { group: null });
    await settle();
    await add(a, 'waits');
    // Nobody here has that executor.
    const b = await cluster.join('b', { other: () => {} }, { executors: { default: narrow(), gpu: narrow() } });
    b.pause();
    await pass(cluster, 5_000);
    expect(cluster.disk.rows.has(RECORD)).toBe(false);
    await gate.end('busy');
    expect(gate.under).toEqual(['waits']);
  });

  it('is not asked for slots for a task whose executor only others have', async () => {
    const cluster = new MemoryCluster();
    const store = new HookedStore(cluster.disk);
    await cluster.join('here', { work: () => {} }, { store });
    const client = await cluster.join('client', {}, { role: 'client' });
    await add(client, 'theirs', { executor: 'gpu' });
    await pass(cluster, 1_000);
    expect(cluster.disk.rows.has(RECORD)).toBe(false);
    expect(store.calls.claim).toBeLessThan(20);
  });

  it('wakes idle schedulers no more than ten times a second', async () => {
    const cluster = new MemoryCluster();
    const a = await cluster.join('a', { work: () => {} });
    const store = new HookedStore(cluster.disk);
    await cluster.join('idle', { other: () => {} }, { store });
    for (let at = 0; at < 40; at += 1) await add(a, `t${at}`, { groupLimit: 100, dueMs: 1_000 + 5 * at });
    await settle();
    const before = store.calls.claim;
    await pass(cluster, 1_300, 5);
    expect(store.calls.claim - before).toBeLessThanOrEqual(5);
  });

  it('wakes the others once for all its runs that end while their scheduler stops, and for the last one at the latest', async () => {
    let wakeUps = 0;
    class CountingStore extends ClusterStore {
      override wake(at: number): void {
        wakeUps += 1;
        super.wake(at);
      }
    }
    const cluster = new MemoryCluster();
    const gate = new Gate();
    const a = await cluster.join('a', { work: gate.handler }, { store: new CountingStore(cluster.disk) });
    for (let at = 0; at < 8; at += 1) await add(a, `t${at}`, { groupLimit: 8 });
    await settle();
    expect(gate.under).toHaveLength(8);
    const b = await cluster.join('b', { work: gate.handler });
    for (let at = 0; at < 8; at += 1) await add(b, `next${at}`, { groupLimit: 8 });
    await pass(cluster, 200);
    wakeUps = 0;
    const stopped = a.shutdown();
    await settle();
    await Promise.all(gate.under.map((id) => gate.end(id)));
    await stopped;
    await settle();
    expect(wakeUps).toBeLessThanOrEqual(2);
    await pass(cluster, 100);
    expect(gate.under).toHaveLength(8);
  });

  it('starts a run at once that was claimed and had to be given back, and others get its slot', async () => {
    const cluster = new MemoryCluster();
    const gate = new Gate();
    const store = new HookedStore(cluster.disk);
    const a = await cluster.join('a', { work: gate.handler }, { store });
    let isDone = false;
    store.after.claim = async () => {
      if (isDone || !/status\W+running/.test(cluster.disk.rows.get('late') ?? '')) return;
      isDone = true;
      cluster.clock.advance(16_000);
      await settle();
      store.before.transact = (selection) => {
        if (!isAbout(selection, 'late')) return;
        delete store.before.transact;
        throw new Error('The store is away.');
      };
    };
    await add(a, 'late');
    await add(a, 'next', { dueMs: 16_000 });
    await settle();
    expect(isDone).toBe(true);
    await pass(cluster, 500);
    expect(gate.order).toEqual(['late']);
    await gate.end('late');
    expect(gate.order).toEqual(['late', 'next']);
  });

  it('loses no run that must not be repeated when a claim is answered late', async () => {
    const cluster = new MemoryCluster();
    const ran: string[] = [];
    const store = new HookedStore(cluster.disk);
    const scheduler = await cluster.join('a', { work: (_args, { task }) => ran.push(task.id) }, { store });
    const events = recordEvents(scheduler);
    for (const fault of ['slot gone', 'renewal fails']) {
      let isDone = false;
      store.after.claim = async () => {
        if (isDone || !/status\W+running/.test(cluster.disk.rows.get(fault) ?? '')) return;
        isDone = true;
        if (fault === 'slot gone') cluster.disk.rows.delete(RECORD);
        cluster.clock.advance(16_000);
        await settle();
        if (fault !== 'slot gone') {
          store.before.transact = (selection) => {
            if (!isAbout(selection, fault)) return;
            delete store.before.transact;
            throw new Error('The store is away.');
          };
        }
      };
      await scheduler.addTask({ id: fault, handler: 'work', group: 'g', delivery: 'at-most-once' });
      await pass(cluster, 60_000, 5_000);
      expect(isDone).toBe(true);
    }
    expect(ran).toEqual(['slot gone', 'renewal fails']);
    expect(events.filter(({ name }) => name === 'run.lost')).toEqual([]);
  });
});

describe('a lease that could not be renewed while others could', () => {
  it('ends, and its run is aborted before', async () => {
    const cluster = new MemoryCluster();
    const gate = new Gate();
    const store = new HookedStore(cluster.disk);
    const scheduler = await cluster.join('a', { work: gate.handler }, { store });
    const events = recordEvents(scheduler);
    for (const id of ['one', 'two']) await add(scheduler, id, { group: null });
    await settle();
    store.before.updateTask = ({ id }) => {
      if (id === 'one') throw new Error('somebody else was faster');
    };
    await pass(cluster, 35_000, 1_000);
    expect(events.filter(({ name }) => name === 'run.fenced')).toMatchObject([{ taskId: 'one' }]);
  });
});
