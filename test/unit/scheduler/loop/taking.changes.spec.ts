import { describe, expect, it } from 'vitest';
import { MemoryStore } from 'nestjs-asyncz';
import type { Handler } from 'nestjs-asyncz';
import type { Exchange, TaskRecord } from 'nestjs-asyncz/store';
import { makeLiveRun, makeTask } from 'nestjs-asyncz/testing';
import { HeldRun } from '../../../../lib/scheduler/loop/held.run.js';
import type { RunServices } from '../../../../lib/scheduler/loop/run.services.js';
import { HeldTasks } from '../../../../lib/scheduler/loop/held.tasks.js';
import { nextEvent, recordEvents } from '../../../support/events.js';
import { MemoryCluster, TakingClusterStore } from '../../../support/memory.cluster.js';
import { createScheduler, settle, START } from '../../../support/scheduler.factory.js';

const LEASE_MS = 30_000;
const HOURLY = { type: 'interval', hours: 1 } as const;

class WatchedStore extends MemoryStore {
  /** Comes in before what was decided about the next taking is written, once. */
  beforeWrite: (() => void) | null = null;

  override exchange(asked: Exchange) {
    if (asked.write) {
      const before = this.beforeWrite;
      this.beforeWrite = null;
      before?.();
    }
    return super.exchange(asked);
  }
}

/** A scheduler that claims nothing until it is resumed. */
async function waitingScheduler(handlers: Record<string, Handler>, store = new WatchedStore()) {
  const made = createScheduler(handlers, { store, startPaused: true });
  await made.scheduler.start();
  return { ...made, store };
}

/** A handler whose runs end when they are told to. */
function held() {
  const ends: (() => void)[] = [];
  return { work: () => new Promise<void>((resolve) => ends.push(resolve)), end: () => ends.shift()!() };
}

/** Puts a due task under the lease of a scheduler that dies before it writes anything. */
function takeAsDead(store: MemoryStore): void {
  const { tasks } = store.exchange({ take: { handlers: null, limit: 1, owner: 'dead', leaseMs: LEASE_MS } }).taken!;
  expect(tasks).toHaveLength(1);
}

function change(store: MemoryStore, id: string, plan: (task: TaskRecord) => TaskRecord): void {
  store.transact({ ids: [id] }, (task) => ({ task: plan(task), value: null }));
}

const pauseOf = (task: TaskRecord, at: number): TaskRecord => ({
  ...task,
  state: { ...task.state, pause: { at, actor: null, reason: null } },
});

