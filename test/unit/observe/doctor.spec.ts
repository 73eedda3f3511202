import { AsyncExecutor, MemoryStore, Scheduler } from 'nestjs-asyncz';
import type { DiagnoseOptions, Finding, TaskOptions } from 'nestjs-asyncz';
import type { SchedulerInstance, TaskRecord } from 'nestjs-asyncz/store';
import { makeRun, makeTask, until } from 'nestjs-asyncz/testing';
import { BaseTrigger } from 'nestjs-asyncz/triggers';
import { describe, expect, it } from 'vitest';
import { BlockingStore } from './blocking.store.js';
import { createRunning, START, settle } from '../../support/scheduler.factory.js';
import type { TestScheduler } from '../../support/scheduler.factory.js';

const MINUTE = 60_000;

/** A scheduler whose zone is said, with a handler. */
async function running(options: Parameters<typeof createRunning>[1] = {}): Promise<TestScheduler> {
  return createRunning({ work: () => {} }, { timezone: 'UTC', ...options });
}

async function findings({ scheduler }: Pick<TestScheduler, 'scheduler'>, options?: DiagnoseOptions) {
  return (await scheduler.diagnose(options)).findings;
}

/** Code, severity, confidence and subject of the findings. */
const short = (found: readonly Finding[]) =>
  found.map(
    ({ code, severity, confidence, subject }) => `${severity} ${confidence} ${code} of ${subject.kind} ${subject.id}`,
  );

const add = ({ scheduler }: TestScheduler, id: string, options: Partial<TaskOptions>) =>
  scheduler.addTask({ id, handler: 'work', trigger: { type: 'interval', hours: 2 }, ...options } as TaskOptions);

/** Five ended runs of a task, each as long as it says. */
const runsOf = (taskId: string, ms: number, changes = {}) =>
  Array.from({ length: 5 }, (_, at) => {
    const endedAt = START - at * MINUTE;
    return makeRun(`${taskId}@${new Date(endedAt).toISOString()}`, {
      taskId,
      startedAt: endedAt - ms,
      endedAt,
      ...changes,
    });
  });

const instance = (identity: string, changes: Partial<SchedulerInstance> = {}): SchedulerInstance => ({
  identity,
  name: 'default',
  role: 'worker',
  host: 'elsewhere',
  pid: 1,
  version: '0.0.0-other',
  startedAt: START,
  heartbeatAt: START,
  stores: ['default'],
  executors: [{ alias: 'default', running: 0, room: null }],
  handlers: ['work'],
  running: 0,
  drain: null,
  inputs: null,
  clockOffsetMs: 0,
  ...changes,
});

