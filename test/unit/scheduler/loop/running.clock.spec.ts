import { describe, expect, it } from 'vitest';
import type { StoreCapabilities } from 'nestjs-asyncz/store';
import { MemoryStore } from 'nestjs-asyncz';
import { nextEvent } from '../../../support/events.js';
import { createScheduler, settle, START } from '../../../support/scheduler.factory.js';

describe('a running scheduler', () => {
  it('waits until an interval longer than any timer has passed', async () => {
    const { scheduler, clock } = createScheduler({ rare: () => 1 }, { heartbeatInterval: '1d' });
    await scheduler.start();
    await scheduler.addTask({ handler: 'rare', trigger: { type: 'interval', weeks: 10 } });
    const ran = nextEvent(scheduler, 'run.succeeded');
    for (let week = 0; week < 10; week += 1) {
      expect((await scheduler.getRuns()).runs).toEqual([]);
      clock.advance(7 * 86_400_000);
      await settle();
    }
    expect(await ran).toMatchObject({ scheduledTime: new Date(START + 70 * 86_400_000) });
  });

  it('neither storms nor stalls when the clock is stepped back or forward', async () => {
    const times: number[] = [];
    const { scheduler, clock } = createScheduler(
      { tick: (_args, context) => times.push(context.scheduledTime.getTime() - START) },
      { pollInterval: '1s' },
    );
    await scheduler.start();
    await scheduler.addTask({ handler: 'tick', trigger: { type: 'interval', seconds: 60 } });
    clock.set(START + 3 * 3_600_000);
    clock.advance(1_000);
    await settle();
    expect(times).toEqual([3 * 3_600_000]);
    clock.set(START);
    clock.advance(120_000);
    await settle();
    expect(times).toHaveLength(1);
    clock.set(START + 3 * 3_600_000 + 60_000);
    clock.advance(1_000);
    await settle();
    expect(times).toEqual([3 * 3_600_000, 3 * 3_600_000 + 60_000]);
  });

  it("notices with the next poll that the host's clock was stepped", async () => {
    const times: number[] = [];
    const store = new (class extends MemoryStore {
      override readonly capabilities: StoreCapabilities = {
        coordination: 'host',
        wakeUp: 'polled',
        transactionalAdds: false,
        durable: false,
      };
    })();
    const { scheduler, clock } = createScheduler(
      { tick: (_args, context) => times.push(context.scheduledTime.getTime() - START) },
      { store, pollInterval: '1s' },
    );
    await scheduler.start();
    await scheduler.addTask({ handler: 'tick', trigger: { type: 'interval', hours: 1 } });
    clock.advance(1_000);
    await settle();
    clock.set(START + 3_600_000);
    clock.advance(1_000);
    await settle();
    clock.advance(1);
    await settle();
    expect(times).toEqual([3_600_000]);
  });
});
