import { describe, expect, it } from 'vitest';
import { DrainUnknownError, DrainWithdrawnError } from 'nestjs-asyncz';
import type { Scheduler } from 'nestjs-asyncz';
import { settle } from '../../../support/gate.js';
import { pass } from '../../../support/memory.cluster.js';
import { createBusy, watch } from './drain.fixtures.js';

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
