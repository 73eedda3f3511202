import { describe, expect, it, onTestFinished } from 'vitest';
import { AsyncExecutor, FileStore, MemoryStore, Scheduler, TaskConflictError } from 'nestjs-asyncz';
import type { RunRecord, SchedulerEvent, SchedulerEventName } from 'nestjs-asyncz';
import type { Apply, Selection, Transacted } from 'nestjs-asyncz/store';
import { makeLiveRun, makeTask } from 'nestjs-asyncz/testing';
import { SCHEDULER_EVENT_NAMES } from '../../../lib/events/event.filter.js';
import { DecidingStore } from '../../support/deciding.store.js';
import { nextEvent, recordEvents } from '../../support/events.js';
import { Gate } from '../../support/gate.js';
import { MemoryCluster, pass } from '../../support/memory.cluster.js';
import { triggerOf } from '../../support/own.trigger.js';
import { createScheduler, settle, START, stopAfterTest } from '../../support/scheduler.factory.js';
import { takeOver } from '../../support/take-over.js';
import { ASKED, HOURLY } from '../../support/task.factory.js';
import { temporaryFolder } from '../../support/temporary.folder.js';

/** The names of all events that these tests have heard. */
const heard = new Set<SchedulerEventName>();

/** Events without what all of them have, which is looked at here: who has emitted them, and when. */
function told(events: readonly SchedulerEvent[], { identity }: Scheduler): object[] {
  return events.map(({ scheduler, time, ...event }) => {
    expect(scheduler).toBe(identity);
    expect(time).toBeInstanceOf(Date);
    heard.add(event.name);
    return event;
  });
}

const DEFAULT = { store: 'default' };

/** What the events of a run of a task carry. */
function runOf(taskId: string, at: number, more: Partial<SchedulerEvent<'run.started'>> = {}) {
  return {
    taskId,
    ...DEFAULT,
    runId: `${taskId}@${new Date(at).toISOString()}`,
    handler: 'work',
    tags: [] as readonly string[],
    source: 'schedule',
    scheduledTime: new Date(at),
    attempt: 1,
    ...more,
  };
}

const record = (fields: Partial<RunRecord>): unknown => expect.objectContaining(fields);

const TOKEN: unknown = expect.any(Number);

