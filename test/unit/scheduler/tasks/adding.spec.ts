import { describe, expect, it } from 'vitest';
import {
  InvalidOptionError,
  MemoryStore,
  TaskConflictError,
  TriggerExhaustedError,
  UnknownNameError,
  UnknownOptionError,
  UnserializableError,
} from 'nestjs-asyncz';
import type { TaskRecord } from 'nestjs-asyncz/store';
import { nextEvent, recordEvents } from '../../../support/events.js';
import { createScheduler, settle, START, createRunning } from '../../../support/scheduler.factory.js';
import { HOURLY } from '../../../support/task.factory.js';

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

  it('loses none of those added before a start in which the store fails half way, and adds each once', async () => {
    class FailingOnce extends MemoryStore {
      hasFailed = false;
      override async addTasks(tasks: readonly TaskRecord[]): Promise<readonly string[]> {
        if (this.hasFailed || tasks[0]?.id !== 'a') return super.addTasks(tasks);
        this.hasFailed = true;
        await super.addTasks(tasks.slice(0, 1));
        throw new Error('the disk is full');
      }
    }
    const store = new FailingOnce();
    const { scheduler } = createScheduler({ work: () => 1 }, { store });
    for (const id of ['a', 'b', 'c']) {
      await scheduler.addTask({ id, handler: 'work', trigger: HOURLY, ...(id === 'b' && { replaceExisting: true }) });
    }
    await expect(scheduler.start()).rejects.toThrow('the disk is full');
    expect((await scheduler.getTaskInfos()).tasks).toMatchObject(
      ['a', 'b', 'c'].map((id) => ({ id, state: 'pending' })),
    );
    await scheduler.addTask({ id: 'd', handler: 'work', trigger: HOURLY });
    const events = recordEvents(scheduler);
    await scheduler.start();
    const added = events.filter(({ name }) => name.startsWith('task.'));
    expect(added.map((event) => [event.name, 'taskId' in event && event.taskId])).toEqual(
      ['a', 'b', 'c', 'd'].map((id) => ['task.added', id]),
    );
    expect((await scheduler.getTaskInfos({ state: 'scheduled' })).total).toBe(4);
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
