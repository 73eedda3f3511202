import { MemoryStore } from 'nestjs-asyncz';
import { describe, expect, it } from 'vitest';
import { createRunning, createScheduler, settle, START } from '../../../support/scheduler.factory.js';
import { minuteTask } from '../../../support/task.factory.js';

/** Nine and ten o'clock on the same day: no search finds a time, and none can say that there is none. */
const NEVER_KNOWN = {
  type: 'and',
  triggers: [
    { type: 'cron', expression: '0 9 * * *' },
    { type: 'cron', expression: '0 10 * * *' },
  ],
};

describe('a trigger whose times take too long to find', () => {
  it('is refused when its task is added', async () => {
    const { scheduler } = await createRunning({ work: () => undefined });
    await expect(scheduler.addTask({ id: 'a', handler: 'work', trigger: NEVER_KNOWN as never })).rejects.toMatchObject({
      code: 'ASYNCZ_IMPOSSIBLE_TRIGGER',
      message: expect.stringContaining(
        'a search of 18000 steps finds no time that its triggers have in common',
      ) as string,
    });
    expect(await scheduler.getTask('a')).toBeNull();
  });

  it('is a problem of its task, which stays, and holds up no other', async () => {
    const store = new MemoryStore();
    const { scheduler, clock } = createScheduler({ work: () => undefined }, { store });
    const ran: string[] = [];
    const problems: string[] = [];
    scheduler.addListener((event) => {
      if (event.name === 'run.succeeded') ran.push(event.taskId);
      if (event.name === 'task.problem') problems.push(`${event.taskId} ${event.problem.code}`);
    });
    await scheduler.start();
    await scheduler.addTask({ id: 'good', handler: 'work', trigger: { type: 'interval', seconds: 1 } });
    // As an older release, or another hand, may have left it in the store.
    const task = minuteTask({
      id: 'bad',
      definition: { handler: 'work' },
      state: { nextRunTime: START, nextScheduledTime: START },
    });
    await store.addTask({ ...task, definition: { ...task.definition, trigger: NEVER_KNOWN } });
    for (let second = 0; second < 3; second += 1) {
      clock.advance(1_000);
      await settle();
    }
    expect(ran).toContain('good');
    expect(ran).not.toContain('bad');
    expect(problems).toContain('bad ASYNCZ_SEARCH_LIMIT');
    expect((await scheduler.getTask('bad'))!.info).toMatchObject({
      problem: { code: 'ASYNCZ_SEARCH_LIMIT' },
      nextRunTime: expect.any(Date) as Date,
    });
  });

  it('runs once for all missed times where they take too long to tell apart', async () => {
    const store = new MemoryStore();
    const { scheduler, clock } = createScheduler({ work: () => undefined }, { store });
    // These meet every 1,001 seconds: a year of them is more than a search may look at.
    const before = START - 365 * 86_400_000;
    const startAt = new Date(before).toISOString();
    const trigger = {
      type: 'and',
      triggers: [
        { type: 'interval', seconds: 1, startAt },
        { type: 'interval', milliseconds: 1_001, startAt },
      ],
    };
    const runs: string[] = [];
    scheduler.addListener((event) => {
      if (event.name === 'run.succeeded') runs.push(event.taskId);
    });
    await scheduler.start();
    const state = { nextRunTime: before, nextScheduledTime: before };
    await store.addTask(minuteTask({ id: 'rare', definition: { handler: 'work', trigger }, state }));
    // The next look at the store: nobody has told the scheduler of the task.
    for (let second = 0; second < 60 && runs.length === 0; second += 1) {
      clock.advance(1_000);
      await settle();
    }
    expect(runs).toEqual(['rare']);
    const next = (await scheduler.getTask('rare'))!.info.nextRunTime!.getTime();
    expect(next).toBeGreaterThan(clock.now());
    expect(next - clock.now()).toBeLessThanOrEqual(1_001_000);
  });
});

describe('a stored task whose trigger is more than is allowed', () => {
  const nested = (depth: number): object =>
    depth === 0
      ? { type: 'interval', milliseconds: 7 }
      : { type: 'or', triggers: [nested(depth - 1), nested(depth - 1)] };

  it.each([
    ['combinations within combinations', nested(10)],
    ['a zone of a million letters', { type: 'cron', expression: '0 9 * * *', timezone: 'A'.repeat(1_000_000) }],
    ['a start before all calendars', { type: 'cron', year: '2096/400', startAt: -7_730_000_000_000_000 }],
    ['a step that is longer than its field', { type: 'cron', expression: '*/90 * * * *' }],
  ])('is listed with its problem, and blocks nothing: %s', async (_what, trigger) => {
    const store = new MemoryStore();
    const { scheduler, clock } = createScheduler({ work: () => undefined }, { store });
    let ran = 0;
    scheduler.addListener((event) => {
      if (event.name === 'run.succeeded' && event.taskId === 'good') ran += 1;
    });
    await scheduler.start();
    const state = { nextRunTime: START, nextScheduledTime: START };
    const definition = { handler: 'work', trigger: trigger as { type: string } };
    await store.addTask(minuteTask({ id: 'bad', definition, state }));
    await scheduler.addTask({ id: 'good', handler: 'work', trigger: { type: 'interval', seconds: 1 } });
    const start = performance.now();
    for (let second = 0; second < 3; second += 1) {
      clock.advance(1_000);
      await settle();
    }
    const { tasks } = await scheduler.getTaskInfos();
    expect(performance.now() - start).toBeLessThan(2_000);
    expect(ran).toBe(3);
    expect(tasks.map(({ id }) => id)).toEqual(expect.arrayContaining(['good', 'bad']));
    expect((await scheduler.getTask('bad'))!.info.problem!.code).toMatch(/^ASYNCZ_(?:INVALID_OPTION|CRON_SYNTAX)$/);
    await expect(scheduler.previewTaskRuns('bad')).rejects.toMatchObject({
      code: expect.stringMatching(/^ASYNCZ_/) as string,
    });
  });
});

describe('how many runs may wait', () => {
  it.each(['maxCatchUp', 'maxQueued'])(
    '%s of more than 1,000 is refused, before anything is stored',
    async (option) => {
      const { scheduler } = await createRunning({ work: () => undefined });
      const adding = scheduler.addTask({
        id: 'a',
        handler: 'work',
        trigger: { type: 'interval', seconds: 1 },
        coalesce: 'all',
        [option]: 1e9,
      });
      await expect(adding).rejects.toThrow(`Invalid ${option}: 1000000000. Allowed: a whole number from 1 to 1000.`);
      expect(await scheduler.getTask('a')).toBeNull();
    },
  );
});
