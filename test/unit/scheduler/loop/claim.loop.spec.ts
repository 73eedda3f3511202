import { expect, it } from 'vitest';
import { MemoryStore } from 'nestjs-asyncz';
import { createScheduler, settle, START } from '../../../support/scheduler.factory.js';

it('a run is not late by the time that the store takes to say when it is due', async () => {
  const late: number[] = [];
  class SlowStore extends MemoryStore {
    override nextDueFor(...args: Parameters<MemoryStore['nextDueFor']>) {
      const next = super.nextDueFor(...args);
      clock.advance(4_000);
      return next;
    }
  }
  const { scheduler, clock } = createScheduler(
    { work: () => late.push(clock.now() - START - 10_000) },
    { store: new SlowStore() },
  );
  await scheduler.addTask({ handler: 'work', trigger: { type: 'date', runAt: new Date(START + 10_000) } });
  await scheduler.start();
  await settle();
  clock.advance(6_000);
  await settle();
  expect(late).toEqual([0]);
});