describe('a change of a task whose claim is not written yet', () => {
  it('cancels a run that another scheduler has begun, by its signal', async () => {
    const cluster = new MemoryCluster();
    const store = () => new TakingClusterStore(cluster.disk);
    const untilAborted: Handler = (_args, { signal }) =>
      new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
    const one = await cluster.join('one', { work: untilAborted }, { store: store() });
    const client = await cluster.join('client', {}, { store: store(), role: 'client' });
    const events = recordEvents(one);
    await client.addTask({ id: 'a', handler: 'work', trigger: HOURLY });
    const runId = await client.runTask('a');
    await settle();
    expect(events.map(({ name }) => name)).toContain('run.started');
    const cancelled = client.cancelRun(runId, { reason: 'enough' });
    for (let turn = 0; turn < 20; turn += 1) {
      cluster.clock.advance(100);
      await settle();
    }
    await cancelled;
    expect((await client.getRuns()).runs).toMatchObject([
      { id: runId, status: 'cancelled', owner: 'one', cancel: { reason: 'enough' } },
    ]);
    expect(await client.getTaskInfo('a')).toMatchObject({ live: [] });
  });

  it('cancels a run that a dead scheduler may have begun, and nobody begins it again', async () => {
    let runs = 0;
    const { scheduler, clock, store } = await waitingScheduler({ work: () => (runs += 1) });
    const asked = makeLiveRun('a@asked', { source: 'manual', status: 'waiting', availableAt: START });
    store.addTask(makeTask('a', { trigger: HOURLY, nextRunTime: null }));
    change(store, 'a', (task) => ({ ...task, state: { ...task.state, live: [asked] } }));
    takeAsDead(store);
    await scheduler.cancelRun('a@asked', { reason: 'enough' });
    clock.advance(LEASE_MS);
    scheduler.resume();
    await settle();
    expect(runs).toBe(0);
    expect((await scheduler.getRuns()).runs).toMatchObject([{ id: 'a@asked', status: 'cancelled' }]);
    expect(store.lookupTask('a')!.state).toMatchObject({ live: [], lease: null });
  });

  it('pauses it: the run that a dead scheduler may have begun is recorded, and goes on after the pause', async () => {
    const { scheduler, clock, store } = await waitingScheduler({ work: () => 1 });
    store.addTask(makeTask('a', { trigger: HOURLY, nextRunTime: START }));
    takeAsDead(store);
    await scheduler.pauseTask('a');
    clock.advance(LEASE_MS);
    scheduler.resume();
    await settle();
    expect((await scheduler.getRuns()).runs).toMatchObject([{ status: 'lost', attempt: 1, owner: 'dead' }]);
    await scheduler.resumeTask('a');
    await settle();
    expect((await scheduler.getRuns({ status: 'succeeded' })).runs).toMatchObject([{ attempt: 2 }]);
  });

  it('pauses and resumes it: the run counts as one all the same', async () => {
    const { work, end } = held();
    const { scheduler, clock, store } = await waitingScheduler({ work });
    store.addTask(makeTask('a', { trigger: { ...HOURLY, maxRuns: 1 }, nextRunTime: START }));
    const submitted = nextEvent(scheduler, 'run.submitted');
    scheduler.resume();
    await submitted;
    clock.advance(10);
    await scheduler.pauseTask('a');
    await scheduler.resumeTask('a');
    end();
    await settle();
    expect(store.lookupTask('a')).toBeNull();
    expect((await scheduler.getRuns()).runs).toMatchObject([{ status: 'succeeded' }]);
  });

  it('resumes it: times that were due during the pause are dropped, although a run by hand has begun', async () => {
    const { work } = held();
    const { scheduler, store, clock } = await waitingScheduler({ work });
    store.addTask(makeTask('a', { trigger: HOURLY, nextRunTime: START }));
    change(store, 'a', (task) => pauseOf(task, START - 1));
    const submitted = nextEvent(scheduler, 'run.submitted');
    await scheduler.runTask('a');
    scheduler.resume();
    await submitted;
    clock.advance(10);
    await scheduler.resumeTask('a');
    clock.advance(1_000);
    await settle();
    expect(store.lookupTask('a')!.state).toMatchObject({
      live: [{ source: 'manual', status: 'running' }],
      nextRunTime: START + 3_600_000,
      lastScheduledTime: null,
    });
  });

  it('replaces it: the claim is written at once on the same node', async () => {
    const { work } = held();
    const { scheduler, store } = await waitingScheduler({ work });
    store.addTask(makeTask('a', { trigger: HOURLY, nextRunTime: START }));
    scheduler.resume();
    await settle();
    await scheduler.addTask({ id: 'a', handler: 'work', trigger: HOURLY, name: 'new', replaceExisting: true });
    await settle();
    expect(store.lookupTask('a')).toMatchObject({
      definition: { name: 'new' },
      state: { lease: null, live: [{ status: 'running' }] },
    });
  });

  it('gives it another trigger, which stands although its first time is the same', async () => {
    const { work, end } = held();
    const { scheduler, clock, store } = await waitingScheduler({ work });
    store.addTask(
      makeTask('a', { trigger: { type: 'date', runAt: new Date(START).toISOString() }, nextRunTime: START }),
    );
    scheduler.resume();
    await settle();
    change(store, 'a', (task) => ({ ...task, definition: { ...task.definition, trigger: HOURLY } }));
    end();
    await settle();
    clock.advance(1_000);
    await settle();
    expect(store.lookupTask('a')?.state).toMatchObject({ nextRunTime: START + 3_600_000, exhausted: false });
  });

  it('is no longer in the way when there is nothing to start after it', async () => {
    const { scheduler, store } = await waitingScheduler({ work: () => 1 });
    store.addTask(makeTask('a', { trigger: HOURLY, nextRunTime: START, policies: { delivery: 'at-most-once' } }));
    store.beforeWrite = () => change(store, 'a', (task) => pauseOf(task, START));
    scheduler.resume();
    await settle();
    expect(store.lookupTask('a')!.state).toMatchObject({ lease: null, live: [], pause: { at: START } });
    expect((await scheduler.getRuns()).runs).toEqual([]);
  });

  it('is not taken for the claim: what is written beside it leaves the claim unwritten', () => {
    const base = makeTask('a', { nextRunTime: START });
    const lease = { owner: 'me', token: 9, at: START, attempt: 1, until: START + LEASE_MS };
    const run = makeLiveRun('a@now', { token: 9 });
    const planned = { ...base, state: { ...base.state, lastToken: 9, live: [run] } };
    const tasks = new HeldTasks();
    const origin = { record: planned, run, simpleSince: null };
    tasks.hold(new HeldRun(planned, run, origin, {} as RunServices, 0), { task: base, lease });
    const changed = { ...base, version: base.version + 2, state: { ...base.state, lease, lastToken: 9 } };
    tasks.note(changed);
    expect(tasks.isUnwritten('a')).toBe(true);
    expect(tasks.adopted(changed).state.live).toEqual([run]);
  });
});

