import { describe, expect, it } from 'vitest';
import { InvalidOptionError, MemoryStore, SchedulerNotRunningError, UnknownOptionError } from 'nestjs-asyncz';
import type { ClusterEventsOptions, Scheduler } from 'nestjs-asyncz';
import { makeEntry } from '../../../../lib/testing/task.fixtures.js';
import { createRunning, createScheduler, settle, START } from '../../../support/scheduler.factory.js';
import { HOURLY } from '../../../support/task.factory.js';

/** Follows a scheduler; what came so far. */
function follow(scheduler: Scheduler, options: Omit<ClusterEventsOptions, 'scope'> = {}) {
  const told: string[] = [];
  const state = { isOver: false };
  const all = scheduler.events({ scope: 'cluster', ...options });
  const following = (async () => {
    for await (const { kind, taskId } of all) told.push(`${kind} ${taskId}`);
    state.isOver = true;
  })();
  return { told, state, following };
}

describe('events of the cluster', () => {
  it('are what every scheduler writes, each once, until the signal ends them', async () => {
    const store = new MemoryStore();
    const { scheduler, clock } = await createRunning({ work: () => 1 }, { store });
    const controller = new AbortController();
    await scheduler.addTask({ id: 'before', handler: 'work', trigger: HOURLY });
    const { told, state, following } = follow(scheduler, {
      kind: ['task.added', 'task.paused'],
      signal: controller.signal,
    });
    await settle();
    await scheduler.addTask({ id: 'a', handler: 'work', trigger: HOURLY });
    await scheduler.pauseTask('a');
    await scheduler.resumeTask('a');
    // By another one, and committed behind younger ones.
    await store.appendJournal([makeEntry(7, { time: START - 2_000, taskId: 'late' })]);
    for (let n = 0; n < 20; n += 1) {
      clock.advance(1_000);
      await settle();
    }
    expect(told).toEqual(['task.paused late', 'task.added a', 'task.paused a']);
    controller.abort();
    await settle();
    await following;
    expect(state.isOver).toBe(true);
  });

  it('begin in the past where that is asked for, outlast an outage, and end with the scheduler', async () => {
    class Store extends MemoryStore {
      isAway = false;
      override journal(...args: Parameters<MemoryStore['journal']>) {
        if (this.isAway) throw new Error('away');
        return super.journal(...args);
      }
    }
    const store = new Store();
    const { scheduler, clock } = await createRunning({ work: () => 1 }, { store });
    await scheduler.addTask({ id: 'old', handler: 'work', trigger: HOURLY });
    clock.advance(60_000);
    await scheduler.addTask({ id: 'new', handler: 'work', trigger: HOURLY });
    const { told, following } = follow(scheduler, { since: START + 30_000, kind: 'task.added' });
    await settle();
    store.isAway = true;
    clock.advance(1_000);
    await settle();
    await scheduler.addTask({ id: 'newer', handler: 'work', trigger: HOURLY });
    clock.advance(1_000);
    await settle();
    expect(told).toEqual(['task.added new']);
    store.isAway = false;
    clock.advance(1_000);
    await settle();
    expect(told).toEqual(['task.added new', 'task.added newer']);
    await scheduler.shutdown();
    await following;
  });

  it('are read in pages however many come at once', async () => {
    const store = new MemoryStore();
    const { scheduler, clock } = await createRunning({}, { store });
    const { told, following } = follow(scheduler, { kind: 'task.paused' });
    await settle();
    await store.appendJournal(Array.from({ length: 9_000 }, (_, n) => makeEntry(n, { time: START + 1 })));
    clock.advance(1_000);
    await settle();
    expect(told).toHaveLength(9_000);
    await scheduler.shutdown();
    await following;
  });

  it('refuse what they do not know', async () => {
    const { scheduler } = createScheduler();
    expect(() => scheduler.events({ scope: 'cluster' })).toThrow(SchedulerNotRunningError);
    await scheduler.start();
    expect(() => scheduler.events({ scope: 'process' as never })).toThrow(InvalidOptionError);
    expect(() => scheduler.events({ scope: 'cluster', limit: 5 } as never)).toThrow(UnknownOptionError);
    expect(() => scheduler.events({ scope: 'cluster', kind: 'x' as never })).toThrow(InvalidOptionError);
    expect(() => scheduler.events({ scope: 'cluster', signal: {} as never })).toThrow(InvalidOptionError);
  });
});
