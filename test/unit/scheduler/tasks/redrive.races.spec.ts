import { describe, expect, it } from 'vitest';
import { RunNotDeadError, VersionConflictError } from 'nestjs-asyncz';
import { settle } from '../../../support/gate.js';
import { HookedStore } from '../../../support/hooked.store.js';
import { MemoryCluster } from '../../../support/memory.cluster.js';
import { HOURLY } from '../../../support/task.factory.js';
import { heldUp, onlyDeadRun, Work } from './redrive.fixtures.js';

describe('two redrives of a run', () => {
  it('give it one attempt while its task is there', async () => {
    const { work, redriveHere, letGo } = await heldUp(HOURLY, 'transact');
    await redriveHere();
    expect(await letGo()).toMatchObject({ code: 'ASYNCZ_RUN_NOT_DEAD', status: 'succeeded' });
    expect(work.seen).toHaveLength(2);
  });

  it('give it one attempt when its task is gone, and leave nothing behind', async () => {
    const { cluster, work, redriveHere, letGo } = await heldUp(undefined, 'addTask');
    await redriveHere();
    expect(await letGo()).toMatchObject({ code: 'ASYNCZ_RUN_NOT_DEAD', status: 'succeeded' });
    expect(work.seen).toHaveLength(2);
    expect(cluster.disk.rows.has('a')).toBe(false);
  });

  it('give it one attempt also when its task has come and gone and come again, with the same version', async () => {
    const { cluster, worker, work, redriveHere, letGo } = await heldUp(undefined, 'transact');
    await redriveHere();
    cluster.clock.advance(1);
    await worker.addTask({ id: 'a', handler: 'work', trigger: HOURLY });
    expect(await letGo()).toBeInstanceOf(RunNotDeadError);
    expect(work.seen).toHaveLength(2);
    expect(await worker.getTaskInfo('a')).toMatchObject({ state: 'scheduled', live: [] });
  });

  it('share the task that one of them has brought back', async () => {
    const { cluster, work, redriveHere, letGo } = await heldUp(undefined, 'transact');
    expect(cluster.disk.rows.has('a')).toBe(true);
    await redriveHere();
    expect(await letGo()).toBeInstanceOf(RunNotDeadError);
    expect(work.seen).toHaveLength(2);
    expect(cluster.disk.rows.has('a')).toBe(false);
  });
});

describe('a redrive', () => {
  it('is begun anew when its task was changed in the meantime', async () => {
    const { worker, work, letGo } = await heldUp(HOURLY, 'transact');
    await worker.updateTask('a', { name: 'changed' });
    expect(await letGo()).toBeNull();
    expect(work.seen).toHaveLength(2);
  });

  it('is given up when that goes on and on', async () => {
    const cluster = new MemoryCluster();
    const store = new HookedStore(cluster.disk);
    const scheduler = await cluster.join('a', { work: new Work().handler }, { store });
    await scheduler.addTask({ id: 'a', handler: 'work', trigger: HOURLY });
    await scheduler.runTask('a');
    await settle();
    const id = await onlyDeadRun(scheduler);
    const other = await cluster.join('other', {}, { role: 'client' });
    store.before.transact = async () => void (await other.updateTask('a', { name: 'changed' }));
    await expect(scheduler.redriveRun(id)).rejects.toThrow(VersionConflictError);
    expect(await onlyDeadRun(scheduler)).toBe(id);
  });
});
