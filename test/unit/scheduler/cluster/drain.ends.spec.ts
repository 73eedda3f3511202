import { describe, expect, it } from 'vitest';
import type { StoredTask } from 'nestjs-asyncz/store';
import { SILENT_LOGGER } from '../../../../lib/model/logger.js';
import { MEMBERSHIP_ID } from '../../../../lib/stores/membership.record.js';
import { Disk } from '../../../support/eight-method.store.js';
import { settle } from '../../../support/gate.js';
import { HookedStore } from '../../../support/hooked.store.js';
import { ClusterStore, MemoryCluster, pass } from '../../../support/memory.cluster.js';
import { drainRecords, instanceOf, SilentStore } from './drain.fixtures.js';

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

describe('a drain', () => {
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
});
