import { describe, expect, it } from 'vitest';
import { MemoryStore } from 'nestjs-asyncz';
import type { Handler } from 'nestjs-asyncz';
import type { Apply, Exchange, Selection, Transacted } from 'nestjs-asyncz/store';
import { makeLiveRun, makeTask } from 'nestjs-asyncz/testing';
import { nextEvent, recordEvents } from '../../../support/events.js';
import { MemoryCluster, TakingClusterStore } from '../../../support/memory.cluster.js';
import { createScheduler, settle, START } from '../../../support/scheduler.factory.js';

const LEASE_MS = 30_000;

/** A scheduler over a store in memory whose claims take tasks. */
function createTaking(handlers: Record<string, Handler>, options: { startPaused?: boolean; store?: MemoryStore } = {}) {
  return createScheduler(handlers, { store: new MemoryStore(), ...options });
}

/** A handler whose runs end when they are told to. */
function held() {
  const ends: (() => void)[] = [];
  return { work: () => new Promise<void>((resolve) => ends.push(resolve)), end: () => ends.shift()!() };
}

/** A handler that ends when its run is aborted. */
const untilAborted: Handler = (_args, { signal }) =>
  new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));

/** Puts a due task under the lease of a scheduler that is not there. */
function takeAs(store: MemoryStore, owner: string) {
  return store.exchange({ take: { handlers: null, limit: 1, owner, leaseMs: LEASE_MS } }).taken!.tasks[0]!.lease;
}

/** A scheduler that has just started a run of an hourly task. */
async function startedHourly(work: () => unknown) {
  const made = createTaking({ work }, { startPaused: true });
  await made.scheduler.start();
  made.store.addTask(
    makeTask('a', { trigger: { type: 'interval', hours: 1 }, nextRunTime: START, policies: { overlap: 'allow' } }),
  );
  made.scheduler.resume();
  await settle();
  return made;
}

