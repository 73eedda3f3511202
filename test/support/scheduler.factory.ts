import { MemoryStore, Scheduler, SettableClock } from 'nestjs-asyncz';
import type { Handler, SchedulerOptions } from 'nestjs-asyncz';
import { onTestFinished } from 'vitest';

/** The moment at which test clocks begin: noon, so that a step back stays in the same year. */
export const START = Date.UTC(2026, 0, 15, 12);

export interface TestScheduler {
  readonly scheduler: Scheduler;
  readonly clock: SettableClock;
  readonly store: MemoryStore;
}

/** A scheduler over a memory store and a clock that stands still; it is shut down after the test. */
export function createScheduler(
  handlers: Record<string, Handler> = {},
  options: Omit<SchedulerOptions, 'clock' | 'stores'> & { store?: MemoryStore } = {},
): TestScheduler {
  const { store = new MemoryStore(), ...settings } = options;
  const clock = new SettableClock(START);
  const scheduler = new Scheduler({ ...settings, clock, stores: { default: store } });
  for (const [name, handler] of Object.entries(handlers)) scheduler.registerHandler(name, handler);
  stopAfterTest(scheduler, clock);
  return { scheduler, clock, store };
}

/** The same, started. */
export async function createRunning(...args: Parameters<typeof createScheduler>): Promise<TestScheduler> {
  const made = createScheduler(...args);
  await made.scheduler.start();
  return made;
}

/**
 * Shuts a scheduler down when the test is over. Not by a hook of this file: where files of tests share their modules it is
 * loaded once, and its hook would be that of the first file.
 */
export function stopAfterTest(scheduler: Scheduler, clock: Pick<SettableClock, 'advance'>): void {
  onTestFinished(async () => {
    const stop = { isOver: false };
    const stopping = scheduler.shutdown(0).finally(() => (stop.isOver = true));
    // Handlers and listeners that never end are given up when their time is over.
    while (!stop.isOver) {
      clock.advance(1_000);
      await settle();
    }
    await stopping;
  });
}

/** Lets everything run that only waits for its turn, such as a loop that was just woken. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
