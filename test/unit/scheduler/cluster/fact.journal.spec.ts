import { describe, expect, it } from 'vitest';
import { MemoryStore, SettableClock } from 'nestjs-asyncz';
import type { JournalKind } from 'nestjs-asyncz';
import { EventDispatcher } from '../../../../lib/events/event.dispatcher.js';
import { SILENT_LOGGER } from '../../../../lib/model/logger.js';
import type { JournalEntry } from '../../../../lib/model/journal.js';
import { FactJournal } from '../../../../lib/scheduler/cluster/fact.journal.js';
import { JournalNotes } from '../../../../lib/scheduler/plan/journal.notes.js';
import { createStoreContext } from '../../../../lib/testing/store-context.js';
import { Deadline } from '../../../../lib/time/deadline.js';
import { createRunning, createScheduler, settle, START } from '../../../support/scheduler.factory.js';
import { HOURLY } from '../../../support/task.factory.js';

/** A journal of facts over a store in memory, which fails while it is away, or never answers. */
function createFacts() {
  const clock = new SettableClock(START);
  const events = new EventDispatcher('me', clock, SILENT_LOGGER);
  const state: { mode: 'here' | 'away' | 'silent'; calls: number } = { mode: 'here', calls: 0 };
  class Store extends MemoryStore {
    override async appendJournal(entries: readonly JournalEntry[]): Promise<void> {
      state.calls += 1;
      if (state.mode === 'away') throw new Error('away');
      if (state.mode === 'silent') await new Promise(() => {});
      await super.appendJournal(entries);
    }
  }
  const store = new Store();
  store.start(createStoreContext({ clock }));
  const handle = { alias: 'default', opened: true, store, clock, place: 'the store' };
  const stores = { all: () => [handle] } as never;
  const services = { identity: 'me', clock, logger: SILENT_LOGGER, events, stores, notes: new JournalNotes('me') };
  const facts = new FactJournal(services);
  facts.start();
  const written = () => store.wholeJournal().toReversed();
  const pass = async (ms: number) => {
    clock.advance(ms);
    await settle();
  };
  return { facts, clock, events, state, written, pass };
}

const missed = (taskId: string) => ({ kind: 'run.missed' as const, store: 'default', taskId });

describe('the facts of the journal', () => {
  it('are one entry a task and kind in a minute, with a count, however many there are', async () => {
    const { facts, state, written, pass } = createFacts();
    for (let n = 0; n < 100_000; n += 1) facts.add(missed(`t${n % 3}`));
    expect(written()).toEqual([]);
    await pass(1_000);
    expect(written().map(({ kind, taskId }) => `${kind} ${taskId}`)).toEqual([
      'run.missed t0',
      'run.missed t1',
      'run.missed t2',
    ]);
    await pass(60_000);
    const counted = written().slice(3);
    expect(counted.map(({ taskId, details }) => [taskId, details])).toEqual([
      ['t0', { count: 33_333 }],
      ['t1', { count: 33_332 }],
      ['t2', { count: 33_332 }],
    ]);
    expect(state.calls).toBe(2);
    await facts.stop(new Deadline(createFacts().clock, 1_000));
  });

  it('are bounded: what is dropped is counted, and said', async () => {
    const { facts, written, pass } = createFacts();
    for (let n = 0; n < 5_000; n += 1) facts.add(missed(`t${n}`));
    await pass(1_000);
    const entries = written();
    expect(entries).toHaveLength(1_001);
    expect(entries.at(-1)).toMatchObject({ kind: 'journal.dropped', details: { dropped: 4_000 } });
  });

  it('wait for a store that is away, and hold up no stop, whatever it does', async () => {
    const { facts, clock, state, written, pass } = createFacts();
    state.mode = 'away';
    facts.add(missed('a'));
    await pass(1_000);
    facts.add(missed('b'));
    await pass(10_000);
    expect([state.calls, written()]).toEqual([2, []]);
    state.mode = 'here';
    await pass(10_000);
    expect(written().map(({ taskId }) => taskId)).toEqual(['a', 'b']);
    state.mode = 'silent';
    const stopping = facts.stop(new Deadline(clock, 60_000));
    await pass(1_000);
    await stopping;
    expect(state.calls).toBe(4);
    // Nothing of it is left.
    await pass(600_000);
    expect(state.calls).toBe(4);
  });

  it('say that schedulers came, went and died, that tasks fail, and what was lost', async () => {
    const store = new MemoryStore();
    const { scheduler, clock } = await createRunning(
      { fails: () => Promise.reject(new Error('no')) },
      { store, identity: 'first', heartbeatInterval: '1s', retention: { journal: { count: 1_000 } } },
    );
    await scheduler.addTask({ id: 'a', handler: 'fails', trigger: HOURLY, pauseAfterFailures: 1 });
    await scheduler.runTask('a', { actor: 'ada' });
    await settle();
    const ghost = { ...(await store.schedulers())[0]!, identity: 'ghost', startedAt: START };
    await store.heartbeat(ghost);
    for (let n = 0; n < 100; n += 1) {
      clock.advance(5_000);
      await settle();
    }
    await scheduler.shutdown();
    store.start(createStoreContext());
    const { entries } = await store.journal({}, { limit: 100 });
    const of = (kind: JournalKind) => entries.filter((entry) => entry.kind === kind);
    expect(of('scheduler.started')).toMatchObject([{ scheduler: 'first', taskId: null }]);
    expect(of('scheduler.stopped')).toHaveLength(1);
    expect(of('task.failing')).toMatchObject([{ taskId: 'a', actor: null }]);
    expect(of('scheduler.died')).toMatchObject([{ details: { identity: 'ghost' } }]);
    // A pause by hand has its own entry, and no fact beside it.
    expect(of('task.run')).toMatchObject([{ actor: 'ada' }]);
    expect(of('task.paused')).toEqual([]);
  });

  it('are not written by who only reads, or only asks', async () => {
    const store = new MemoryStore();
    const { scheduler } = createScheduler({}, { store, role: 'client' });
    await scheduler.start();
    await scheduler.shutdown();
    store.start(createStoreContext());
    expect(store.wholeJournal()).toEqual([]);
  });

  it('go when they are too old or too many', async () => {
    const store = new MemoryStore();
    const { scheduler, clock } = await createRunning(
      { work: () => 1 },
      { store, retention: { journal: { count: 3 } } },
    );
    for (let n = 0; n < 10; n += 1) await scheduler.addTask({ id: `t${n}`, handler: 'work', trigger: HOURLY });
    for (let n = 0; n < 60; n += 1) {
      clock.advance(10_000);
      await settle();
    }
    expect(store.wholeJournal().length).toBeLessThanOrEqual(3);
  });
});
