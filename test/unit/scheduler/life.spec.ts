import { describe, expect, it } from 'vitest';
import { AsyncExecutor, MemoryStore, StoreInUseError, StoreStartError } from 'nestjs-asyncz';
import { Barrier } from '../../support/barrier.js';
import { nextEvent, recordEvents } from '../../support/events.js';
import { ClusterStore, MemoryCluster } from '../../support/memory.cluster.js';
import { createScheduler, settle } from '../../support/scheduler.factory.js';
import type { Apply, Selection, StoreContext, Transacted } from 'nestjs-asyncz/store';
import { DecidingStore } from '../../support/deciding.store.js';

/** Is slow to say its time, which is the last thing that it is asked when it is opened. */
class SlowStore extends MemoryStore {
  readonly barrier = new Barrier();

  override async now(): Promise<number> {
    await this.barrier.passed;
    return super.now();
  }
}

class CountingExecutor extends AsyncExecutor {
  starts = 0;
  fails = false;

  start(): void {
    this.starts += 1;
    if (this.fails) throw new Error('no room');
  }
}

describe('starting and stopping, with something else under way', () => {
  it('starts once: whoever asks meanwhile waits until the first start is done, its startup tasks started', async () => {
    const barrier = new Barrier();
    class SlowToFind extends MemoryStore {
      override async startTasks(...args: Parameters<MemoryStore['startTasks']>) {
        if (args[0] === 'startup') await barrier.passed;
        return super.startTasks(...args);
      }
    }
    const { scheduler } = createScheduler({}, { store: new SlowToFind() });
    const order: string[] = [];
    const started = [1, 2].map(async (call) => {
      if (call === 2) await settle();
      await scheduler.start();
      order.push(`start ${call}`);
    });
    await settle();
    await settle();
    order.push('open');
    barrier.open();
    await Promise.all(started);
    expect(order).toEqual(['open', 'start 1', 'start 2']);
  });

  it('opens a store that is added during the start', async () => {
    const ran: string[] = [];
    const store = new SlowStore();
    const { scheduler } = createScheduler({ work: (_args, { task }) => ran.push(task.id) }, { store });
    const started = scheduler.start();
    await settle();
    const added = scheduler.addStore('second', new MemoryStore());
    store.barrier.open();
    await Promise.all([started, added]);
    await scheduler.addTask({ id: 'there', handler: 'work', store: 'second' });
    await settle();
    expect(ran).toEqual(['there']);
    expect((await scheduler.getSchedulerInfo()).stores).toMatchObject([{ state: 'ok' }, { state: 'ok' }]);
  });

  it('works on no store that is removed during the start', async () => {
    const store = new SlowStore();
    const second = new MemoryStore();
    const { scheduler } = createScheduler({}, { store });
    await scheduler.addStore('second', second);
    const started = scheduler.start();
    await settle();
    const removed = scheduler.removeStore('second');
    store.barrier.open();
    await Promise.all([started, removed]);
    const other = createScheduler({}, { store: second });
    await other.scheduler.start();
    expect(other.scheduler.state).toBe('running');
  });

  it('leaves nothing open of a store that is added when it stops', async () => {
    const store = new SlowStore();
    const { scheduler, clock } = createScheduler();
    await scheduler.start();
    const added = scheduler.addStore('second', store);
    await settle();
    const stopped = scheduler.shutdown();
    await settle();
    store.barrier.open();
    await Promise.all([added, stopped]);
    expect(scheduler.state).toBe('stopped');
    expect(clock.pendingTimers).toBe(0);
    const other = createScheduler({}, { store });
    await other.scheduler.start();
    expect(other.scheduler.state).toBe('running');
  });

  it('leaves nothing behind of a store that cannot be worked on', async () => {
    class DeafStore extends ClusterStore {
      #listeners = 0;

      override onWake(listener: () => void): () => void {
        this.#listeners += 1;
        if (this.#listeners > 1) throw new Error('nobody to hear');
        return super.onWake(listener);
      }
    }
    const cluster = new MemoryCluster();
    const barrier = new Barrier();
    const up = () => barrier.passed;
    const client = await cluster.join('client', {}, { role: 'client' });
    await client.addTask({ id: 'up', handler: 'up', trigger: { type: 'startup' } });
    const { scheduler, clock } = createScheduler({ up });
    await scheduler.start();
    await settle();
    const before = clock.pendingTimers;
    const started = nextEvent(scheduler, 'run.started');
    await expect(scheduler.addStore('deaf', new DeafStore(cluster.disk))).rejects.toThrow('nobody to hear');
    await started;
    barrier.open();
    await settle();
    expect(clock.pendingTimers).toBe(before);
  });

  it('starts an executor that is added during the start', async () => {
    const store = new SlowStore();
    const { scheduler } = createScheduler({ work: () => {} }, { store });
    const started = scheduler.start();
    await settle();
    const executor = new CountingExecutor();
    const added = scheduler.addExecutor('own', executor);
    store.barrier.open();
    await Promise.all([started, added]);
    expect(executor.starts).toBe(1);
  });

  it('does not have an executor that could not be started', async () => {
    const { scheduler } = createScheduler();
    await scheduler.start();
    const executor = new CountingExecutor();
    executor.fails = true;
    await expect(scheduler.addExecutor('own', executor)).rejects.toThrow('no room');
    expect((await scheduler.getSchedulerInfo()).executors.map(({ alias }) => alias)).toEqual(['default']);
  });
});

describe('starting and stopping', () => {
  class BrokenStore extends MemoryStore {
    override start(_context: StoreContext): void {
      throw new Error('no such disk');
    }
  }

  it('fails with the reason when a store cannot be started, and leaves nothing open', async () => {
    const good = new MemoryStore();
    const { scheduler } = createScheduler({}, { store: good });
    await scheduler.addStore('broken', new BrokenStore());
    await expect(scheduler.start()).rejects.toThrow(/"broken".*no such disk/);
    await expect(scheduler.start()).rejects.toBeInstanceOf(StoreStartError);
    expect(scheduler.state).toBe('stopped');
    await scheduler.removeStore('broken');
    await scheduler.start();
    expect(scheduler.state).toBe('running');
  });

  it('refuses a store that another scheduler of the process has', async () => {
    const store = new MemoryStore();
    const first = createScheduler({}, { store });
    const second = createScheduler({}, { store });
    await first.scheduler.start();
    const refused = second.scheduler.start();
    await expect(refused).rejects.toThrow(/in use by/);
    await expect(refused).rejects.toMatchObject({ cause: expect.any(StoreInUseError) });
  });

  it('starts and stops as often as it is told, each once', async () => {
    const { scheduler } = createScheduler({ work: () => 1 });
    const events = recordEvents(scheduler);
    await Promise.all([scheduler.start(), scheduler.start()]);
    await scheduler.start();
    await Promise.all([scheduler.shutdown(), scheduler.shutdown()]);
    await scheduler.shutdown();
    await scheduler.start();
    expect(events.map(({ name }) => name)).toEqual(['scheduler.started', 'scheduler.shutdown', 'scheduler.started']);
  });

  it('keeps other stores going when one fails, retries with growing pauses, and tells when it is back', async () => {
    let down = false;
    class FlakyStore extends DecidingStore {
      override transact<T>(selection: Selection, apply: Apply<T>): Transacted<T> {
        if (down) throw new Error('connection refused');
        return super.transact(selection, apply);
      }
    }
    const { scheduler, clock } = createScheduler({ work: () => 1 });
    await scheduler.addStore('flaky', new FlakyStore());
    await scheduler.start();
    await scheduler.addTask({ id: 'f', handler: 'work', store: 'flaky', trigger: { type: 'interval', seconds: 10 } });
    await scheduler.addTask({ id: 'g', handler: 'work', trigger: { type: 'interval', seconds: 10 } });
    await settle();
    down = true;
    const failed = nextEvent(scheduler, 'store.failed');
    const ran = nextEvent(scheduler, 'run.succeeded', ({ taskId }) => taskId === 'g');
    clock.advance(10_000);
    expect(await failed).toMatchObject({ store: 'flaky' });
    await ran;
    expect((await scheduler.getSchedulerInfo()).stores).toMatchObject([
      { state: 'ok' },
      { store: 'flaky', state: 'failing', lastError: 'connection refused' },
    ]);
    down = false;
    const recovered = nextEvent(scheduler, 'store.recovered');
    const late = nextEvent(scheduler, 'run.succeeded', ({ taskId }) => taskId === 'f');
    clock.advance(10_000);
    await recovered;
    await late;
  });
});
