import { describe, expect, it } from 'vitest';
import { AsyncExecutor, MemoryStore, RunTimeoutError, Scheduler } from 'nestjs-asyncz';
import type { Executor, ExecutorJob, Handler, SchedulerOptions } from 'nestjs-asyncz';
import { BlockableClock } from '../../../support/blockable.clock.js';
import { nextEvent, recordEvents } from '../../../support/events.js';
import { RecordingLogger } from '../../../support/recording.logger.js';
import { settle, START, stopAfterTest } from '../../../support/scheduler.factory.js';
import { takeOver } from '../../../support/take-over.js';

const LEASE_MS = 30_000;

function create(handlers: Record<string, Handler>, options: SchedulerOptions = {}) {
  const clock = new BlockableClock(START);
  const store = new MemoryStore();
  const logger = new RecordingLogger();
  const scheduler = new Scheduler({ clock, logger, stores: { default: store }, ...options });
  for (const [name, handler] of Object.entries(handlers)) scheduler.registerHandler(name, handler);
  stopAfterTest(scheduler, clock);
  return { scheduler, clock, store, logger };
}

describe('behind a handler that blocks the process for longer than the leases', () => {
  it('no run of its batch is started that another scheduler has taken meanwhile; the others start under renewed leases', async () => {
    const started: string[] = [];
    const { scheduler, clock, store } = create({
      work: (_args, { task }) => {
        started.push(task.id);
        if (task.id !== 'a') return;
        clock.block(2 * LEASE_MS);
        takeOver(store, 'taken', clock.now() + LEASE_MS);
        takeOver(store, 'taken-once', clock.now() + LEASE_MS);
      },
    });
    await scheduler.addTask({ id: 'a', handler: 'work' });
    await scheduler.addTask({ id: 'taken', handler: 'work', priority: 1 });
    await scheduler.addTask({ id: 'taken-once', handler: 'work', priority: 2, delivery: 'at-most-once' });
    await scheduler.addTask({ id: 'left', handler: 'work', priority: 3 });
    await scheduler.addTask({ id: 'left-once', handler: 'work', priority: 4, delivery: 'at-most-once' });
    const events = recordEvents(scheduler);
    await scheduler.start();
    await settle();
    expect(started).toEqual(['a', 'left', 'left-once']);
    expect(events.filter(({ name }) => name === 'run.lost')).toEqual([]);
    const { runs } = await scheduler.getRuns();
    expect(runs.map(({ taskId, status }) => `${taskId} ${status}`).toSorted()).toEqual([
      'a succeeded',
      'left succeeded',
      'left-once succeeded',
    ]);
    expect(store.lookupTask('taken')?.state.lease).toMatchObject({ owner: 'other' });
    expect(store.lookupTask('taken-once')?.state.live).toMatchObject([{ owner: 'other', status: 'running' }]);
  });

  it('no run of its batch is started once the scheduler no longer waits for its stop', async () => {
    const started: string[] = [];
    let stopping: Promise<void> | undefined;
    const { scheduler, clock } = create(
      {
        work: (_args, { task }) => {
          started.push(task.id);
          stopping = scheduler.shutdown(0);
          clock.block(LEASE_MS / 2 - 1_000);
        },
      },
      { startPaused: true },
    );
    await scheduler.start();
    for (const priority of [0, 1, 2]) await scheduler.addTask({ id: `t${priority}`, handler: 'work', priority });
    scheduler.resume();
    await settle();
    await stopping;
    expect(started).toEqual(['t0']);
  });

  it('no handler is called late by an executor that lets its jobs wait; the run is given back', async () => {
    const jobs: (() => void)[] = [];
    /** Executes one job after the other. */
    class Queue extends AsyncExecutor implements Executor {
      override async execute(job: ExecutorJob): Promise<unknown> {
        await new Promise<void>((resolve) => jobs.push(resolve));
        return super.execute(job);
      }
    }
    const started: string[] = [];
    const { scheduler, clock, logger } = create(
      { work: (_args, { task, attempt }) => void started.push(`${task.id}#${attempt}`) },
      { executors: { default: new Queue() } },
    );
    await scheduler.start();
    await scheduler.addTask({ id: 'late', handler: 'work', delivery: 'at-most-once' });
    await settle();
    expect(jobs).toHaveLength(1);
    clock.block(2 * LEASE_MS);
    jobs.pop()!();
    await settle();
    expect(started).toEqual([]);
    expect(logger.of('warn', /was not started in time/)).toHaveLength(1);
    expect(jobs).toHaveLength(1);
    const succeeded = nextEvent(scheduler, 'run.succeeded');
    jobs.pop()!();
    await succeeded;
    expect(started).toEqual(['late#2']);
  });
});

describe('a handler that computes for longer than its timeout', () => {
  it('fails, although no timer could abort it', async () => {
    const { scheduler, clock } = create({
      compute: () => {
        clock.block(3_000);
        return 'late';
      },
    });
    await scheduler.start();
    const failed = nextEvent(scheduler, 'run.failed');
    await scheduler.addTask({ handler: 'compute', timeout: '1s' });
    const event = await failed;
    expect(event.error).toBeInstanceOf(RunTimeoutError);
    expect(event.run).toMatchObject({ status: 'failed', error: { code: 'ASYNCZ_RUN_TIMEOUT' }, result: undefined });
  });
});
