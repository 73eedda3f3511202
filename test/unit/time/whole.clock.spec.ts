import { describe, expect, it, onTestFinished } from 'vitest';
import { Scheduler } from 'nestjs-asyncz';
import { MACHINE } from '../../../lib/model/clock.js';
import { Disk } from '../../support/eight-method.store.js';
import { nextEvent } from '../../support/events.js';
import { ClusterStore } from '../../support/memory.cluster.js';

/** Counts in millionths of a millisecond, as `performance.timeOrigin + performance.now()` does. */
const fineNow = () => MACHINE.now() + 0.123_456;

const FINE = {
  now: fineNow,
  monotonic: () => MACHINE.monotonic(),
  schedule: (callback: () => void, delayMs: number) => MACHINE.schedule(callback, delayMs),
};

class FineStore extends ClusterStore {
  override now(): number {
    return fineNow();
  }
}

describe('a clock that counts fractions of a millisecond', () => {
  it.each([
    ['of the scheduler', { clock: FINE }, ClusterStore],
    ['of a store', {}, FineStore],
  ])('damages no record: one %s', async (_, settings, StoreClass) => {
    const disk = new Disk();
    const scheduler = new Scheduler({ stores: { default: new StoreClass(disk) }, ...settings });
    scheduler.registerHandler('work', () => {});
    onTestFinished(() => scheduler.shutdown(0));
    await scheduler.start();
    const ran = nextEvent(scheduler, 'run.succeeded');
    const trigger = { type: 'interval', hours: 1 } as const;
    await scheduler.addTask({ id: 'a', handler: 'work', trigger, nextRunTime: new Date(0) });
    await ran;
    await scheduler.pauseTask('a');
    await scheduler.resumeTask('a');
    await scheduler.runTask('a', { wait: true });
    expect((await scheduler.getTaskInfo('a'))?.state).toBe('scheduled');
    const { state } = JSON.parse(disk.rows.get('a')!) as { state: string };
    expect(state.match(/\d{13}\.\d+/g)).toBeNull();
  });
});