describe('diagnose', () => {
  it('finds nothing in a healthy application, and says what it looked at', async () => {
    const test = await running();
    await add(test, 'often', { trigger: { type: 'interval', seconds: 10 }, timeout: '5s' });
    await add(test, 'daily', { trigger: { type: 'cron', expression: '30 4 * * *', timezone: 'Europe/Lisbon' } });
    await add(test, 'once', { trigger: { type: 'date', runAt: new Date(START + MINUTE) } });
    await add(test, 'paused', { paused: true, trigger: { type: 'fixedDelay', delay: '1h' } as never });
    for (let at = 0; at < 10; at += 1) {
      test.clock.advance(10_000);
      await settle();
    }
    const diagnosis = await test.scheduler.diagnose();
    expect(diagnosis).toMatchObject({
      findings: [],
      counts: { error: 0, warning: 0, info: 0 },
      leftOut: [],
      stores: [{ store: 'default', tasks: 3, ofTasks: 3 }],
    });
    expect(diagnosis.stores[0]!.runs).toBeGreaterThan(5);
    expect(JSON.parse(JSON.stringify(diagnosis))).toMatchObject({ at: diagnosis.at.toISOString() });
  });

  it('refuses what it does not know, and a scheduler that is not started', async () => {
    const test = await running();
    const { scheduler } = test;
    await expect(scheduler.diagnose({ deep: true } as never)).rejects.toMatchObject({ code: 'ASYNCZ_UNKNOWN_OPTION' });
    await expect(scheduler.diagnose({ maxTasks: 0 })).rejects.toThrow('1 to 100000');
    await expect(scheduler.diagnose({ ignore: 'all' as never })).rejects.toThrow('a list of codes');
    await expect(scheduler.diagnose({ timeout: '1h' })).rejects.toThrow('at most 10m');
    await expect(scheduler.diagnose({ store: 'other' })).rejects.toMatchObject({ code: 'ASYNCZ_UNKNOWN_STORE' });
    await scheduler.shutdown(0);
    await expect(scheduler.diagnose()).rejects.toMatchObject({ code: 'ASYNCZ_NOT_RUNNING' });
  });

  it('leaves out what is not to be told', async () => {
    const test = await running();
    await test.store.addTask(
      makeTask('never', { trigger: { type: 'cron', expression: '0 0 30 2 *', timezone: 'UTC' } }),
    );
    expect(await findings(test, { ignore: ['task-never-fires'] })).toEqual([]);
  });

  it('changes nothing, not even what is due', async () => {
    const test = await running({ startPaused: true });
    for (let at = 0; at < 100; at += 1)
      await test.store.addTask(
        makeTask(`due ${at}`, { nextRunTime: START - 1, trigger: { type: 'interval', minutes: 1 } }),
      );
    const before = await test.store.getAllTasks();
    await test.scheduler.diagnose();
    expect(await test.store.getAllTasks()).toEqual(before);
  });

  it('looks at so many tasks only, at those that are due first in any case, and says so', async () => {
    const test = await running({ startPaused: true });
    for (let at = 0; at < 300; at += 1)
      await test.store.addTask(makeTask(`a${1_000 + at}`, { nextRunTime: START + 3_600_000 + at * 1_000 }));
    await test.store.addTask(
      makeTask('z', { nextRunTime: START - 2 * MINUTE, trigger: { type: 'interval', minutes: 1 } }),
    );
    const diagnosis = await test.scheduler.diagnose({ maxTasks: 50 });
    expect(diagnosis.leftOut).toEqual(['Of the 301 tasks of the store "default" 50 were looked at.']);
    expect(short(diagnosis.findings)).toEqual(['warning certain tasks-wait of store default']);
  });

  it('lists twenty findings of a code, and counts the others', async () => {
    const test = await running();
    for (let at = 0; at < 30; at += 1)
      await test.store.addTask(
        makeTask(`${at}`, { trigger: { type: 'cron', expression: '0 0 30 2 *', timezone: 'UTC' } }),
      );
    const { findings: found, counts, leftOut } = await test.scheduler.diagnose();
    expect(found).toHaveLength(20);
    expect(counts.error).toBe(30);
    expect(leftOut).toEqual(['Of 30 findings "task-never-fires" the first 20 are listed.']);
  });

  it('ends in time although a store does not answer', async () => {
    const store = new BlockingStore();
    const scheduler = new Scheduler({ stores: { default: store }, timezone: 'UTC' });
    await scheduler.start();
    store.block();
    try {
      const { findings: found } = await scheduler.diagnose({ timeout: '200ms' });
      expect(short(found)).toEqual(['error certain store-failing of store default']);
      expect(found[0]!.what).toContain('did not answer in time');
    } finally {
      store.free();
      await scheduler.shutdown(0);
    }
  });

  it('tells of a store that refuses', async () => {
    const store = new BlockingStore();
    const scheduler = new Scheduler({ stores: { default: store }, timezone: 'UTC' });
    await scheduler.start();
    store.refuse('the disk is full');
    try {
      expect((await scheduler.diagnose()).findings[0]).toMatchObject({
        code: 'store-failing',
        what: expect.stringContaining('the disk is full') as string,
      });
    } finally {
      store.free();
      await scheduler.shutdown(0);
    }
  });
});

