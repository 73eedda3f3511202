import { describe, expect, it } from 'vitest';
import {
  InvalidOptionError,
  InvalidTaskStateError,
  MemoryStore,
  SchedulerNotRunningError,
  StoreInUseError,
  StoreStartError,
  TaskConflictError,
  TaskNotFoundError,
  TriggerExhaustedError,
  UnknownNameError,
  UnknownOptionError,
  UnserializableError,
} from 'nestjs-asyncz';
import type { TaskInfo } from 'nestjs-asyncz';
import type { Apply, Selection, StoreContext, Transacted } from 'nestjs-asyncz/store';
import { nextEvent, recordEvents } from '../../../support/events.js';
import { createScheduler, settle, START } from '../../../support/scheduler.factory.js';

const HOURLY = { type: 'interval', hours: 1 } as const;

async function createRunning(...args: Parameters<typeof createScheduler>) {
  const made = createScheduler(...args);
  await made.scheduler.start();
  return made;
}

describe('adding a task', () => {
  const refused: [string, object, new (...args: never[]) => Error, RegExp][] = [
    ['an unknown option', { handler: 'work', tigger: HOURLY }, UnknownOptionError, /"tigger".*"trigger"/s],
    [
      'an unknown trigger field',
      { handler: 'work', trigger: { type: 'interval', hour: 1 } },
      UnknownOptionError,
      /"hour".*"hours"/s,
    ],
    ['an unknown trigger type', { handler: 'work', trigger: { type: 'chron' } }, UnknownNameError, /"chron".*"cron"/s],
    ['an unknown store', { handler: 'work', store: 'nowhere' }, UnknownNameError, /"nowhere".*"default"/s],
    ['an unknown executor', { handler: 'work', executor: 'gpu' }, UnknownNameError, /"gpu".*"default"/s],
    ['an unknown handler', { handler: 'wrok' }, UnknownNameError, /"wrok".*"work"/s],
    [
      'an unknown zone',
      { handler: 'work', trigger: { type: 'cron', expression: '* * * * *', timezone: 'Europe/Lisboa' } },
      InvalidOptionError,
      /Europe\/Lisboa/,
    ],
    [
      'a date that is no date',
      { handler: 'work', trigger: { type: 'date', runAt: 'tomorrow' } },
      InvalidOptionError,
      /"tomorrow"/,
    ],
    ['an interval of nothing', { handler: 'work', trigger: { type: 'interval', seconds: 0 } }, InvalidOptionError, /0/],
    ['a negative interval', { handler: 'work', trigger: { type: 'interval', seconds: -5 } }, InvalidOptionError, /-5/],
    ['an id that is no text', { handler: 'work', id: 7 }, InvalidOptionError, /id: 7/],
    ['an empty id', { handler: 'work', id: '' }, InvalidOptionError, /id: ""/],
    ['a fractional maxInstances', { handler: 'work', maxInstances: 1.5 }, InvalidOptionError, /1\.5.*from 1/],
    ['an unknown overlap', { handler: 'work', overlap: 'panic' }, InvalidOptionError, /"panic".*"skip"/],
    ['a negative grace', { handler: 'work', misfireGraceTime: -1 }, InvalidOptionError, /-1/],
    [
      'an unknown back-off',
      { handler: 'work', retry: { attempts: 2, backoff: 'hope' } },
      InvalidOptionError,
      /"hope".*"exponential"/,
    ],
    ['an unknown retry option', { handler: 'work', retry: { tries: 2 } }, UnknownOptionError, /"tries".*"attempts"/s],
    ['arguments that are no array', { handler: 'work', args: 'x' }, InvalidOptionError, /"x"/],
    [
      'a function as an argument',
      { handler: 'work', args: [{ call: () => 1 }] },
      UnserializableError,
      /args\[0\]\.call/,
    ],
    [
      'a trigger whose time has passed',
      { handler: 'work', trigger: { type: 'interval', hours: 1, endAt: '2020-01-01' } },
      TriggerExhaustedError,
      /never run/,
    ],
    ['a transaction where there is none', { handler: 'work', transaction: {} }, InvalidOptionError, /transaction/],
  ];

  it.each(refused)('refuses %s, names it, and adds nothing', async (_what, options, error, message) => {
    const { scheduler, store } = await createRunning({ work: () => 1 });
    const events = recordEvents(scheduler);
    const added = scheduler.addTask(options as never);
    await expect(added).rejects.toBeInstanceOf(error);
    await expect(added).rejects.toThrow(message);
    expect(store.getAllTasks().filter(({ id }) => !id.startsWith('asyncz:'))).toEqual([]);
    expect(events).toEqual([]);
  });

  it('refuses an id that is taken, and replaces it when asked to', async () => {
    const { scheduler } = await createRunning({ work: () => 1, other: () => 2 });
    await scheduler.addTask({ id: 'one', handler: 'work', trigger: HOURLY });
    await expect(scheduler.addTask({ id: 'one', handler: 'other' })).rejects.toBeInstanceOf(TaskConflictError);
    const replaced = await scheduler.addTask({ id: 'one', handler: 'other', trigger: HOURLY, replaceExisting: true });
    expect(replaced.info).toMatchObject({ handler: 'other' });
    expect((await scheduler.getTaskInfos()).total).toBe(1);
  });

  it("keeps a replaced task's run under way, so that its end is still taken", async () => {
    let release = () => {};
    const { scheduler } = await createRunning({ slow: () => new Promise<void>((resolve) => (release = resolve)) });
    const started = nextEvent(scheduler, 'run.started');
    await scheduler.addTask({ id: 'one', handler: 'slow' });
    await started;
    await scheduler.addTask({ id: 'one', handler: 'slow', trigger: HOURLY, replaceExisting: true });
    const ended = nextEvent(scheduler, 'run.succeeded');
    release();
    await ended;
    expect(await scheduler.getTaskInfo('one')).toMatchObject({ state: 'scheduled', live: [] });
  });

  it('keeps tasks that are added before the start, and commits them at the start', async () => {
    const { scheduler, store } = createScheduler({ work: () => 1 });
    const task = await scheduler.addTask({ id: 'early', handler: 'work', trigger: HOURLY });
    expect(task.info.state).toBe('pending');
    await expect(scheduler.addTask({ id: 'early', handler: 'work' })).rejects.toBeInstanceOf(TaskConflictError);
    await scheduler.pauseTask('early');
    expect(store.lookupTask('early')).toBeNull();
    const events = recordEvents(scheduler);
    await scheduler.start();
    expect(events.map(({ name }) => name)).toEqual(['task.added', 'scheduler.started']);
    expect(await scheduler.getTaskInfo('early')).toMatchObject({ state: 'paused' });
  });

  it('reports a task added before the start whose id the store has already, and keeps what is there', async () => {
    const { scheduler, store, clock } = createScheduler({ work: () => 1 });
    await scheduler.addTask({ id: 'early', handler: 'work', trigger: HOURLY });
    await scheduler.start();
    await scheduler.shutdown();
    clock.advance(60_000);
    await scheduler.addTask({ id: 'early', handler: 'work', name: 'second', trigger: HOURLY });
    const conflict = nextEvent(scheduler, 'task.conflict');
    await scheduler.start();
    expect(await conflict).toMatchObject({ taskId: 'early' });
    expect(store.lookupTask('early')?.definition.name).toBe('work');
  });

  it('runs first when it is told to, and its trigger goes on from there', async () => {
    const { scheduler } = await createRunning({ work: () => 1 });
    await scheduler.addTask({
      id: 'n',
      handler: 'work',
      trigger: { ...HOURLY, startAt: new Date(START) },
      nextRunTime: new Date(START + 90_000),
    });
    const { runs } = (await scheduler.previewTaskRuns('n', { count: 3 }))!;
    expect(runs.map(({ runTime }) => runTime.getTime() - START)).toEqual([90_000, 3_690_000, 7_290_000]);
  });

  it('gives a client names that it does not know itself', async () => {
    const { scheduler } = await createRunning({}, { role: 'client' });
    const task = await scheduler.addTask({ handler: 'elsewhere', executor: 'big' });
    await settle();
    expect((await scheduler.getTaskInfo(task.id))?.state).toBe('scheduled');
  });
});