describe('a trigger that counts from the end of a run', () => {
  const trigger = { type: 'fixedDelay', delay: 60_000 } as const;
  const waiting = makeLiveRun('a@waiting', { status: 'waiting', availableAt: START + 5_000, attempt: 2 });
  const byHand = makeLiveRun('a@hand', { status: 'waiting', source: 'manual', availableAt: START });

  it('counts from the moment in which its waiting run is cancelled', async () => {
    const { scheduler, store } = await waitingScheduler({ work: () => 1 });
    store.addTask(makeTask('a', { trigger, nextRunTime: null }));
    change(store, 'a', (task) => ({ ...task, state: { ...task.state, live: [waiting] } }));
    await scheduler.cancelRun('a@waiting');
    expect(store.lookupTask('a')!.state).toMatchObject({ live: [], nextRunTime: START + 60_000, exhausted: false });
  });

  it('counts from the moment in which its run is lost for good, although one by hand is under way', async () => {
    const { scheduler, store } = await waitingScheduler({ work: held().work });
    store.addTask(makeTask('a', { trigger, nextRunTime: null, policies: { delivery: 'at-most-once' } }));
    const dead = makeLiveRun('a@dead', { status: 'running', owner: 'dead', token: 5, leaseUntil: START - 1 });
    change(store, 'a', (task) => ({ ...task, state: { ...task.state, live: [dead, byHand] } }));
    scheduler.resume();
    await settle();
    expect(store.lookupTask('a')!.state).toMatchObject({
      live: [{ id: 'a@hand', status: 'running' }],
      nextRunTime: START + 60_000,
    });
  });
});

describe('a run that a dead scheduler may have begun', () => {
  it('has another attempt, although the grace of its time has passed with the lease', async () => {
    const { scheduler, clock, store } = await waitingScheduler({ work: () => 1 });
    store.addTask(makeTask('a', { trigger: HOURLY, nextRunTime: START, policies: { misfireGraceMs: 5_000 } }));
    takeAsDead(store);
    clock.advance(LEASE_MS);
    scheduler.resume();
    await settle();
    expect(new Set((await scheduler.getRuns()).runs.map(({ status, attempt }) => `${status} ${attempt}`))).toEqual(
      new Set(['lost 1', 'succeeded 2']),
    );
  });

  it('is the run of its own time, not of one that came under the lease', async () => {
    const ids: string[] = [];
    const { scheduler, clock, store } = await waitingScheduler({ work: (_args, { runId }) => void ids.push(runId) });
    store.addTask(makeTask('a', { trigger: { type: 'interval', seconds: 10 }, nextRunTime: START }));
    takeAsDead(store);
    clock.advance(LEASE_MS);
    scheduler.resume();
    await settle();
    const { runs } = await scheduler.getRuns({ status: 'lost' });
    expect(runs).toMatchObject([{ attempt: 1, owner: 'dead', scheduledTime: new Date(START) }]);
    expect(ids[0]).toBe(runs[0]!.id);
  });
});

describe('a store that fails after a taking', () => {
  it('does not keep those runs from starting that may start before their claim is written', async () => {
    const started: string[] = [];
    const { scheduler, store } = await waitingScheduler({ work: (_args, { task }) => void started.push(task.id) });
    store.addTask(makeTask('least', { nextRunTime: START }));
    store.addTask(makeTask('hourly', { nextRunTime: START, trigger: HOURLY }));
    store.addTask(makeTask('most', { nextRunTime: START, policies: { delivery: 'at-most-once' } }));
    store.beforeWrite = () => {
      throw new Error('The store is in trouble.');
    };
    scheduler.resume();
    await settle();
    expect(started.sort()).toEqual(['hourly', 'least']);
  });
});