describe('the events of a scheduler and its parts', () => {
  it('tell of its life, its stores and its executors', async () => {
    const { scheduler } = createScheduler();
    const events = recordEvents(scheduler);
    await scheduler.start();
    scheduler.pause();
    scheduler.resume();
    await scheduler.addStore('more', new MemoryStore());
    await scheduler.addExecutor('more', new AsyncExecutor());
    await scheduler.removeExecutor('more');
    await scheduler.removeStore('more');
    await scheduler.shutdown();
    expect(told(events, scheduler)).toEqual([
      { name: 'scheduler.started' },
      { name: 'scheduler.paused' },
      { name: 'scheduler.resumed' },
      { name: 'store.added', store: 'more' },
      { name: 'executor.added', executor: 'more' },
      { name: 'executor.removed', executor: 'more' },
      { name: 'store.removed', store: 'more' },
      { name: 'scheduler.shutdown' },
    ]);
  });

  it('tell of a drain', async () => {
    const cluster = new MemoryCluster();
    const client = await cluster.join('client', {}, { role: 'client' });
    const worker = await cluster.join('worker');
    const events = recordEvents(worker);
    await client.drainScheduler('worker', ASKED);
    await pass(cluster, 1_000, 1_000);
    await client.undrainScheduler('worker');
    await pass(cluster, 1_000, 1_000);
    expect(told(events, worker)).toEqual([
      { name: 'scheduler.paused' },
      { name: 'scheduler.draining', ...ASKED },
      { name: 'scheduler.drained', ...ASKED },
      { name: 'scheduler.resumed' },
    ]);
  });

  it('tell of a clock that is far from that of the store', async () => {
    class StandingStore extends MemoryStore {
      override now() {
        return START;
      }
    }
    const { scheduler, clock } = createScheduler({}, { heartbeatInterval: '10s', store: new StandingStore() });
    await scheduler.start();
    const events = recordEvents(scheduler);
    clock.set(START + 300_000);
    for (let beat = 0; beat < 2; beat += 1) {
      clock.advance(10_000);
      await settle();
    }
    expect(told(events, scheduler)).toEqual([{ name: 'scheduler.clock-skew', ...DEFAULT, offsetMs: 300_000 }]);
  });

  it('tell of a store that fails and works again', async () => {
    let isDown = false;
    class FlakyStore extends DecidingStore {
      override transact<T>(selection: Selection, apply: Apply<T>): Transacted<T> {
        if (isDown) throw new Error('connection refused');
        return super.transact(selection, apply);
      }
    }
    const { scheduler, clock } = createScheduler({ work: () => 1 }, { store: new FlakyStore() });
    await scheduler.start();
    await scheduler.addTask({ handler: 'work', trigger: { type: 'interval', seconds: 10 } });
    await settle();
    const events = recordEvents(scheduler);
    isDown = true;
    const failed = nextEvent(scheduler, 'store.failed');
    clock.advance(10_000);
    await failed;
    isDown = false;
    const recovered = nextEvent(scheduler, 'store.recovered');
    clock.advance(1_000);
    await recovered;
    const ofStore = events.filter(({ name }) => name.startsWith('store.'));
    expect(told(ofStore, scheduler)).toEqual([
      { name: 'store.failed', ...DEFAULT, error: new Error('connection refused') },
      { name: 'store.recovered', ...DEFAULT, failures: 1 },
    ]);
  });

  it('tell of a store that was emptied', async () => {
    const cluster = new MemoryCluster();
    const declared = [{ id: 'hourly', handler: 'work', trigger: HOURLY }];
    const scheduler = await cluster.join('one', { work: () => 1 }, { declared });
    const events = recordEvents(scheduler);
    cluster.disk.rows.clear();
    await pass(cluster, 16_000, 1_000);
    expect(told(events, scheduler)).toEqual([
      { name: 'store.emptied', ...DEFAULT },
      { name: 'task.added', taskId: 'hourly', ...DEFAULT },
    ]);
  });
});