describe('changing a task', () => {
  it('changes what is given, leaves the rest, and changes nothing when something is wrong', async () => {
    const { scheduler } = await createRunning({ work: () => 1 });
    const task = await scheduler.addTask({ id: 'u', handler: 'work', args: [1], tags: ['a'], trigger: HOURLY });
    const before = await scheduler.getTaskInfo('u');
    await expect(scheduler.updateTask('u', { name: 'new', priority: 0.5 })).rejects.toBeInstanceOf(InvalidOptionError);
    await expect(scheduler.updateTask('u', { id: 'x' } as never)).rejects.toBeInstanceOf(UnknownOptionError);
    expect(await scheduler.getTaskInfo('u')).toEqual(before);
    await task.update({ name: 'new', misfireGraceTime: '5m' });
    expect(task.info).toMatchObject({
      name: 'new',
      args: [1],
      tags: ['a'],
      nextRunTime: (before as TaskInfo).nextRunTime,
      policies: { misfireGraceMs: 300_000 },
    });
    await task.update({ misfireGraceTime: null });
    expect(task.info.policies.misfireGraceMs).toBeNull();
  });

  it('takes a task or its id', async () => {
    const { scheduler } = await createRunning({ work: () => 1 });
    const task = await scheduler.addTask({ id: 'u', handler: 'work', trigger: HOURLY });
    await scheduler.updateTask(task, { name: 'by task' });
    await scheduler.pauseTask(task);
    await scheduler.resumeTask(task);
    expect(await scheduler.deleteTask(task)).toMatchObject({ id: 'u', name: 'by task' });
  });

  it('gives a plain picture of it, which what is done through it brings up to date', async () => {
    const { scheduler } = await createRunning({ work: () => 1 });
    const task = await scheduler.addTask({ id: 'u', handler: 'work', args: [1], trigger: HOURLY });
    expect(task).toMatchObject({
      id: 'u',
      state: 'scheduled',
      paused: false,
      args: [1],
      triggerDescription: 'every hour, from 2026-01-15 13:00',
    });
    const { pause: _pause, ...fields } = task.info;
    expect(Object.fromEntries(Object.entries(task))).toEqual(fields);
    expect(JSON.stringify(task)).toBe(JSON.stringify(await scheduler.getTaskInfo('u')));
    await task.pause({ actor: 'ada' });
    expect(task).toMatchObject({ state: 'paused', paused: true, control: { action: 'pause', actor: 'ada' } });
    expect(task.info.pause).toMatchObject({ actor: 'ada' });
    await task.update({ args: [2] });
    expect(task.args).toEqual([2]);
    expect(await task.resume()).toBe(task);
    expect(String(task)).toBe(
      `u (every hour, from 2026-01-15 13:00; scheduled, next run ${new Date(START + 3_600_000).toISOString()})`,
    );
  });

  it('keeps a pause when it is rescheduled', async () => {
    const { scheduler } = await createRunning({ work: () => 1 });
    await scheduler.addTask({ id: 'r', handler: 'work', trigger: HOURLY });
    await scheduler.pauseTask('r');
    const task = await scheduler.rescheduleTask('r', { type: 'interval', minutes: 5 });
    expect(task.info).toMatchObject({ state: 'paused', nextRunTime: new Date(START + 300_000) });
  });

  it('forgets on resume what came due during the pause', async () => {
    const { scheduler, clock } = await createRunning({ work: () => 1 });
    await scheduler.addTask({ id: 'p', handler: 'work', trigger: HOURLY });
    await scheduler.pauseTask('p');
    clock.advance(2.5 * 3_600_000);
    const task = await scheduler.resumeTask('p');
    expect(task?.nextRunTime).toEqual(new Date(START + 3 * 3_600_000));
    await settle();
    expect((await scheduler.getRuns()).runs).toEqual([]);
  });

  it('runs a one-shot late whose date passed during its pause', async () => {
    const { scheduler, clock } = await createRunning({ work: () => 1 });
    await scheduler.addTask({ id: 'd', handler: 'work', trigger: { type: 'date', runAt: new Date(START + 60_000) } });
    await scheduler.pauseTask('d');
    clock.advance(120_000);
    const ran = nextEvent(scheduler, 'run.succeeded');
    await scheduler.resumeTask('d');
    expect(await ran).toMatchObject({ scheduledTime: new Date(START + 60_000) });
  });

  it('removes a task on resume that has nothing left to run', async () => {
    const { scheduler, clock } = await createRunning({ work: () => 1 });
    await scheduler.addTask({ id: 'e', handler: 'work', trigger: { ...HOURLY, endAt: new Date(START + 3_600_000) } });
    await scheduler.pauseTask('e');
    clock.advance(2 * 3_600_000);
    expect(await scheduler.resumeTask('e')).toBeNull();
    expect(await scheduler.getTask('e')).toBeNull();
  });

  it('refuses to pause or resume what follows the scheduler and not the time', async () => {
    const { scheduler } = await createRunning({ work: () => 1 });
    await scheduler.addTask({ id: 's', handler: 'work', trigger: { type: 'shutdown' } });
    await expect(scheduler.pauseTask('s')).rejects.toBeInstanceOf(InvalidTaskStateError);
    await expect(scheduler.resumeTask('s')).rejects.toBeInstanceOf(InvalidTaskStateError);
  });

  it('says which task is not there', async () => {
    const { scheduler } = await createRunning();
    for (const operation of ['updateTask', 'pauseTask', 'resumeTask', 'deleteTask', 'runTask'] as const) {
      const done = (scheduler[operation].bind(scheduler) as (id: string, changes: object) => Promise<unknown>)(
        'ghost',
        {},
      );
      await expect(done).rejects.toBeInstanceOf(TaskNotFoundError);
    }
  });

  it('refuses to run a task while it is stopped', async () => {
    const { scheduler } = createScheduler({ work: () => 1 });
    await scheduler.addTask({ id: 'x', handler: 'work', trigger: HOURLY });
    await expect(scheduler.runTask('x')).rejects.toBeInstanceOf(SchedulerNotRunningError);
    expect(() => scheduler.pause()).toThrow(SchedulerNotRunningError);
  });

  it('removes all tasks of all stores or of one', async () => {
    const { scheduler } = await createRunning({ work: () => 1 });
    await scheduler.addStore('second', new MemoryStore());
    for (const store of ['default', 'default', 'second'])
      await scheduler.addTask({ handler: 'work', trigger: HOURLY, store });
    expect(await scheduler.removeAllTasks('default')).toBe(2);
    expect((await scheduler.getTaskInfos()).tasks).toMatchObject([{ store: 'second' }]);
    expect(await scheduler.removeAllTasks()).toBe(1);
  });
});

