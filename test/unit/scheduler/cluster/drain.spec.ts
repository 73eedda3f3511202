import { describe, expect, it } from 'vitest';
import { Disk } from '../../../support/eight-method.store.js';
import { recordEvents } from '../../../support/events.js';
import { Gate, settle } from '../../../support/gate.js';
import { HookedStore } from '../../../support/hooked.store.js';
import { CLUSTER_START, ClusterStore, MemoryCluster, pass } from '../../../support/memory.cluster.js';
import { createScheduler } from '../../../support/scheduler.factory.js';
import { ASKED } from '../../../support/task.factory.js';
import { createBusy, instanceOf, SilentStore, watch } from './drain.fixtures.js';

describe('a drain', () => {
  it('has a scheduler elsewhere claim nothing more while its runs go on, says who asked, and can be taken back', async () => {
    const { cluster, gate, client, worker } = await createBusy();
    const events = recordEvents(worker);
    const seen = watch(client.drainScheduler('worker', { ...ASKED, wait: true }));
    await settle();
    await pass(cluster, 1_000, 200);
    expect(worker.state).toBe('paused');
    expect(await instanceOf(client, 'worker')).toMatchObject({
      running: 1,
      drain: { at: new Date(CLUSTER_START), ...ASKED },
    });
    expect(seen.outcome).toBe('waits');
    await client.addTask({ id: 'second', handler: 'work' });
    await settle();
    expect(gate.order).toEqual(['first']);
    await gate.end('first');
    await pass(cluster, 200, 200);
    expect(seen.outcome).toBe('drained');
    expect(await instanceOf(client, 'worker')).toMatchObject({ running: 0, drain: ASKED });
    expect(events.filter(({ name }) => name.startsWith('scheduler.'))).toMatchObject([
      { name: 'scheduler.paused' },
      { name: 'scheduler.draining', ...ASKED },
      { name: 'scheduler.drained', ...ASKED },
    ]);
    await client.undrainScheduler('worker');
    await pass(cluster, 1_000, 1_000);
    expect(worker.state).toBe('running');
    expect(await instanceOf(client, 'worker')).toMatchObject({ drain: null });
    expect(gate.order).toEqual(['first', 'second']);
  });

  it('can be asked for again when it was taken back', async () => {
    const cluster = new MemoryCluster();
    const client = await cluster.join('client', {}, { role: 'client' });
    const worker = await cluster.join('worker');
    const states: string[] = [];
    const [drain, undrain] = ['drainScheduler', 'undrainScheduler'] as const;
    for (const ask of [drain, drain, undrain, undrain, drain]) {
      await client[ask]('worker');
      await pass(cluster, 1_000, 1_000);
      states.push(worker.state);
    }
    expect(states).toEqual(['paused', 'paused', 'running', 'running', 'paused']);
  });

  it('stays when all tasks are removed, as do the list of schedulers and the slots of groups', async () => {
    const cluster = new MemoryCluster();
    const gate = new Gate();
    const client = await cluster.join('client', {}, { role: 'client' });
    const worker = await cluster.join('worker', { work: gate.handler });
    await cluster.join('other', { work: gate.handler });
    await worker.drainScheduler('worker', ASKED);
    await client.addTask({ id: 'first', handler: 'work', group: 'g', groupLimit: 1 });
    await settle();
    expect(gate.under).toEqual(['first']);
    expect(await client.removeAllTasks()).toBe(1);
    await pass(cluster, 1_000, 200);
    expect(await instanceOf(client, 'worker')).toMatchObject({ drain: ASKED });
    expect(await instanceOf(client, 'other')).toMatchObject({ identity: 'other' });
    // The run of the task that is gone is aborted, and only then its slot is free.
    await client.addTask({ id: 'second', handler: 'work', group: 'g', groupLimit: 1 });
    await pass(cluster, 1_000, 200);
    expect([gate.under, gate.most]).toEqual([['second'], 1]);
    expect(worker.state).toBe('paused');
    await gate.end('second');
  });

  it('leaves the pause of the application as it is', async () => {
    const cluster = new MemoryCluster();
    const worker = await cluster.join('worker');
    worker.pause();
    await worker.drainScheduler('worker');
    await worker.undrainScheduler('worker');
    expect(worker.state).toBe('paused');
    worker.resume();
    expect(worker.state).toBe('running');
  });

  it('of oneself counts at once, also on a store that wakes nobody', async () => {
    const { scheduler } = createScheduler();
    await scheduler.start();
    await scheduler.drainScheduler(scheduler.identity);
    expect(scheduler.state).toBe('paused');
    await scheduler.undrainScheduler(scheduler.identity);
    expect(scheduler.state).toBe('running');
  });

  it('that is asked for during the start counts from its end', async () => {
    const cluster = new MemoryCluster();
    const client = await cluster.join('client', {}, { role: 'client' });
    let goOn: (() => void) | null = null;
    class SlowToStartStore extends ClusterStore {
      override async startTasks(...request: Parameters<ClusterStore['startTasks']>) {
        if (!goOn) await new Promise<void>((resolve) => (goOn = resolve));
        return super.startTasks(...request);
      }
    }
    const gate = new Gate();
    await client.addTask({ id: 'first', handler: 'work' });
    const joining = cluster.join('worker', { work: gate.handler }, { store: new SlowToStartStore(cluster.disk) });
    await settle();
    await client.drainScheduler('worker', ASKED);
    await settle();
    goOn!();
    const worker = await joining;
    expect(worker.state).toBe('paused');
    await settle();
    expect(await instanceOf(client, 'worker')).toMatchObject({ drain: ASKED });
    expect(gate.order).toEqual([]);
    await client.undrainScheduler('worker');
    await pass(cluster, 1_000, 1_000);
    expect(gate.order).toEqual(['first']);
  });

  it('is found with a heartbeat in each of two stores that wake nobody', async () => {
    const cluster = new MemoryCluster();
    const disks = { default: cluster.disk, second: new Disk() };
    const worker = await cluster.join('worker', {}, { store: new SilentStore(disks.default) });
    await worker.addStore('second', new SilentStore(disks.second));
    for (const disk of Object.values(disks)) {
      const client = await cluster.join('client', {}, { role: 'client', store: new SilentStore(disk) });
      await client.drainScheduler('worker');
      await pass(cluster, 60_000, 15_000);
      expect(worker.state).toBe('paused');
      await client.undrainScheduler('worker');
      await pass(cluster, 60_000, 15_000);
      expect(worker.state).toBe('running');
      await client.shutdown();
    }
  });

  it('is told to be done although it was looked at again meanwhile', async () => {
    const { cluster, gate, client, worker } = await createBusy();
    const events = recordEvents(worker);
    await client.drainScheduler('worker');
    await pass(cluster, 120_000, 5_000);
    expect(events.map(({ name }) => name)).not.toContain('scheduler.drained');
    await gate.end('first');
    expect(events.map(({ name }) => name)).toContain('scheduler.drained');
  });

  it('is not done while a claim is on its way', async () => {
    const cluster = new MemoryCluster();
    const gate = new Gate();
    const store = new HookedStore(cluster.disk);
    const worker = await cluster.join('worker', { work: gate.handler }, { store });
    const client = await cluster.join('client', {}, { role: 'client' });
    const events = recordEvents(worker);
    let answer = () => {};
    store.after.claim = () => new Promise<void>((resolve) => (answer = resolve));
    await client.addTask({ id: 'first', handler: 'work' });
    await settle();
    const seen = watch(client.drainScheduler('worker', { wait: true }));
    await pass(cluster, 1_000, 200);
    expect(worker.state).toBe('paused');
    answer();
    await pass(cluster, 1_000, 200);
    expect(gate.under).toEqual(['first']);
    expect(seen.outcome).toBe('waits');
    expect(events.map(({ name }) => name)).not.toContain('scheduler.drained');
    await gate.end('first');
    await pass(cluster, 200, 200);
    expect(seen.outcome).toBe('drained');
    expect(events.map(({ name }) => name)).toContain('scheduler.drained');
  });

  it('says who is there when nobody has that identity', async () => {
    const cluster = new MemoryCluster();
    const worker = await cluster.join('worker');
    await expect(worker.drainScheduler('nobody')).rejects.toThrow(/live scheduler "nobody".*worker/);
    await expect(worker.undrainScheduler('nobody')).rejects.toThrow('nobody');
    await expect(worker.drainScheduler('worker', { wiat: true } as never)).rejects.toThrow('wiat');
  });
});