describe('the events of tasks', () => {
  it('tell of what people do', async () => {
    const { scheduler } = createScheduler({ work: () => 1 });
    await scheduler.start();
    const events = recordEvents(scheduler);
    await scheduler.addTask({ id: 'a', handler: 'work', trigger: HOURLY });
    await scheduler.updateTask('a', { name: 'other' });
    await scheduler.pauseTask('a', ASKED);
    await scheduler.resumeTask('a', ASKED);
    await scheduler.deleteTask('a');
    await scheduler.addTask({ id: 'b', handler: 'work', trigger: HOURLY });
    await scheduler.removeAllTasks();
    const task = { taskId: 'a', ...DEFAULT };
    expect(told(events, scheduler)).toEqual([
      { name: 'task.added', ...task },
      { name: 'task.modified', ...task },
      { name: 'task.paused', ...task, ...ASKED },
      { name: 'task.resumed', ...task, ...ASKED },
      { name: 'task.removed', ...task, reason: 'deleted' },
      { name: 'task.added', taskId: 'b', ...DEFAULT },
      { name: 'tasks.removed', ...DEFAULT, count: 1 },
    ]);
  });

  it('tell of what deploys do', async () => {
    const { scheduler } = createScheduler({ work: () => 1 });
    const events = recordEvents(scheduler);
    const declared = { id: 'a', handler: 'work', trigger: HOURLY };
    const deploys = [
      [declared],
      [{ ...declared, disabled: true }],
      [declared],
      [{ ...declared, trigger: { type: 'interval', hours: 2 } as const }],
      [{ ...declared, trigger: { type: 'interval', hours: 2 } as const, paused: true }],
      [],
    ];
    for (const deploy of deploys) {
      scheduler.declareTasks(deploy);
      await scheduler.start();
      await scheduler.shutdown();
    }
    const task = { taskId: 'a', ...DEFAULT };
    const byCode = { actor: null, reason: expect.any(String) as string };
    expect(told(events, scheduler).filter((event) => 'taskId' in event)).toEqual([
      { name: 'task.added', ...task },
      { name: 'task.disabled', ...task },
      { name: 'task.enabled', ...task },
      { name: 'task.modified', ...task },
      { name: 'task.paused', ...task, ...byCode },
      { name: 'task.orphaned', ...task, handler: 'work' },
    ]);
  });

  it('tell of a task that a deploy renames, and of a deploy that is only planned', async () => {
    const { scheduler, clock, store } = createScheduler({ work: () => 1 });
    const events = recordEvents(scheduler);
    scheduler.declareTasks([{ id: 'a', handler: 'work', trigger: HOURLY }]);
    await scheduler.start();
    await scheduler.shutdown();
    scheduler.declareTasks([{ id: 'b', handler: 'work', trigger: HOURLY, previousIds: ['a'] }]);
    await scheduler.start();
    await scheduler.shutdown();
    const planning = new Scheduler({ clock, stores: { default: store }, reconcile: 'plan-only' });
    planning.registerHandler('work', () => 1);
    planning.declareTasks([{ id: 'c', handler: 'work', trigger: HOURLY }]);
    const planned = recordEvents(planning);
    stopAfterTest(planning, clock);
    await planning.start();
    expect(told(events, scheduler).filter((event) => 'taskId' in event)).toEqual([
      { name: 'task.added', taskId: 'a', ...DEFAULT },
      { name: 'task.renamed', taskId: 'b', ...DEFAULT, previousId: 'a' },
    ]);
    const { digest } = await planning.planDeploy();
    expect(told(planned, planning)).toEqual([
      { name: 'scheduler.deploy-pending', digest, pending: 1 },
      { name: 'scheduler.started' },
    ]);
  });

  it('tell of a task that was added before the start with an id that is taken', async () => {
    const { scheduler, store } = createScheduler({ work: () => 1 });
    store.addTask(makeTask('a', { nextRunTime: START + 3_600_000 }));
    const events = recordEvents(scheduler);
    await scheduler.addTask({ id: 'a', handler: 'work', trigger: HOURLY });
    await scheduler.start();
    expect(told(events, scheduler)).toEqual([
      { name: 'task.conflict', taskId: 'a', ...DEFAULT, error: expect.any(TaskConflictError) as unknown },
      { name: 'scheduler.started' },
    ]);
  });

  it('tell of a task with a fault', async () => {
    const Own = triggerOf((previous, now) => {
      if (previous === null) return now + 1_000;
      throw new Error('no next time');
    });
    const { scheduler, clock } = createScheduler({ work: () => 1 }, { triggers: { own: Own } });
    await scheduler.start();
    await scheduler.addTask({ id: 'a', handler: 'work', trigger: { type: 'own' } as never });
    const events = recordEvents(scheduler);
    const problem = nextEvent(scheduler, 'task.problem');
    clock.advance(1_000);
    await problem;
    const content: unknown = expect.objectContaining({ at: START + 1_000, count: 1, message: expect.any(String) });
    expect(told(events, scheduler)).toEqual([{ name: 'task.problem', taskId: 'a', ...DEFAULT, problem: content }]);
  });

  it('tell of a task that is late, silent, and as expected again', async () => {
    const { scheduler, clock } = createScheduler({ work: () => 1 });
    await scheduler.start();
    const expected = { startWithin: '10s', everyAtLeast: '1h' };
    await scheduler.addTask({ id: 'a', handler: 'work', trigger: HOURLY, expect: expected });
    scheduler.pause();
    const news = [] as SchedulerEvent[];
    scheduler.addListener((event) => news.push(event), ['task.late', 'task.silent', 'task.recovered']);
    const pass = async () => {
      for (let step = 0; step < 20; step += 1) {
        clock.advance(5_000);
        await settle();
      }
    };
    clock.advance(3_600_000);
    await pass();
    scheduler.resume();
    await pass();
    const of = { taskId: 'a', ...DEFAULT, handler: 'work' };
    const since = expect.any(Date) as Date;
    expect(told(news, scheduler)).toEqual([
      { name: 'task.silent', ...of, since: new Date(START), everyAtLeastMs: 3_600_000, paused: false },
      { name: 'task.late', ...of, expected: 'start', dueAt: new Date(START + 3_600_000), withinMs: 10_000 },
      { name: 'task.recovered', ...of, from: 'late', since },
      { name: 'task.recovered', ...of, from: 'silent', since },
    ]);
  });

  it('tell of a record that cannot be read', async () => {
    const directory = await temporaryFolder();
    const open = (key: string) => {
      const scheduler = new Scheduler({
        stores: { default: new FileStore({ directory }) },
        encryption: { keys: [key] },
      });
      onTestFinished(() => scheduler.shutdown(0));
      scheduler.registerHandler('work', () => 1);
      return scheduler;
    };
    const first = open('the first key of this test, which is long');
    await first.start();
    await first.addTask({ id: 'a', handler: 'work', trigger: HOURLY });
    await first.shutdown();
    const second = open('another key of this test, which is long too');
    const unreadable = nextEvent(second, 'task.unreadable');
    await second.start();
    await second.getTaskInfo('a');
    const content = { taskId: 'a', ...DEFAULT, reason: 'wrong-key', message: expect.any(String) as string };
    expect(told([await unreadable], second)).toEqual([{ name: 'task.unreadable', ...content }]);
  });
});