describe('inspecting', () => {
  it('filters, sorts and pages over all stores', async () => {
    const { scheduler } = await createRunning({ work: () => 1, other: () => 2 });
    await scheduler.addStore('second', new MemoryStore());
    for (const [index, store] of ['default', 'second', 'default', 'second'].entries()) {
      await scheduler.addTask({
        id: `t${index}`,
        handler: index < 3 ? 'work' : 'other',
        trigger: { type: 'interval', hours: 4 - index },
        store,
      });
    }
    const ids = async (query: object) => (await scheduler.getTaskInfos(query)).tasks.map(({ id }) => id);
    expect(await ids({})).toEqual(['t3', 't2', 't1', 't0']);
    expect(await ids({ sortBy: 'id', offset: 1, limit: 2 })).toEqual(['t1', 't2']);
    expect(await ids({ handler: 'work', sortBy: 'id', descending: true })).toEqual(['t2', 't1', 't0']);
    expect(await ids({ q: 'OTH' })).toEqual(['t3']);
    expect(await ids({ store: 'second', state: 'scheduled' })).toEqual(['t3', 't1']);
    await expect(ids({ state: 'asleep' })).rejects.toThrow(/"asleep".*"scheduled"/);
    await expect(ids({ sortBy: 'colour' })).rejects.toThrow(/"colour"/);
    await expect(ids({ limit: 0 })).rejects.toBeInstanceOf(InvalidOptionError);
    await expect(ids({ filter: 'x' })).rejects.toBeInstanceOf(UnknownOptionError);
  });

  it('describes itself, its stores and how many tasks they hold', async () => {
    const { scheduler, clock } = await createRunning({ work: () => 1 }, { identity: 'me', timezone: 'Europe/Lisbon' });
    await scheduler.addTask({ id: 'a', handler: 'work', trigger: HOURLY });
    await scheduler.addTask({ id: 'b', handler: 'work', trigger: HOURLY, paused: true });
    clock.advance(5_000);
    expect(await scheduler.getSchedulerInfo()).toMatchObject({
      identity: 'me',
      state: 'running',
      running: true,
      startedAt: new Date(START),
      uptimeSeconds: 5,
      timezone: 'Europe/Lisbon',
      executors: ['default'],
      handlers: ['work'],
      stores: [{ store: 'default', state: 'ok', coordination: 'process', durable: false }],
      tasks: { scheduled: 1, paused: 1, running: 0, pending: 0 },
    });
    expect(await scheduler.getSchedulerInstanceInfos()).toMatchObject([
      { identity: 'me', alive: true, handlers: ['work'] },
    ]);
    await scheduler.shutdown();
    expect(await scheduler.getSchedulerInfo()).toMatchObject({
      state: 'stopped',
      startedAt: null,
      uptimeSeconds: null,
    });
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
    class FlakyStore extends MemoryStore {
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
