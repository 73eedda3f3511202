import { describe, expect, it } from 'vitest';
import { DrainUnknownError, DrainWithdrawnError } from 'nestjs-asyncz';
import type { Scheduler, Store } from 'nestjs-asyncz';
import type { StoreCapabilities, StoredTask } from 'nestjs-asyncz/store';
import { SILENT_LOGGER } from '../../../../lib/model/logger.js';
import { MEMBERSHIP_ID } from '../../../../lib/stores/membership.record.js';
import { Disk } from '../../../support/eight-method.store.js';
import { recordEvents } from '../../../support/events.js';
import { Gate, settle } from '../../../support/gate.js';
import { HookedStore } from '../../../support/hooked.store.js';
import { CLUSTER_START, ClusterStore, MemoryCluster } from '../../../support/memory.cluster.js';
import { createScheduler } from '../../../support/scheduler.factory.js';

const ASKED = { actor: 'ada', reason: 'on call' };

/** Tells nobody that there is something new. */
class SilentStore extends ClusterStore {
  override readonly capabilities: StoreCapabilities = {
    coordination: 'cluster',
    wakeUp: 'polled',
    transactionalAdds: false,
    durable: true,
  };

  override wake(): void {}
}

/** Keeps the answers to looks for a drain back for as long as it is told to. */
class SlowToTellStore extends ClusterStore {
  readonly held: (() => void)[] = [];
  holds = false;

  override async lookupTask(id: string): Promise<StoredTask | null> {
    const found = await super.lookupTask(id);
    if (this.holds && id.startsWith('asyncz:drain:')) await new Promise<void>((resolve) => this.held.push(resolve));
    return found;
  }
}

/** A client, and a worker with one run under way. */
async function createBusy(store?: Store) {
  const cluster = new MemoryCluster();
  const gate = new Gate();
  const client = await cluster.join('client', {}, { role: 'client' });
  const worker = await cluster.join('worker', { work: gate.handler }, store && { store });
  await client.addTask({ id: 'first', handler: 'work' });
  await settle();
  expect(gate.under).toEqual(['first']);
  return { cluster, gate, client, worker };
}

async function pass({ clock }: MemoryCluster, ms: number, step: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += step) {
    clock.advance(step);
    await settle();
  }
}

/** What a wait for a drain has come to so far. */
function watch(drained: Promise<void>) {
  const seen: { outcome: unknown } = { outcome: 'waits' };
  drained.then(
    () => (seen.outcome = 'drained'),
    (error: unknown) => (seen.outcome = error),
  );
  return seen;
}

async function instanceOf(client: Scheduler, identity: string) {
  return (await client.getSchedulerInstanceInfos()).find((one) => one.identity === identity);
}