describe('the events of runs', () => {
  it('tell of one that succeeds, and of its task that is done', async () => {
    const { scheduler } = createScheduler({
      work: (_args, context) => {
        context.progress(1);
        context.progress({ of: 2 });
        return 'done';
      },
    });
    await scheduler.start();
    const events = recordEvents(scheduler);
    const removed = nextEvent(scheduler, 'task.removed');
    await scheduler.addTask({ id: 'a', handler: 'work', tags: ['eu'] });
    await removed;
    const run = runOf('a', START, { tags: ['eu'] });
    expect(told(events, scheduler)).toEqual([
      { name: 'task.added', taskId: 'a', ...DEFAULT },
      { name: 'run.submitted', ...run, coalesced: 0 },
      { name: 'run.started', ...run, token: TOKEN },
      { name: 'run.progress', ...run, value: 1 },
      { name: 'run.progress', ...run, value: { of: 2 } },
      { name: 'run.succeeded', ...run, run: record({ id: run.runId, status: 'succeeded', result: 'done' }) },
      { name: 'task.removed', taskId: 'a', ...DEFAULT, reason: 'finished' },
    ]);
  });

  it('tell of one that fails, is tried again, and fails for good, which pauses its task', async () => {
    const error = new Error('no');
    const { scheduler, clock } = createScheduler({
      work: () => {
        throw error;
      },
    });
    await scheduler.start();
    const paused = nextEvent(scheduler, 'task.paused');
    const retry = { attempts: 2, backoff: 'fixed', delay: '1s' } as const;
    await scheduler.addTask({ id: 'a', handler: 'work', trigger: HOURLY, retry, pauseAfterFailures: 1 });
    const events = recordEvents(scheduler);
    clock.advance(3_600_000);
    await settle();
    clock.advance(1_000);
    await paused;
    const [first, second] = [1, 2].map((attempt) => runOf('a', START + 3_600_000, { attempt }));
    expect(told(events, scheduler)).toEqual([
      { name: 'run.submitted', ...first, coalesced: 0 },
      { name: 'run.started', ...first, token: TOKEN },
      { name: 'run.failed', ...first, run: record({ attempt: 1, dead: false }), error, willRetry: true },
      { name: 'run.submitted', ...second, coalesced: 0 },
      { name: 'run.started', ...second, token: TOKEN },
      { name: 'run.failed', ...second, run: record({ attempt: 2, dead: true }), error, willRetry: false },
      { name: 'task.paused', taskId: 'a', ...DEFAULT, actor: null, reason: '1 failed runs in a row', byFailures: true },
    ]);
  });

  it('tell of one that is cancelled while it runs, and of one while it waits', async () => {
    const gate = new Gate();
    const { scheduler } = createScheduler({ work: gate.handler });
    await scheduler.start();
    await scheduler.addTask({ id: 'a', handler: 'work', trigger: HOURLY, overlap: 'queueOne' });
    const [running, waiting] = [await scheduler.runTask('a'), await scheduler.runTask('a')];
    await settle();
    const events = recordEvents(scheduler);
    for (const runId of [waiting, running]) await scheduler.cancelRun(runId, ASKED);
    await settle();
    const run = runOf('a', START, { source: 'manual' });
    const cancel: unknown = expect.objectContaining(ASKED);
    const cancelled = (runId: string, error: unknown) => ({
      name: 'run.cancelled',
      ...run,
      runId,
      scheduledTime: expect.any(Date) as Date,
      run: record({ id: runId, status: 'cancelled', cancel: cancel as RunRecord['cancel'] }),
      error,
    });
    expect(told(events, scheduler)).toEqual([
      cancelled(waiting, null),
      cancelled(running, expect.objectContaining({ code: 'ASYNCZ_RUN_CANCELLED' })),
    ]);
  });

  it('tell of one that is missed, and of one that is skipped', async () => {
    const gate = new Gate();
    const { scheduler, clock } = createScheduler({ work: gate.handler });
    await scheduler.start();
    const trigger = { type: 'interval', seconds: 10 } as const;
    await scheduler.addTask({ id: 'a', handler: 'work', trigger, misfireGraceTime: '1s', overlap: 'skip' });
    const events = recordEvents(scheduler);
    scheduler.pause();
    clock.advance(15_000);
    scheduler.resume();
    await settle();
    clock.advance(5_000);
    await settle();
    clock.advance(10_000);
    await settle();
    const [missed, under, skipped] = [10, 20, 30].map((seconds) => runOf('a', START + seconds * 1_000));
    expect(told(events, scheduler)).toEqual([
      { name: 'scheduler.paused' },
      { name: 'scheduler.resumed' },
      { name: 'run.missed', ...missed, attempt: 0, run: record({ status: 'missed' }) },
      { name: 'run.submitted', ...under, coalesced: 0 },
      { name: 'run.started', ...under, token: TOKEN },
      { name: 'run.skipped', ...skipped, attempt: 0, run: record({ status: 'skipped' }) },
    ]);
  });

  it('tell of one whose process died, and of the attempt after it', async () => {
    const { scheduler, store } = createScheduler({ work: () => 1 });
    const scheduledTime = START - 60_000;
    const { runId } = runOf('a', scheduledTime);
    const dead = {
      status: 'running',
      owner: 'dead',
      token: 1,
      leaseUntil: START - 1,
      startedAt: scheduledTime,
    } as const;
    const live = [makeLiveRun(runId, { ...dead, scheduledTime, availableAt: scheduledTime })];
    store.addTask(makeTask('a', { tags: ['eu'], state: { live, lastToken: 1, exhausted: true } }));
    const events = recordEvents(scheduler);
    const removed = nextEvent(scheduler, 'task.removed');
    await scheduler.start();
    await removed;
    const [lost, again] = [1, 2].map((attempt) => runOf('a', scheduledTime, { attempt, tags: ['eu'] }));
    expect(told(events, scheduler)).toEqual([
      { name: 'scheduler.started' },
      { name: 'run.lost', ...lost, run: record({ status: 'lost', owner: 'dead', dead: false }) },
      { name: 'run.submitted', ...again, coalesced: 0 },
      { name: 'run.started', ...again, token: TOKEN },
      { name: 'run.succeeded', ...again, run: record({ status: 'succeeded' }) },
      { name: 'task.removed', taskId: 'a', ...DEFAULT, reason: 'finished' },
    ]);
  });

  it('tell of one that is put off, and goes on as the same attempt', async () => {
    const { scheduler, clock } = createScheduler({ work: (_args, context) => context.sleep('1m') });
    await scheduler.start();
    await scheduler.addTask({ id: 'a', handler: 'work', trigger: { type: 'date', runAt: START + 1_000 } });
    const events = recordEvents(scheduler);
    const suspended = nextEvent(scheduler, 'run.suspended');
    clock.advance(1_000);
    await suspended;
    await settle();
    const removed = nextEvent(scheduler, 'task.removed');
    clock.advance(60_000);
    await removed;
    const run = runOf('a', START + 1_000);
    expect(told(events, scheduler)).toEqual([
      { name: 'run.submitted', ...run, coalesced: 0 },
      { name: 'run.started', ...run, token: TOKEN },
      { name: 'run.suspended', ...run, until: new Date(START + 61_000) },
      { name: 'run.submitted', ...run, coalesced: 0 },
      { name: 'run.started', ...run, token: TOKEN },
      { name: 'run.succeeded', ...run, run: record({ status: 'succeeded', attempt: 1 }) },
      { name: 'task.removed', taskId: 'a', ...DEFAULT, reason: 'finished' },
    ]);
  });

  it('tell of the stored steps that a later attempt has not asked for', async () => {
    const { scheduler, clock } = createScheduler({
      work: async (_args, context) => {
        if (context.attempt > 1) return;
        await context.step('charge', () => 'done');
        throw new Error('no');
      },
    });
    await scheduler.start();
    const retry = { attempts: 2, backoff: 'fixed', delay: '1s' } as const;
    const failed = nextEvent(scheduler, 'run.failed');
    await scheduler.addTask({ id: 'a', handler: 'work', retry });
    await failed;
    const events = recordEvents(scheduler);
    const removed = nextEvent(scheduler, 'task.removed');
    clock.advance(1_000);
    await removed;
    const run = runOf('a', START, { attempt: 2 });
    expect(told(events, scheduler)).toEqual([
      { name: 'run.submitted', ...run, coalesced: 0 },
      { name: 'run.started', ...run, token: TOKEN },
      { name: 'run.succeeded', ...run, run: record({ status: 'succeeded', attempt: 2 }) },
      { name: 'run.steps-unasked', ...run, steps: ['charge'] },
      { name: 'task.removed', taskId: 'a', ...DEFAULT, reason: 'finished' },
    ]);
  });

  it('tell of one whose lease another scheduler has taken', async () => {
    const gate = new Gate();
    const { scheduler, clock, store } = createScheduler({ work: gate.handler });
    await scheduler.start();
    await scheduler.addTask({ id: 'a', handler: 'work' });
    await settle();
    const events = recordEvents(scheduler);
    const fenced = nextEvent(scheduler, 'run.fenced');
    takeOver(store, 'a', clock.now() + 60_000);
    clock.advance(10_000);
    await fenced;
    await settle();
    expect(told(events, scheduler)).toEqual([{ name: 'run.fenced', ...runOf('a', START), token: TOKEN }]);
  });
});

describe('the events of these tests', () => {
  it('are all that there are', () => {
    expect([...heard].toSorted()).toEqual(SCHEDULER_EVENT_NAMES.toSorted());
  });
});
