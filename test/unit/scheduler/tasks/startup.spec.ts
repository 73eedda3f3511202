import { describe, expect, it } from 'vitest';
import { AsyncExecutor, createTrigger, MemoryStore } from 'nestjs-asyncz';
import type { DeclaredTask, Handler, Scheduler } from 'nestjs-asyncz';
import type { Apply, Selection } from 'nestjs-asyncz/store';
import { Barrier } from '../../../support/barrier.js';
import { nextEvent, recordEvents } from '../../../support/events.js';
import { Gate } from '../../../support/gate.js';
import { HookedStore } from '../../../support/hooked.store.js';
import { MemoryCluster } from '../../../support/memory.cluster.js';
import { createScheduler, settle } from '../../../support/scheduler.factory.js';

type Phase = 'startup' | 'shutdown';

/** A handler that takes some turns, and counts the runs that are under way. */
class Counter {
  /** The tasks in the order of their starts. */
  readonly started: string[] = [];
  /** How many were under way at the same time at the most. */
  most = 0;
  #under = 0;
  #ended = 0;
  #reached: () => void = () => {};
  readonly #allEnded: Promise<void>;

  constructor(private readonly expected: number) {
    this.#allEnded = new Promise((resolve) => (this.#reached = resolve));
  }

  readonly handler: Handler = async (_args, { task }) => {
    this.started.push(task.id);
    this.#under += 1;
    this.most = Math.max(this.most, this.#under);
    await new Promise((resolve) => setImmediate(resolve));
    this.#under -= 1;
    this.#ended += 1;
    if (this.#ended === this.expected) this.#reached();
  };

  /** Has a scheduler run its tasks: a shutdown waits for them, a start does not. */
  async run(scheduler: Scheduler, phase: Phase): Promise<void> {
    await scheduler.start();
    if (phase === 'startup') await this.#allEnded;
    else await scheduler.shutdown();
  }
}

function tasksOf(phase: Phase, count: number, fields: Partial<DeclaredTask> = {}): DeclaredTask[] {
  const trigger = createTrigger({ type: phase });
  return Array.from({ length: count }, (_, at) => {
    const id = `t${String(at).padStart(4, '0')}`;
    return { id, handler: 'work', trigger, ...fields };
  });
}

describe.each<Phase>(['startup', 'shutdown'])('tasks of a %s', (phase) => {
  it('of one group run no more at a time than its limit, and all of them run', async () => {
    const tasks = tasksOf(phase, 5, { group: 'erp', groupLimit: 1 });
    const counter = new Counter(tasks.length);
    const { scheduler } = createScheduler({ work: counter.handler });
    scheduler.declareTasks(tasks);
    await counter.run(scheduler, phase);
    expect(counter.started.toSorted()).toEqual(tasks.map(({ id }) => id));
    expect(counter.most).toBe(1);
  });

  it('run no more at a time than their executor has room for, and all of them run', async () => {
    const tasks = tasksOf(phase, 50);
    const counter = new Counter(tasks.length);
    const executors = { default: new AsyncExecutor({ concurrency: 2 }) };
    const { scheduler } = createScheduler({ work: counter.handler }, { executors });
    scheduler.declareTasks(tasks);
    await counter.run(scheduler, phase);
    expect(counter.started.toSorted()).toEqual(tasks.map(({ id }) => id));
    expect(counter.most).toBe(2);
  });

  it('all run, however many there are', async () => {
    const tasks = tasksOf(phase, 1_005);
    const counter = new Counter(tasks.length);
    const { scheduler } = createScheduler({ work: counter.handler });
    scheduler.declareTasks(tasks);
    await counter.run(scheduler, phase);
    expect(counter.started.toSorted()).toEqual(tasks.map(({ id }) => id));
  });

  it('all run although each removes its task', async () => {
    const tasks = tasksOf(phase, 1_005);
    const counter = new Counter(tasks.length);
    const { scheduler, store } = createScheduler({
      work: async (args, context) => {
        store.deleteTask(context.task.id);
        await counter.handler(args, context);
      },
    });
    scheduler.declareTasks(tasks);
    await counter.run(scheduler, phase);
    expect(counter.started.toSorted()).toEqual(tasks.map(({ id }) => id));
  });

  it('do not run while they are paused', async () => {
    const counter = new Counter(1);
    const { scheduler } = createScheduler({ work: counter.handler });
    scheduler.declareTasks([...tasksOf(phase, 1), ...tasksOf(phase, 1, { id: 'paused', paused: true })]);
    await counter.run(scheduler, phase);
    await settle();
    expect(counter.started).toEqual(['t0000']);
  });
});

describe('a start with more startup tasks than one call of the store takes', () => {
  it('renews the leases of those that run while the others are still being started', async () => {
    const barrier = new Barrier();
    let isAsked = () => {};
    const asked = new Promise<void>((resolve) => (isAsked = resolve));
    const store = new (class extends MemoryStore {
      override transact<T>(selection: Selection, apply: Apply<T>) {
        const isSecondCall = 'ids' in selection && selection.ids.includes('t1000');
        // To the compiler the store answers at once, as it does otherwise.
        return isSecondCall
          ? (hold(() => super.transact(selection, apply)) as never)
          : super.transact(selection, apply);
      }
    })();
    const hold = async <T>(work: () => T): Promise<T> => {
      isAsked();
      await barrier.passed;
      return work();
    };
    const gate = new Gate();
    const { scheduler, clock } = createScheduler(
      { work: (args, context) => (context.task.id === 't0000' ? gate.handler(args, context) : undefined) },
      { store, lease: '5s' },
    );
    for (const task of tasksOf('startup', 1_001)) await scheduler.addTask(task);
    const starting = scheduler.start();
    await asked;
    const leaseUntil = () => store.lookupTask('t0000')!.state.live[0]!.leaseUntil!;
    const first = leaseUntil();
    for (let seconds = 0; seconds < 20; seconds += 1) {
      clock.advance(1_000);
      await settle();
    }
    expect(leaseUntil()).toBeGreaterThan(first + 15_000);
    barrier.open();
    await starting;
    expect(gate.order).toEqual(['t0000']);
    await gate.end('t0000');
  });
});

describe('a shutdown whose time is up', () => {
  const TIMEOUT_MS = 1_000;

  /** A scheduler that stops and has room for one run, another one that looks at the store afterwards, and what they share. */
  async function stopping(count: number) {
    const cluster = new MemoryCluster();
    const store = new HookedStore(cluster.disk);
    const gate = new Gate();
    const executors = { default: new AsyncExecutor({ concurrency: 1 }) };
    const scheduler = await cluster.join('one', { work: gate.handler }, { executors, store });
    for (const task of tasksOf('shutdown', count)) await scheduler.addTask(task);
    const events = recordEvents(scheduler);
    return { cluster, store, gate, scheduler, events };
  }

  it('records what has not started as cancelled, and says so', async () => {
    const { cluster, gate, scheduler, events } = await stopping(3);
    const started = nextEvent(scheduler, 'run.started');
    const stopped = scheduler.shutdown(TIMEOUT_MS);
    await started;
    cluster.clock.advance(TIMEOUT_MS);
    await stopped;
    expect(gate.order).toEqual(['t0000']);
    const other = await cluster.join('other');
    const { runs } = await other.getRuns();
    expect(Object.fromEntries(runs.map(({ taskId, status }) => [taskId, status]))).toEqual({
      t0001: 'cancelled',
      t0002: 'cancelled',
    });
    // The one that was under way is given back, as any other run is.
    const { tasks } = await other.getTaskInfos({ sortBy: 'id' });
    expect(tasks).toMatchObject([{ live: [{ status: 'waiting', attempt: 2 }] }, { live: [] }, { live: [] }]);
    expect(events.filter(({ name }) => name === 'run.cancelled')).toHaveLength(2);
  });

  it('aborts what starts although the time is up, since the store took so long', async () => {
    const { cluster, store, gate, scheduler } = await stopping(1);
    let goOn = () => {};
    const asked = new Promise<void>((isAsked) => {
      store.after.transact = (selection) => {
        if (!('ids' in selection) || selection.ids[0] !== 't0000') return;
        delete store.after.transact;
        isAsked();
        return new Promise<void>((resolve) => (goOn = resolve));
      };
    });
    const stopped = scheduler.shutdown(TIMEOUT_MS);
    await asked;
    cluster.clock.advance(TIMEOUT_MS);
    goOn();
    // The clock stands still, so nobody waits for the end of a grace time.
    await stopped;
    expect(gate.order).toEqual(['t0000']);
    expect(gate.under).toEqual([]);
  });

  it('keeps no slot of a group for what has not started', async () => {
    const { cluster, gate, scheduler } = await stopping(0);
    for (const task of tasksOf('shutdown', 3, { group: 'erp', groupLimit: 2 })) await scheduler.addTask(task);
    const started = nextEvent(scheduler, 'run.started');
    const stopped = scheduler.shutdown(TIMEOUT_MS);
    await started;
    cluster.clock.advance(TIMEOUT_MS);
    await stopped;
    expect(gate.order).toHaveLength(1);
    const other = await cluster.join('other');
    expect(await other.getTaskInfo('asyncz:group:erp')).toMatchObject({ live: [] });
  });
});
