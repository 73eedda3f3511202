import { describe, expect, it } from 'vitest';
import { AsyncExecutor, MemoryStore, StartTimeoutError, StoreStartError } from 'nestjs-asyncz';
import type { Handler, Logger, SchedulerOptions, SettableClock } from 'nestjs-asyncz';
import type { TaskRecord } from 'nestjs-asyncz/store';
import { nextEvent } from '../../support/events.js';
import { createScheduler, settle } from '../../support/scheduler.factory.js';
import { DecidingStore } from '../../support/deciding.store.js';

type Method =
  'start' | 'shutdown' | 'now' | 'schedulers' | 'heartbeat' | 'retire' | 'startTasks' | 'addTasks' | 'deleteTask';

/** A store of which one method does what it is asked and never answers, for as long as it is told to. */
class HangingStore extends DecidingStore {
  readonly address = 'the shelf at 10.0.0.7';
  hangs = true;
  /** Has all calls of the method answered after all. */
  readonly answer = () => this.#answers.splice(0).forEach((answer) => answer());
  readonly #answers: (() => void)[] = [];

  constructor(method: Method | 'transact') {
    super();
    const real = (this[method] as (...args: unknown[]) => unknown).bind(this);
    const hanging = (...args: unknown[]) => {
      const result = real(...args);
      return this.hangs ? new Promise((resolve) => this.#answers.push(() => resolve(result))) : result;
    };
    Object.defineProperty(this, method, { value: hanging });
  }
}

/** How long something takes by a clock that is moved on until then, in milliseconds. */
async function timeOf(clock: SettableClock, work: Promise<unknown>): Promise<number> {
  const start = clock.monotonic();
  const state = { isOver: false };
  const over = () => (state.isOver = true);
  work.then(over, over);
  await settle();
  while (!state.isOver && clock.monotonic() - start < 600_000) {
    clock.advance(100);
    await settle();
  }
  return clock.monotonic() - start;
}

function create(
  handlers: Record<string, Handler>,
  options: Omit<SchedulerOptions, 'stores'> & { store?: MemoryStore },
) {
  const lines: string[] = [];
  const logger: Logger = {
    debug() {},
    info: (line) => lines.push(line),
    warn: (line) => lines.push(line),
    error: (line) => lines.push(line),
  };
  return { ...createScheduler(handlers, { ...options, logger }), lines };
}

describe('a start, when something never answers', () => {
  it.each<Method>(['start', 'now', 'schedulers', 'heartbeat', 'deleteTask', 'startTasks', 'addTasks'])(
    'fails after startTimeout, and names the store and its address: %s',
    async (method) => {
      const store = new HangingStore(method);
      const { scheduler, clock } = create({ work: () => {} }, { store });
      scheduler.declareTasks([{ id: 'a', handler: 'work', trigger: { type: 'interval', seconds: 1 } }]);
      const started = scheduler.start();
      started.catch(() => {});
      expect(await timeOf(clock, started)).toBeLessThanOrEqual(35_000);
      await expect(started).rejects.toThrow(/store "default" \(the shelf at 10\.0\.0\.7\).*startTimeout/);
      expect(scheduler.state).toBe('stopped');
    },
  );

  it('fails as early as startTimeout says, for an executor and for the source of the keys too', async () => {
    class HangingExecutor extends AsyncExecutor {
      start = () => new Promise<void>(() => {});
    }
    const slow = { executors: { slow: new HangingExecutor() } };
    const keyless = { encryption: { keys: () => new Promise<never>(() => {}) } };
    for (const options of [slow, keyless]) {
      const { scheduler, clock } = create({}, { ...options, startTimeout: '3s' } as SchedulerOptions);
      const started = scheduler.start();
      started.catch(() => {});
      expect(await timeOf(clock, started)).toBeLessThanOrEqual(3_100);
      await expect(started).rejects.toBeInstanceOf(StartTimeoutError);
    }
  });

  it('leaves nothing open of a store that opens later, and can be made again', async () => {
    const store = new HangingStore('start');
    const { scheduler, clock } = create({}, { store });
    const started = scheduler.start();
    started.catch(() => {});
    await timeOf(clock, started);
    await expect(started).rejects.toBeInstanceOf(StoreStartError);
    store.hangs = false;
    const again = scheduler.start();
    await settle();
    expect(scheduler.state).toBe('starting');
    store.answer();
    await again;
    expect(scheduler.state).toBe('running');
  });

  it('keeps the tasks that were added before, for the next start', async () => {
    class LosingStore extends MemoryStore {
      hangs = true;
      override addTasks(tasks: readonly TaskRecord[]) {
        const isMeant = this.hangs && tasks.some(({ id }) => id === 'early');
        return isMeant ? (new Promise(() => {}) as never) : super.addTasks(tasks);
      }
    }
    const store = new LosingStore();
    const { scheduler, clock } = create({ work: () => {} }, { store });
    await scheduler.addTask({ id: 'early', handler: 'work', trigger: { type: 'interval', hours: 1 } });
    const started = scheduler.start();
    started.catch(() => {});
    await timeOf(clock, started);
    expect(scheduler.state).toBe('stopped');
    expect((await scheduler.getTasks()).map(({ id }) => id)).toEqual(['early']);
    store.hangs = false;
    await scheduler.start();
    expect((await scheduler.getTasks()).map(({ id }) => id)).toEqual(['early']);
  });

  it('is given up when the scheduler is stopped meanwhile, in the time of that stop', async () => {
    const { scheduler, clock } = create({}, { store: new HangingStore('start') });
    const started = scheduler.start();
    started.catch(() => {});
    await settle();
    expect(await timeOf(clock, scheduler.shutdown(2_000))).toBeLessThanOrEqual(7_000);
    await expect(started).rejects.toThrow('startTimeout');
    expect(scheduler.state).toBe('stopped');
  });
});

describe('a stop, when something never answers', () => {
  it.each<Method>(['shutdown', 'retire', 'deleteTask', 'startTasks'])(
    'ends five seconds after shutdownTimeout at the latest: %s',
    async (method) => {
      const store = new HangingStore(method);
      store.hangs = false;
      const { scheduler, clock, lines } = create({}, { store });
      await scheduler.start();
      store.hangs = true;
      expect(await timeOf(clock, scheduler.shutdown())).toBeLessThanOrEqual(15_000);
      expect(scheduler.state).toBe('stopped');
      expect(lines.join('\n')).toMatch(
        /the store "default" \(the shelf at 10\.0\.0\.7\) has not ended|has not answered/,
      );
      store.hangs = false;
    },
  );

  it('ends in that time with a claim under way, and starts nothing of it when it is answered later', async () => {
    const ran: string[] = [];
    const store = new HangingStore('transact');
    store.hangs = false;
    const { scheduler, clock } = create({ work: (_args, { task }) => ran.push(task.id) }, { store });
    await scheduler.start();
    await scheduler.addTask({ id: 'first', handler: 'work' });
    await settle();
    store.hangs = true;
    await scheduler.addTask({ id: 'second', handler: 'work' });
    await settle();
    expect(await timeOf(clock, scheduler.shutdown())).toBeLessThanOrEqual(15_000);
    store.hangs = false;
    store.answer();
    await settle();
    expect(ran).toEqual(['first']);
  });

  it('leaves a start that follows alone, when what hung is answered after it', async () => {
    const store = new HangingStore('transact');
    store.hangs = false;
    const { scheduler, clock } = create({ work: () => 'done' }, { store });
    await scheduler.start();
    store.hangs = true;
    await scheduler.addTask({ id: 'hangs', handler: 'work' });
    await settle();
    await timeOf(clock, scheduler.shutdown());
    store.hangs = false;
    await scheduler.start();
    store.answer();
    await settle();
    const succeeded = nextEvent(scheduler, 'run.succeeded', ({ taskId }) => taskId === 'later');
    await scheduler.addTask({ id: 'later', handler: 'work' });
    await succeeded;
    await scheduler.shutdown();
  });

  it('ends in that time with an executor and a handler that ignore it', async () => {
    class HangingExecutor extends AsyncExecutor {
      shutdown = () => new Promise<void>(() => {});
    }
    const { scheduler, clock } = create(
      { work: () => new Promise(() => {}) },
      { executors: { default: new HangingExecutor() } },
    );
    await scheduler.start();
    await scheduler.addTask({ handler: 'work' });
    await settle();
    expect(await timeOf(clock, scheduler.shutdown(1_000))).toBeLessThanOrEqual(6_000);
    expect(scheduler.state).toBe('stopped');
  });

  it('ends also when a store throws while it is told to end', async () => {
    class ThrowingStore extends MemoryStore {
      override onWake(): () => void {
        return () => {
          throw new Error('no such listener');
        };
      }
      override shutdown(): void {
        void super.shutdown();
        throw new Error('cannot be closed');
      }
    }
    const { scheduler } = create({}, { store: new ThrowingStore() });
    await scheduler.start();
    await scheduler.shutdown();
    expect(scheduler.state).toBe('stopped');
    await scheduler.start();
    expect(scheduler.state).toBe('running');
  });

  it('says what it waits for, and is the same one for whoever asks again, who may want it sooner', async () => {
    const handler: Handler = (_args, { signal }) =>
      new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
    const { scheduler, clock, lines } = create({ work: handler }, {});
    await scheduler.start();
    const submitted = nextEvent(scheduler, 'run.started');
    await scheduler.addTask({ id: 'report', handler: 'work' });
    await submitted;
    const stopped = [scheduler.shutdown(), scheduler.shutdown()];
    await settle();
    expect(lines.join('\n')).toMatch(/Waiting up to 10 s for 1 run: report@/);
    clock.advance(5_000);
    await settle();
    expect(scheduler.state).toBe('stopping');
    const sooner = scheduler.shutdown(0);
    expect(await timeOf(clock, Promise.all([...stopped, sooner]))).toBeLessThanOrEqual(100);
    expect(lines.filter((line) => line.includes('stopped'))).toHaveLength(1);
  });
});