describe('of schedules, diagnose finds', () => {
  it('one that never fires, and none that ends by itself', async () => {
    const test = await running();
    const cron = { type: 'cron', expression: '0 0 30 2 *', timezone: 'UTC' };
    await test.store.addTask(makeTask('never', { trigger: cron }));
    const past = new Date(START - MINUTE).toISOString();
    const ended = { type: 'interval', minutes: 1, endAt: past, timezone: 'UTC' };
    await test.store.addTask(makeTask('ended', { origin: 'code', trigger: ended, state: { exhausted: true } }));
    await test.store.addTask(
      makeTask('held', { trigger: cron, state: { pause: { at: START, actor: null, reason: null } } }),
    );
    const found = await findings(test);
    expect(short(found)).toEqual(['error certain task-never-fires of task never']);
    expect(found[0]!.subject.store).toBe('default');
  });

  it('one whose trigger is not known here, and one whose trigger throws', async () => {
    class Torn extends BaseTrigger {
      readonly type = 'torn';
      nextTime(): number {
        throw new Error('torn in two');
      }
      describe = () => 'torn';
      toJSON = () => ({ type: 'torn' });
    }
    const test = await running({ triggers: { torn: Torn } });
    await test.store.addTask(makeTask('unknown', { trigger: { type: 'tides' } }));
    await test.store.addTask(makeTask('torn', { trigger: { type: 'torn' } }));
    const found = await findings(test);
    expect(short(found)).toEqual([
      'error certain trigger-broken of task torn',
      'error certain trigger-broken of task unknown',
    ]);
    expect(found[0]!.what).toContain('torn in two');
  });

  it('one with a problem', async () => {
    const test = await running();
    await test.store.addTask(makeTask('due', { nextRunTime: START - 1, trigger: { type: 'tides' } }));
    await until(async () => ((await test.store.lookupTask('due')) as TaskRecord).state.problem !== null, {
      advance: async (ms) => {
        test.clock.advance(ms * 100);
        await settle();
      },
    });
    expect(short(await findings(test))).toEqual(['error certain task-problem of task due']);
  });

  it('one at a time that a change of clocks skips or repeats, and none that comes every hour', async () => {
    const test = await running();
    const at = (expression: string, more = {}) => ({
      type: 'cron' as const,
      expression,
      timezone: 'Europe/Berlin',
      ...more,
    });
    await add(test, 'night', { trigger: at('30 2 * * *') });
    await add(test, 'skips', { trigger: at('30 2 * * *', { dst: { gap: 'skip' } }) });
    await add(test, 'morning', { trigger: at('30 4 * * *') });
    await add(test, 'hourly', { trigger: at('0 * * * *') });
    await add(test, 'utc', { trigger: { type: 'cron', expression: '30 2 * * *', timezone: 'UTC' } });
    const found = await findings(test);
    expect(short(found)).toEqual([
      'warning certain task-at-change-of-clocks of task skips',
      'info certain task-at-change-of-clocks of task night',
    ]);
    expect(found[1]!.details).toEqual({
      zones: ['Europe/Berlin'],
      touched: [
        { at: '2026-03-29T01:30:00Z', dst: 'gap' },
        { at: '2026-10-25T00:30:00Z', dst: 'overlap' },
      ],
    });
    expect(found[0]!.details).toMatchObject({ touched: [{ at: '2026-03-29T01:30:00Z', dst: 'skipped' }, {}] });
  });

  it('many that start in the same second', async () => {
    const test = await running();
    for (let at = 0; at < 30; at += 1)
      await add(test, `midnight ${at}`, { trigger: { type: 'cron', expression: '0 0 * * *' } });
    for (let at = 0; at < 30; at += 1)
      await add(test, `spread ${at}`, { trigger: { type: 'cron', expression: '0 0 * * *', jitter: '1h' } });
    const found = await findings(test);
    expect(short(found)).toEqual(['warning possible tasks-start-together of store default']);
    expect(found[0]!.details).toMatchObject({ at: '2026-01-16T00:00:00Z', count: 30 });
    expect(await findings(test, { sameSecond: 31 })).toEqual([]);
  });
});

describe('of run times, diagnose finds', () => {
  it('an interval that is shorter than most runs', async () => {
    const test = await running();
    await add(test, 'slow', { trigger: { type: 'interval', minutes: 1 } });
    await add(test, 'fast', { trigger: { type: 'interval', minutes: 1, startAt: new Date(START + 1_500) } });
    await test.store.saveRuns([...runsOf('slow', 70_000), ...runsOf('fast', 10_000)]);
    const found = await findings(test, { ignore: ['lease-too-short'] });
    expect(short(found)).toEqual(['warning possible interval-too-short of task slow']);
    expect(found[0]!.details).toEqual({
      intervalMs: 60_000,
      overlap: 'skip',
      count: 5,
      p50Ms: 70_000,
      p95Ms: 70_000,
      longestMs: 70_000,
      lost: 0,
    });
  });

  it('a lease that is shorter than most runs, the more so where runs were lost', async () => {
    const test = await running({ lease: '10s' });
    await add(test, 'long', {});
    await test.store.saveRuns(runsOf('long', 20_000));
    expect(short(await findings(test))).toEqual(['info possible lease-too-short of store default']);
    await test.store.saveRuns([
      makeRun('long@lost', { taskId: 'long', status: 'lost', startedAt: START, endedAt: START }),
    ]);
    const found = await findings(test);
    expect(short(found)).toEqual(['warning likely lease-too-short of store default']);
    expect(found[0]!.details).toEqual({ leaseMs: 10_000, tasks: [{ id: 'long', p95Ms: 20_000, lost: 1 }] });
  });

  it('those of a task that seldom runs, behind the many of another', async () => {
    const test = await running();
    await add(test, 'rare', { trigger: { type: 'interval', minutes: 1 } });
    const task = (await test.store.lookupTask('rare')) as TaskRecord;
    const lastRun = { id: 'rare@x', status: 'succeeded', startedAt: 0, endedAt: 70_000 } as const;
    await test.store.updateTask({ ...task, version: 2, state: { ...task.state, lastRun } }, 1);
    await test.store.saveRuns(
      runsOf('rare', 70_000).map((run) => ({
        ...run,
        endedAt: run.endedAt - 3_600_000,
        startedAt: run.startedAt! - 3_600_000,
      })),
    );
    await test.store.saveRuns(runsOf('other', 1));
    const found = await findings(test, { maxRuns: 5, ignore: ['lease-too-short'] });
    expect(short(found)).toEqual(['warning possible interval-too-short of task rare']);
  });

  it('a timeout that is longer than the interval', async () => {
    const test = await running();
    await add(test, 'hangs', { trigger: { type: 'interval', minutes: 1 }, timeout: '5m' });
    await add(test, 'beside', { trigger: { type: 'interval', minutes: 1 }, timeout: '5m', overlap: 'allow' });
    expect(short(await findings(test))).toEqual(['info possible timeout-too-long of task hangs']);
  });
});