function drainRecords({ disk }: MemoryCluster): readonly string[] {
  return [...disk.rows.keys()].filter((id) => id.startsWith('asyncz:drain:'));
}

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
      override async query(...request: Parameters<ClusterStore['query']>) {
        if (!goOn) await new Promise<void>((resolve) => (goOn = resolve));
        return super.query(...request);
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

  it('outlives the removal of all tasks, whether it has been seen by then or not, until it is taken back', async () => {
    for (const seenBefore of [false, true]) {
      const cluster = new MemoryCluster();
      const client = await cluster.join('client', {}, { role: 'client', store: new SilentStore(cluster.disk) });
      const worker = await cluster.join('worker', {}, { store: new SilentStore(cluster.disk) });
      await client.drainScheduler('worker');
      if (seenBefore) await pass(cluster, 120_000, 5_000);
      expect(worker.state).toBe(seenBefore ? 'paused' : 'running');
      await client.removeAllTasks();
      await pass(cluster, 120_000, 5_000);
      expect(worker.state).toBe('paused');
      await client.undrainScheduler('worker');
      expect(drainRecords(cluster)).toEqual([]);
      await pass(cluster, 120_000, 5_000);
      expect(worker.state).toBe('running');
    }
  });

  it('ends with the scheduler: a new one of the same identity works', async () => {
    const cluster = new MemoryCluster();
    const client = await cluster.join('client', {}, { role: 'client' });
    const worker = await cluster.join('worker');
    await client.drainScheduler('worker');
    await worker.shutdown(0);
    const next = await cluster.join('worker');
    await pass(cluster, 60_000, 15_000);
    expect(next.state).toBe('running');
    expect(drainRecords(cluster)).toEqual([]);
  });

  it('leaves no record when the scheduler ends before it has seen it', async () => {
    const cluster = new MemoryCluster();
    const client = await cluster.join('client', {}, { role: 'client', store: new SilentStore(cluster.disk) });
    const worker = await cluster.join('worker', {}, { store: new SilentStore(cluster.disk) });
    await client.drainScheduler('worker');
    expect(drainRecords(cluster)).toHaveLength(1);
    await worker.shutdown(0);
    expect(drainRecords(cluster)).toEqual([]);
  });

  it('that was being looked for at the shutdown does not haunt the next start', async () => {
    const cluster = new MemoryCluster();
    const store = new SlowToTellStore(cluster.disk);
    const client = await cluster.join('client', {}, { role: 'client' });
    const worker = await cluster.join('worker', {}, { store });
    store.holds = true;
    await client.drainScheduler('worker');
    await settle();
    expect(store.held).toHaveLength(1);
    await worker.shutdown(0);
    await worker.start();
    store.held[0]!();
    await settle();
    expect(worker.state).toBe('running');
    expect(await instanceOf(client, 'worker')).toMatchObject({ drain: null });
  });

  it('is what the latest look has found, whichever is answered last', async () => {
    const cluster = new MemoryCluster();
    const store = new SlowToTellStore(cluster.disk);
    const client = await cluster.join('client', {}, { role: 'client' });
    const worker = await cluster.join('worker', {}, { store });
    store.holds = true;
    await client.drainScheduler('worker');
    await settle();
    store.holds = false;
    await client.undrainScheduler('worker');
    await pass(cluster, 1_000, 1_000);
    expect(store.held).toHaveLength(1);
    store.held[0]!();
    await settle();
    expect(worker.state).toBe('running');
  });

  it('is shown in no store that was removed meanwhile', async () => {
    const cluster = new MemoryCluster();
    const errors: string[] = [];
    const logger = { ...SILENT_LOGGER, error: (message: string) => errors.push(message) };
    const store = new HookedStore(cluster.disk);
    const worker = await cluster.join('worker', {}, { store, logger });
    await worker.addStore('second', new ClusterStore(new Disk()));
    let goOn = () => {};
    store.after.transact = async (selection) => {
      if ('ids' in selection && selection.ids.includes(MEMBERSHIP_ID)) {
        await new Promise<void>((resolve) => (goOn = resolve));
      }
    };
    await worker.drainScheduler('worker');
    await settle();
    await worker.removeStore('second');
    delete store.after.transact;
    goOn();
    await settle();
    expect(worker.state).toBe('paused');
    expect(errors).toEqual([]);
  });

  it('ends when the store in which it was asked for is removed', async () => {
    const cluster = new MemoryCluster();
    const disk = new Disk();
    const worker = await cluster.join('worker');
    await worker.addStore('second', new ClusterStore(disk));
    const client = await cluster.join('client', {}, { role: 'client', store: new ClusterStore(disk) });
    await client.drainScheduler('worker');
    await settle();
    expect(worker.state).toBe('paused');
    await worker.removeStore('second');
    expect(worker.state).toBe('running');
  });

  it('says who is there when nobody has that identity', async () => {
    const cluster = new MemoryCluster();
    const worker = await cluster.join('worker');
    await expect(worker.drainScheduler('nobody')).rejects.toThrow(/live scheduler "nobody".*worker/);
    await expect(worker.undrainScheduler('nobody')).rejects.toThrow('nobody');
    await expect(worker.drainScheduler('worker', { wiat: true } as never)).rejects.toThrow('wiat');
  });
});

describe('waiting for a drain', () => {
  it('is given up when it is told to', async () => {
    const { cluster, client } = await createBusy();
    const seen = watch(client.drainScheduler('worker', { wait: true, timeout: '1s' }));
    await settle();
    await pass(cluster, 1_000, 200);
    expect(seen.outcome).toMatchObject({ code: 'ASYNCZ_DRAIN_TIMEOUT' });
  });

  it('ends when the one that was meant was started anew under its identity', async () => {
    const { cluster, client, worker } = await createBusy();
    const seen = watch(client.drainScheduler('worker', { wait: true }));
    await pass(cluster, 400, 200);
    expect(seen.outcome).toBe('waits');
    const stopping = worker.shutdown(0);
    // Less than until the next look, which finds the new one.
    await pass(cluster, 2, 1);
    await stopping;
    const next = await cluster.join('worker');
    await pass(cluster, 200, 200);
    expect(seen.outcome).toBe('drained');
    expect(next.state).toBe('running');
  });

  it('is refused when the drain is taken back, whether it has been seen by then or not', async () => {
    for (const seenBefore of [false, true]) {
      const { cluster, client, worker } = await createBusy();
      const seen = watch(client.drainScheduler('worker', { wait: true }));
      await settle();
      // The wake-up for the task was a look; the next one comes a second later.
      if (seenBefore) await pass(cluster, 1_000, 200);
      expect(worker.state).toBe(seenBefore ? 'paused' : 'running');
      await client.undrainScheduler('worker');
      await pass(cluster, 200, 200);
      expect(seen.outcome).toBeInstanceOf(DrainWithdrawnError);
      await pass(cluster, 1_000, 200);
      expect(worker.state).toBe('running');
    }
  });

  it('does not say that it is done when the one that waits is stopped, or loses the store', async () => {
    for (const end of [
      (client: Scheduler) => client.shutdown(0),
      (client: Scheduler) => client.removeStore('default'),
    ]) {
      const { cluster, gate, client } = await createBusy();
      const seen = watch(client.drainScheduler('worker', { wait: true }));
      await pass(cluster, 400, 200);
      await end(client);
      await pass(cluster, 200, 200);
      expect(gate.under).toEqual(['first']);
      expect(seen.outcome).toBeInstanceOf(DrainUnknownError);
    }
  });
});