describe('a claim that takes tasks', () => {
  it('writes a short run once: with its end', async () => {
    const written: string[] = [];
    class CountingStore extends MemoryStore {
      override exchange(asked: Exchange) {
        for (const { from, task } of asked.write ?? []) written.push(`${from.id} ${task ? 'kept' : 'removed'}`);
        return super.exchange(asked);
      }
      override transact<T>(selection: Selection, apply: Apply<T>): Transacted<T> {
        written.push(`transact ${JSON.stringify(selection)}`);
        return super.transact(selection, apply);
      }
    }
    const store = new CountingStore();
    const { scheduler } = createTaking({ work: () => 1 }, { store, startPaused: true });
    await scheduler.start();
    store.addTask(makeTask('once', { nextRunTime: START }));
    const trigger = { type: 'interval', hours: 1 } as const;
    store.addTask(makeTask('again', { trigger, nextRunTime: START }));
    written.length = 0;
    const events = recordEvents(scheduler);
    scheduler.resume();
    await settle();
    expect(events.filter(({ name }) => name === 'run.succeeded')).toHaveLength(2);
    expect(written.sort()).toEqual(['again kept', 'once removed']);
    expect(store.lookupTask('again')!.state).toMatchObject({ lease: null, live: [], nextRunTime: START + 3_600_000 });
  });

  it('has a run that goes on written after half a second, and counts its task as running before', async () => {
    const { work, end } = held();
    const { scheduler, clock, store } = createTaking({ work });
    await scheduler.start();
    const { id } = await scheduler.addTask({ handler: 'work' });
    await settle();
    expect(store.lookupTask(id)!.state).toMatchObject({ live: [], lease: { owner: scheduler.identity, attempt: 1 } });
    expect((await scheduler.getTaskInfos({ state: 'running' })).tasks).toMatchObject([{ id, live: [] }]);
    clock.advance(500);
    await settle();
    const { live, lease } = store.lookupTask(id)!.state;
    expect(live).toMatchObject([{ status: 'running', owner: scheduler.identity, leaseUntil: START + 500 + LEASE_MS }]);
    expect(lease).toBeNull();
    end();
    await settle();
    expect((await scheduler.getRuns({ taskId: id })).runs).toMatchObject([{ status: 'succeeded', attempt: 1 }]);
  });

  it('never starts an at-most-once run before it is written', async () => {
    const seen: unknown[] = [];
    const { scheduler, store } = createTaking({
      work: (_args, { task }) => {
        const { live, lease } = store.lookupTask(task.id)!.state;
        seen.push([task.id, live.length, lease === null]);
      },
    });
    await scheduler.start();
    await scheduler.addTask({ id: 'least', handler: 'work' });
    await settle();
    await scheduler.addTask({ id: 'most', handler: 'work', delivery: 'at-most-once' });
    await settle();
    expect(seen).toEqual([
      ['least', 0, false],
      ['most', 1, true],
    ]);
  });

  it('records one attempt of the schedulers that died one after the other before they had written, and runs the task again', async () => {
    const { scheduler, clock, store } = createTaking({ work: () => 1 }, { startPaused: true });
    await scheduler.start();
    store.addTask(makeTask('a', { nextRunTime: START }));
    const leases = [takeAs(store, 'first')];
    clock.advance(LEASE_MS);
    leases.push(takeAs(store, 'second'));
    expect(leases).toMatchObject([{ attempt: 1 }, { attempt: 2 }]);
    scheduler.resume();
    await settle();
    expect((await scheduler.getRuns()).runs).toEqual([]);
    const lost = nextEvent(scheduler, 'run.lost');
    const succeeded = nextEvent(scheduler, 'run.succeeded');
    clock.advance(LEASE_MS);
    expect(await lost).toMatchObject({ taskId: 'a', attempt: 1 });
    expect(await succeeded).toMatchObject({ taskId: 'a', attempt: 2 });
    const { runs } = await scheduler.getRuns();
    const { token } = leases[1]!;
    expect(runs.find(({ status }) => status === 'lost')).toMatchObject({ attempt: 1, owner: 'second', token });
    expect(runs).toHaveLength(2);
  });

  it('records the attempt of before a pause also when whoever found it died before that was written', async () => {
    const { scheduler, clock, store } = createTaking({ work: () => 1 }, { startPaused: true });
    await scheduler.start();
    store.addTask(makeTask('a', { nextRunTime: START }));
    takeAs(store, 'began it');
    clock.advance(1_000);
    await scheduler.pauseTask('a');
    clock.advance(LEASE_MS);
    takeAs(store, 'found it');
    scheduler.resume();
    clock.advance(LEASE_MS);
    await settle();
    expect((await scheduler.getRuns()).runs).toMatchObject([{ status: 'lost', attempt: 1 }]);
    await scheduler.resumeTask('a');
    await settle();
    const { runs } = await scheduler.getRuns();
    expect(runs).toMatchObject([
      { status: 'succeeded', attempt: 2, scheduledTime: new Date(START) },
      { status: 'lost', attempt: 1 },
    ]);
  });

  it('records nothing of an at-most-once run that was taken and not begun: it runs', async () => {
    const { scheduler, clock, store } = createTaking({ work: () => 1 }, { startPaused: true });
    await scheduler.start();
    store.addTask(makeTask('a', { nextRunTime: START, policies: { delivery: 'at-most-once' } }));
    takeAs(store, 'dead');
    clock.advance(LEASE_MS);
    scheduler.resume();
    await settle();
    expect((await scheduler.getRuns()).runs).toMatchObject([{ status: 'succeeded', attempt: 1 }]);
  });

  it('keeps what was changed before the claim was written', async () => {
    const { work, end } = held();
    const { scheduler, clock, store } = await startedHourly(work);
    expect(store.lookupTask('a')!.state.live).toEqual([]);
    await scheduler.pauseTask('a', { reason: 'not now' });
    clock.advance(1_000);
    await settle();
    expect(store.lookupTask('a')!.state).toMatchObject({
      pause: { reason: 'not now' },
      live: [{ status: 'running' }],
      lease: null,
      nextRunTime: START + 3_600_000,
    });
    await scheduler.resumeTask('a');
    end();
    await settle();
    expect((await scheduler.getRuns()).runs).toMatchObject([{ status: 'succeeded' }]);
  });

  it('keeps what was changed before the end of a run whose claim was never written', async () => {
    const { work, end } = held();
    const { scheduler, store } = await startedHourly(work);
    await scheduler.updateTask('a', { name: 'renamed' });
    const succeeded = nextEvent(scheduler, 'run.succeeded');
    end();
    await succeeded;
    const task = store.lookupTask('a')!;
    expect(task.definition.name).toBe('renamed');
    expect(task.state).toMatchObject({ live: [], lease: null, nextRunTime: START + 3_600_000 });
  });

  it('is written when somebody looks at the task on the same node', async () => {
    const { scheduler, store } = await startedHourly(() => new Promise(() => {}));
    expect(store.lookupTask('a')!.state.live).toEqual([]);
    expect(await scheduler.getTaskInfo('a')).toMatchObject({ state: 'running', live: [{ status: 'running' }] });
  });

  it('has a run cancelled, and waited for, that is not written yet', async () => {
    const { scheduler } = createTaking({ work: untilAborted });
    await scheduler.start();
    const started = nextEvent(scheduler, 'run.started');
    const cancelled = nextEvent(scheduler, 'run.cancelled');
    await scheduler.addTask({ handler: 'work' });
    const { runId } = await started;
    const waited = scheduler.waitForRun(runId);
    await scheduler.cancelRun(runId, { reason: 'enough' });
    expect(await cancelled).toMatchObject({ runId });
    expect(await waited).toMatchObject({ id: runId, status: 'cancelled' });
  });

  it('starts at once what is asked for while a run of the task is not written yet', async () => {
    let runs = 0;
    const { scheduler, clock, store } = await startedHourly(() => {
      runs += 1;
      return new Promise(() => {});
    });
    await scheduler.runTask('a');
    await settle();
    expect(runs).toBe(2);
    clock.advance(1_000);
    await settle();
    expect(store.lookupTask('a')!.state.live.map(({ status, source }) => [status, source])).toEqual([
      ['running', 'manual'],
      ['running', 'schedule'],
    ]);
  });

  it('starts what another scheduler asks for when the claim is written', async () => {
    let runs = 0;
    const { clock, store } = await startedHourly(() => {
      runs += 1;
      return new Promise(() => {});
    });
    const run = makeLiveRun('a@asked', { source: 'manual', status: 'waiting', availableAt: START });
    store.transact({ ids: ['a'] }, (task) => ({
      task: { ...task, state: { ...task.state, live: [...task.state.live, run] } },
      value: null,
    }));
    clock.advance(1_000);
    await settle();
    expect(runs).toBe(2);
  });

  it('gives back what it cannot start, and takes nothing for ten seconds then', async () => {
    const asked: string[] = [];
    class LoggingStore extends MemoryStore {
      override exchange(exchange: Exchange) {
        if (exchange.take) asked.push('take');
        return super.exchange(exchange);
      }
      override transact<T>(selection: Selection, apply: Apply<T>): Transacted<T> {
        if ('due' in selection) asked.push('decide');
        return super.transact(selection, apply);
      }
    }
    const store = new LoggingStore();
    const { scheduler, clock } = createTaking({ work: () => 1 }, { store, startPaused: true });
    await scheduler.start();
    store.addTask(makeTask('elsewhere', { nextRunTime: START, executor: 'unknown' }));
    scheduler.resume();
    await settle();
    expect(asked).toEqual(['take']);
    expect(store.lookupTask('elsewhere')!.state).toMatchObject({ lease: null, live: [] });
    clock.advance(1_000);
    await settle();
    expect(new Set(asked.splice(0).slice(1))).toEqual(new Set(['decide']));
    store.deleteTask('elsewhere');
    clock.advance(15_000);
    await settle();
    const { id } = await scheduler.addTask({ handler: 'work' });
    await settle();
    expect(asked.at(-1)).toBe('take');
    expect((await scheduler.getRuns({ taskId: id })).runs).toHaveLength(1);
  });

  it('gives back what it has not started: at the stop of its scheduler another one runs it', async () => {
    const { scheduler, clock, store } = createTaking({ work: untilAborted });
    await scheduler.start();
    const { id } = await scheduler.addTask({ handler: 'work' });
    await settle();
    const stopped = scheduler.shutdown(0);
    for (let turn = 0; turn < 20 && scheduler.state !== 'stopped'; turn += 1) {
      clock.advance(1_000);
      await settle();
    }
    await stopped;
    expect(store.lookupTask(id)!.state).toMatchObject({ lease: null, live: [{ status: 'waiting', attempt: 2 }] });
  });

  it('starts each run on one of two schedulers', async () => {
    const cluster = new MemoryCluster();
    const starts = new Map<string, number>();
    const work = (_args: readonly unknown[], { task }: { readonly task: { readonly id: string } }) =>
      void starts.set(task.id, (starts.get(task.id) ?? 0) + 1);
    const store = () => new TakingClusterStore(cluster.disk);
    const [one] = await Promise.all(['one', 'two'].map((name) => cluster.join(name, { work }, { store: store() })));
    const ids = Array.from({ length: 200 }, (_, at) => `t${at}`);
    await Promise.all(ids.map((id) => one!.addTask({ id, handler: 'work' })));
    for (let turn = 0; turn < 200 && starts.size < ids.length; turn += 1) {
      cluster.clock.advance(10);
      await settle();
    }
    expect([...starts.keys()].sort()).toEqual(ids.sort());
    expect([...starts.values()].every((count) => count === 1)).toBe(true);
  });
});
