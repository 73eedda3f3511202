import { describe, expect, it } from 'vitest';
import { MemoryStore } from 'nestjs-asyncz';
import type { Scheduler } from 'nestjs-asyncz';
import { makeLiveRun, makeTask } from 'nestjs-asyncz/testing';
import { createScheduler, settle, START } from '../../../support/scheduler.factory.js';

const LEASE_MS = 30_000;
const HOURLY = { type: 'interval', hours: 1 } as const;

/** A scheduler over a store whose claims take tasks, which begins when it is resumed. */
async function createPaused() {
  const made = createScheduler({ work: () => 1 }, { store: new MemoryStore(), startPaused: true });
  await made.scheduler.start();
  return made;
}

/** Puts a due task under the lease of a scheduler that is not there. */
function takeAs(store: MemoryStore, owner: string): void {
  store.exchange({ take: { handlers: null, limit: 1, owner, leaseMs: LEASE_MS } });
}

/** The attempts that were recorded, the latest first. */
async function attemptsOf(scheduler: Scheduler) {
  const { runs } = await scheduler.getRuns();
  return runs.map(({ id, status, attempt }) => [id, status, attempt]);
}

describe('a task that was taken by a scheduler that died', () => {
  it('counts no attempt of that one where it found a run that was lost before: nothing began before that was written', async () => {
    const { scheduler, clock, store } = await createPaused();
    const lost = {
      status: 'running',
      owner: 'dead',
      token: 1,
      leaseUntil: START - 1,
      startedAt: START - 5_000,
    } as const;
    const run = makeLiveRun('a@1', { ...lost, availableAt: START - 5_000 });
    store.addTask(makeTask('a', { state: { exhausted: true, lastToken: 1, live: [run] } }));
    takeAs(store, 'found it');
    clock.advance(LEASE_MS);
    scheduler.resume();
    await settle();
    expect(await attemptsOf(scheduler)).toEqual([
      ['a@1', 'succeeded', 2],
      ['a@1', 'lost', 1],
    ]);
  });

  it('counts the run that was asked for by hand, and none of its schedule, where it was paused all the time', async () => {
    const { scheduler, clock, store } = await createPaused();
    const pause = { at: START - 1_000, actor: null, reason: null };
    const live = [makeLiveRun('a@hand', { source: 'manual', availableAt: START })];
    const nextRunTime = START + 5_000;
    store.addTask(
      makeTask('a', { trigger: HOURLY, nextRunTime, policies: { overlap: 'allow' }, state: { pause, live } }),
    );
    takeAs(store, 'first');
    clock.advance(LEASE_MS);
    takeAs(store, 'second');
    clock.advance(LEASE_MS);
    scheduler.resume();
    await settle();
    expect(await attemptsOf(scheduler)).toEqual([
      ['a@hand', 'succeeded', 2],
      ['a@hand', 'lost', 1],
    ]);
    expect(store.lookupTask('a')!.state).toMatchObject({ live: [], nextRunTime });
  });

  it('runs no time that was due during the pause that followed', async () => {
    const { scheduler, clock, store } = await createPaused();
    const live = [makeLiveRun('a@hand', { source: 'manual', availableAt: START })];
    store.addTask(
      makeTask('a', { trigger: HOURLY, nextRunTime: START + 1_000, policies: { overlap: 'allow' }, state: { live } }),
    );
    takeAs(store, 'first');
    clock.advance(500);
    await scheduler.pauseTask('a');
    clock.advance(LEASE_MS);
    await scheduler.resumeTask('a');
    scheduler.resume();
    await settle();
    expect(await attemptsOf(scheduler)).toEqual([
      ['a@hand', 'succeeded', 2],
      ['a@hand', 'lost', 1],
    ]);
    expect(store.lookupTask('a')!.state).toMatchObject({ nextRunTime: START + 3_600_000 });
  });

  it.each(['latest', 'earliest', 'all'] as const)(
    'counts the run of the first one where another one died with it, with the %s of the times that are due',
    async (coalesce) => {
      const { scheduler, clock, store } = await createPaused();
      const policies = { coalesce, misfireGraceMs: 5_000 } as const;
      store.addTask(
        makeTask('a', { trigger: { type: 'interval', seconds: 10 }, nextRunTime: START + 2_000, policies }),
      );
      clock.advance(2_000);
      takeAs(store, 'began it');
      clock.advance(LEASE_MS);
      takeAs(store, 'found it');
      clock.advance(LEASE_MS);
      scheduler.resume();
      await settle();
      const { runs } = await scheduler.getRuns({ status: 'lost' });
      expect(runs).toMatchObject([{ attempt: 1, scheduledTime: new Date(START + 2_000) }]);
      const again = await scheduler.getRuns({ status: 'succeeded' });
      expect(again.runs).toContainEqual(expect.objectContaining({ id: runs[0]!.id, attempt: 2 }));
    },
  );
});
