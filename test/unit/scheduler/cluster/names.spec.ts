import { describe, expect, it } from 'vitest';
import { Scheduler, StoreInUseError } from 'nestjs-asyncz';
import { CONTENT_MARK } from '../../../../lib/model/definition.js';
import { ClusterStore, MemoryCluster } from '../../../support/memory.cluster.js';
import { stopAfterTest } from '../../../support/scheduler.factory.js';

const KEYS = { keys: ['a secret of enough bytes'] };

describe('a store that belongs to a scheduler of another name', () => {
  it.each([
    ['in clear', {}, 'the scheduler "billing"'],
    ['encrypted', { encryption: KEYS }, 'a scheduler of another name than "mail"'],
  ])('refuses the other one, which would find tasks without their code: %s', async (_, settings, by) => {
    const cluster = new MemoryCluster();
    const first = await cluster.join('first', { work: () => {} }, { name: 'billing', ...settings });
    await first.addTask({ id: 'a', handler: 'work', trigger: { type: 'interval', hours: 1 } });
    const other = new Scheduler({
      name: 'mail',
      identity: 'other',
      clock: cluster.clock,
      stores: { default: new ClusterStore(cluster.disk) },
      ...settings,
    });
    stopAfterTest(other, cluster.clock);
    const failure: unknown = await other.start().catch((error: unknown) => error);
    const cause = failure instanceof StoreInUseError ? failure : (failure as Error).cause;
    expect(cause).toBeInstanceOf(StoreInUseError);
    expect(cause).toMatchObject({ by });
    // Another replica of the first is as welcome as before.
    const replica = await cluster.join('replica', {}, { name: 'billing', ...settings });
    expect((await replica.getTaskInfo('a'))?.state).toBe('scheduled');
  });

  it('is its own when the record was deleted that says whose it is', async () => {
    const cluster = new MemoryCluster();
    const first = await cluster.join('first', { work: () => {} }, { name: 'billing' });
    await first.addTask({ id: 'a', handler: 'work', trigger: { type: 'interval', hours: 1 } });
    await first.shutdown();
    cluster.disk.rows.delete(CONTENT_MARK);
    const renamed = await cluster.join('renamed', {}, { name: 'mail' });
    expect((await renamed.getTaskInfo('a'))?.state).toBe('scheduled');
  });
});
