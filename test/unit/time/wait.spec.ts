import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { MACHINE } from '../../../lib/model/clock.js';
import { WakeableWait } from '../../../lib/time/wait.js';

describe('a wait that can be cut short', () => {
  it('lets the timers of the application fire, although each wait is woken at once', async () => {
    const wait = new WakeableWait(MACHINE);
    const application = { hasFired: false };
    setTimeout(() => (application.hasFired = true), 5);
    let waits = 0;
    // Without giving way it would be woken for ever; so many turns of the event loop take longer than the timer.
    for (; !application.hasFired && waits < 1_000_000; waits += 1) {
      const sleeping = wait.sleep(1_000);
      void Promise.resolve().then(() => wait.wake());
      expect(await sleeping).toBe(true);
    }
    expect(application.hasFired).toBe(true);
  });

  it('ends at once, and so does each one after it, without a timer or a turn of the event loop', async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const sleeping = new WakeableWait(MACHINE);
    const turning = new WakeableWait(MACHINE);
    const waits = [sleeping.sleep(1_000), turning.sleep(0)];
    for (const wait of [sleeping, turning]) wait.end();
    expect(await Promise.all(waits)).toEqual([true, true]);
    expect(await sleeping.sleep(1_000)).toBe(true);
    expect(await turning.sleep(0)).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });
});