describe('of the cluster, diagnose finds', () => {
  it('clocks that differ, and versions', async () => {
    const test = await running({ identity: 'here' });
    await test.store.heartbeat(instance('other', { clockOffsetMs: -90_000 }));
    const found = await findings(test);
    expect(short(found)).toEqual([
      'warning certain clocks-differ of instance other',
      'warning certain versions-differ of store default',
    ]);
    expect(found[0]!.what).toContain('1m30s behind');
  });

  it('a handler and an executor that nobody has, and none that another worker has', async () => {
    const test = await running();
    await test.store.addTask(makeTask('a', { handler: 'gone', nextRunTime: START + 5_000 }));
    await test.store.addTask(makeTask('b', { handler: 'gone', nextRunTime: START + 6_000 }));
    await test.store.addTask(makeTask('c', { executor: 'gpu', nextRunTime: START + 7_000 }));
    await test.store.addTask(makeTask('d', { handler: 'elsewhere', nextRunTime: START + 8_000 }));
    await test.store.heartbeat(instance('other', { handlers: ['elsewhere'] }));
    expect(short(await findings(test, { ignore: ['versions-differ'] }))).toEqual([
      'error certain handler-missing of handler gone',
      'error certain executor-missing of executor gpu',
    ]);
  });

  it('a store on which nobody works', async () => {
    const test = await running({ role: 'client' });
    expect(await findings(test)).toEqual([]);
    await add(test, 'a', {});
    expect(short(await findings(test))).toEqual(['error certain no-workers of store default']);
  });

  it('due tasks that wait, and an executor that is full', async () => {
    let open = () => {};
    const opened = new Promise<void>((resolve) => (open = resolve));
    const test = await createRunning(
      { work: () => opened },
      { timezone: 'UTC', executors: { small: new AsyncExecutor({ concurrency: 1 }) } },
    );
    const once = { trigger: { type: 'date' as const }, executor: 'small' };
    await add(test, 'first', once);
    await settle();
    await add(test, 'second', once);
    await add(test, 'third', once);
    test.clock.advance(20_000);
    await settle();
    expect(await findings(test)).toEqual([]);
    const found = await findings(test, { maxWait: '10s' });
    expect(short(found)).toEqual(['warning likely executor-full of executor small']);
    expect(found[0]!.details).toEqual({ tasks: 2, longestMs: 20_000, some: ['second', 'third'] });
    open();
    await settle();
    test.scheduler.pause();
    await add(test, 'fourth', once);
    test.clock.advance(20_000);
    expect(short(await findings(test, { maxWait: '10s' }))).toEqual(['warning certain tasks-wait of store default']);
  });
});

describe('of stores, diagnose finds', () => {
  it('a history that is kept for ever', async () => {
    const test = await running({ retention: { count: null, age: null } });
    expect(short(await findings(test))).toEqual(['warning certain history-grows of store default']);
  });

  it('a history that nobody prunes although a worker was there', async () => {
    const test = await running({ retention: { age: '1h' } });
    await test.store.saveRuns(runsOf('a', 1).map((run) => ({ ...run, startedAt: 0, endedAt: START - 2 * 3_600_000 })));
    expect(await findings(test)).toEqual([]);
    await test.store.heartbeat(instance('eldest', { startedAt: START - 3_600_000 }));
    expect(short(await findings(test, { ignore: ['versions-differ'] }))).toEqual([
      'warning certain history-grows of store default',
    ]);
  });

  it('what the store says of itself', async () => {
    class Worn extends MemoryStore {
      inspect() {
        return [
          {
            code: 'disk-worn',
            severity: 'error' as const,
            confidence: 'likely' as const,
            what: 'The disk is worn',
            why: 'it will fail',
            advice: 'Replace it',
          },
        ];
      }
    }
    const test = await running({ store: new Worn() });
    expect(await findings(test)).toEqual([
      {
        code: 'disk-worn',
        severity: 'error',
        confidence: 'likely',
        what: 'The disk is worn',
        why: 'it will fail',
        advice: 'Replace it',
        subject: { kind: 'store', id: 'default', store: 'default' },
        details: {},
      },
    ]);
  });
});
