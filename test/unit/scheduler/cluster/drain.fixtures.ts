import { expect } from 'vitest';
import type { Scheduler, Store } from 'nestjs-asyncz';
import type { StoreCapabilities } from 'nestjs-asyncz/store';
import { Gate, settle } from '../../../support/gate.js';
import { ClusterStore, MemoryCluster } from '../../../support/memory.cluster.js';

/** Tells nobody that there is something new. */
export class SilentStore extends ClusterStore {
  override readonly capabilities: StoreCapabilities = {
    coordination: 'cluster',
    wakeUp: 'polled',
    transactionalAdds: false,
    durable: true,
  };

  override wake(): void {}
}

/** A client, and a worker with one run under way. */
export async function createBusy(store?: Store) {
  const cluster = new MemoryCluster();
  const gate = new Gate();
  const client = await cluster.join('client', {}, { role: 'client' });
  const worker = await cluster.join('worker', { work: gate.handler }, store && { store });
  await client.addTask({ id: 'first', handler: 'work' });
  await settle();
  expect(gate.under).toEqual(['first']);
  return { cluster, gate, client, worker };
}

/** What a wait for a drain has come to so far. */
export function watch(drained: Promise<void>) {
  const seen: { outcome: unknown } = { outcome: 'waits' };
  drained.then(
    () => (seen.outcome = 'drained'),
    (error: unknown) => (seen.outcome = error),
  );
  return seen;
}

export async function instanceOf(client: Scheduler, identity: string) {
  return (await client.getSchedulerInstanceInfos()).find((one) => one.identity === identity);
}

export function drainRecords({ disk }: MemoryCluster): readonly string[] {
  return [...disk.rows.keys()].filter((id) => id.startsWith('asyncz:drain:'));
}
