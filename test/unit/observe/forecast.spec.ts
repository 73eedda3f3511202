import type { Forecast, ForecastOptions, TaskOptions } from 'nestjs-asyncz';
import { makeRun, makeTask } from 'nestjs-asyncz/testing';
import { describe, expect, it } from 'vitest';
import { createRunning, createScheduler, START } from '../../support/scheduler.factory.js';
import type { TestScheduler } from '../../support/scheduler.factory.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

async function running(options: Parameters<typeof createRunning>[1] = {}): Promise<TestScheduler> {
  return createRunning({ work: () => {} }, { timezone: 'UTC', ...options });
}

const add = ({ scheduler }: TestScheduler, id: string, trigger: object, options: Partial<TaskOptions> = {}) =>
  scheduler.addTask({ id, handler: 'work', trigger, ...options } as TaskOptions);

const runsOf = (taskId: string, ms: number) =>
  Array.from({ length: 5 }, (_, at) =>
    makeRun(`${taskId}@${at}`, { taskId, startedAt: START - at * DAY - ms, endedAt: START - at * DAY }),
  );

const times = ({ runs }: Forecast) => runs.map(({ taskId, at }) => `${taskId} ${at.toISOString()}`);

describe('forecast', () => {
  it('lists the runs to come in order, and changes nothing', async () => {
    const test = await running();
    await add(test, 'hours', { type: 'interval', hours: 8 });
    await add(test, 'nine', { type: 'cron', expression: '0 9 * * *', timezone: 'Europe/Lisbon' });
    await add(test, 'once', { type: 'date', runAt: new Date(START + HOUR) });
    await add(test, 'twice', { type: 'interval', minutes: 10, maxRuns: 2 });
    await add(test, 'far', { type: 'date', runAt: new Date(START + 2 * DAY) });
    await add(test, 'paused', { type: 'interval', hours: 1 }, { paused: true });
    const before = await test.store.getAllTasks();
    const forecast = await test.scheduler.forecast();
    expect(times(forecast)).toEqual([
      'twice 2026-01-15T12:10:00.000Z',
      'twice 2026-01-15T12:20:00.000Z',
      'once 2026-01-15T13:00:00.000Z',
      'hours 2026-01-15T20:00:00.000Z',
      'hours 2026-01-16T04:00:00.000Z',
      'nine 2026-01-16T09:00:00.000Z',
    ]);
    expect(forecast).toMatchObject({ total: 6, zone: 'UTC', unforeseen: 0, leftOut: [], overlaps: [], sameSecond: [] });
    expect(forecast.tasks.map(({ taskId, runs }) => `${taskId} ${runs}`)).toEqual([
      'hours 2',
      'twice 2',
      'nine 1',
      'once 1',
    ]);
    expect(forecast.buckets.map(({ starts }) => starts).reduce((a, b) => a + b)).toBe(6);
    expect(await test.store.getAllTasks()).toEqual(before);
    expect(JSON.parse(JSON.stringify(forecast))).toMatchObject({ from: new Date(START).toISOString() });
  });

  it('knows what is overdue, and what follows the end of its own runs', async () => {
    const test = await running({ startPaused: true });
    await test.store.addTask(
      makeTask('late', {
        nextRunTime: START - HOUR,
        trigger: { type: 'date', runAt: '2020-01-01T00:00:00Z', timezone: 'UTC' },
      }),
    );
    await add(test, 'after', { type: 'fixedDelay', delay: '5m' });
    const forecast = await test.scheduler.forecast();
    expect(times(forecast)).toEqual(['after 2026-01-15T12:00:00.000Z', 'late 2026-01-15T12:00:00.000Z']);
    expect(forecast).toMatchObject({ total: 2, unforeseen: 1, leftOut: [] });
  });

  it('begins later, for the tasks that meet a filter', async () => {
    const test = await running();
    await add(test, 'a', { type: 'interval', hours: 8 }, { tags: ['billing'] });
    await add(test, 'b', { type: 'interval', hours: 8 });
    const forecast = await test.scheduler.forecast({ tag: 'billing', from: START + DAY, to: START + 2 * DAY });
    expect(times(forecast)).toEqual([
      'a 2026-01-16T12:00:00.000Z',
      'a 2026-01-16T20:00:00.000Z',
      'a 2026-01-17T04:00:00.000Z',
    ]);
  });

  it('marks what a change of clocks and a calendar touch, and counts by days of a zone', async () => {
    const test = await running({ calendars: { sundays: { weekdays: ['sun'] } } });
    const from = '2026-03-28T00:00:00';
    await add(test, 'night', { type: 'cron', expression: '30 2 * * *', timezone: 'Europe/Berlin' });
    await add(test, 'moved', {
      type: 'cron',
      expression: '0 9 * * *',
      calendar: 'sundays',
      onExcluded: 'next',
      timezone: 'Europe/Berlin',
    });
    const forecast = await test.scheduler.forecast({
      from,
      to: '2026-03-31T00:00:00',
      bucket: '1d',
      zone: 'Europe/Berlin',
    });
    expect(forecast.runs.filter(({ dst }) => dst !== null)).toMatchObject([
      { taskId: 'night', dst: 'gap', at: new Date('2026-03-29T01:30:00Z') },
    ]);
    expect(forecast.runs.filter(({ movedByCalendar }) => movedByCalendar !== null)).toMatchObject([
      { taskId: 'moved', movedByCalendar: 'sundays' },
    ]);
    expect(
      forecast.buckets.map(({ local, start, end, starts }) => [
        local,
        (end.getTime() - start.getTime()) / HOUR,
        starts,
      ]),
    ).toEqual([
      ['2026-03-28T00:00', 24, 2],
      ['2026-03-29T00:00', 23, 1],
      ['2026-03-30T00:00', 24, 2],
    ]);
  });

  it('tells load and peaks from measured run times', async () => {
    const test = await running();
    await add(test, 'a', { type: 'cron', expression: '0 * * * *' });
    await add(test, 'b', { type: 'cron', expression: '30 * * * *' });
    await test.store.saveRuns([...runsOf('a', 40 * MINUTE), ...runsOf('b', 15 * MINUTE)]);
    const { buckets, tasks } = await test.scheduler.forecast({ from: START + 30 * MINUTE, to: START + 3 * HOUR });
    expect(
      buckets.map(({ local, starts, busyMs, average, peak }) => [local, starts, busyMs / MINUTE, average, peak]),
    ).toEqual([
      ['2026-01-15T12:30', 1, 15, 0.5, 1],
      ['2026-01-15T13:00', 2, 55, 0.92, 2],
      ['2026-01-15T14:00', 2, 55, 0.92, 2],
    ]);
    expect(tasks[0]).toMatchObject({ expectedMs: 15 * MINUTE });
  });

  it('foretells which runs overlap, and which tasks start in the same second', async () => {
    const test = await running();
    await add(test, 'slow', { type: 'interval', minutes: 30 }, { overlap: 'queueOne' });
    await test.store.saveRuns(runsOf('slow', 45 * MINUTE));
    for (let at = 0; at < 12; at += 1) await add(test, `midnight ${at}`, { type: 'cron', expression: '0 0 * * *' });
    const { overlaps, sameSecond } = await test.scheduler.forecast();
    expect(overlaps).toEqual([
      {
        taskId: 'slow',
        store: 'default',
        overlap: 'queueOne',
        count: 46,
        first: new Date(START + HOUR),
        gapMs: 30 * MINUTE,
        p95Ms: 45 * MINUTE,
        measured: 5,
      },
    ]);
    expect(sameSecond).toMatchObject([{ at: new Date('2026-01-16T00:00:00Z'), count: 13 }]);
  });

  it('counts what is too much to be found one by one', async () => {
    const test = await running({ startPaused: true });
    await add(test, 'often', { type: 'interval', milliseconds: 100 });
    const { total, buckets, leftOut, runs } = await test.scheduler.forecast({ to: START + DAY });
    expect(total).toBe(863_999);
    expect(buckets.map(({ starts }) => starts)).toEqual([35_999, ...Array.from({ length: 23 }, () => 36_000)]);
    expect({ leftOut, runs }).toEqual({ leftOut: [], runs: [] });
  });

  it('says what its bounds left out', async () => {
    const test = await running();
    for (let at = 0; at < 5; at += 1) await add(test, `${at}`, { type: 'interval', hours: 1 });
    const few = await test.scheduler.forecast({ maxTasks: 3 });
    expect(few).toMatchObject({ total: 69, leftOut: ['Of the 5 tasks of the store "default" 3 were looked at.'] });
    const cut = await test.scheduler.forecast({ maxTimes: 50 });
    expect(cut).toMatchObject({ total: 50, leftOut: ['Of 3 tasks not all times were found: see maxTimes.'] });
    await test.store.addTask(makeTask('odd', { trigger: { type: 'tides' }, nextRunTime: START + 1 }));
    expect((await test.scheduler.forecast()).leftOut).toEqual([
      'The triggers of 1 tasks of the store "default" cannot be asked: see diagnose().',
    ]);
  });

  it('lets others have their turn', async () => {
    const test = await running({ startPaused: true });
    for (let at = 0; at < 2_000; at += 1)
      await test.store.addTask(
        makeTask(`${at}`, {
          nextRunTime: START + at,
          trigger: { type: 'cron', expression: '*/7 * * * *', timezone: 'Europe/Lisbon' },
        }),
      );
    // Of the processor, since others use it too.
    let longest = 0;
    let last = process.cpuUsage();
    const timer = setInterval(() => {
      const { user } = process.cpuUsage(last);
      longest = Math.max(longest, user / 1_000);
      last = process.cpuUsage();
    }, 0);
    const { total } = await test.scheduler.forecast({ maxTimes: 50_000 });
    clearInterval(timer);
    expect(total).toBe(50_000);
    console.log(`the longest turn of a forecast of 50,000 times: ${Math.round(longest)} ms`);
    expect(longest).toBeLessThan(150);
  });

  it('works on tasks that wait for the start', async () => {
    const test = createScheduler({ work: () => {} }, { timezone: 'UTC' });
    await add(test, 'a', { type: 'interval', hours: 8 });
    expect((await test.scheduler.forecast()).total).toBe(2);
  });

  it.each<[ForecastOptions, string]>([
    [{ days: 3 } as never, 'days'],
    [{ from: 'soon' }, 'from'],
    [{ to: START - 1 }, 'after "from"'],
    [{ to: START + 400 * DAY }, '366 days'],
    [{ bucket: '1s' }, 'at least 1m'],
    [{ to: START + 300 * DAY, bucket: '1h' }, 'at most 1000 buckets'],
    [{ zone: 'Europe/Lisboa' }, 'Europe/Lisbon'],
    [{ limit: -1 }, 'limit'],
    [{ maxTimes: 100_000 }, '1 to 50000'],
    [{ store: 'other' }, 'other'],
  ])('refuses %j', async (options, message) => {
    const test = await running();
    await expect(test.scheduler.forecast(options)).rejects.toThrow(message);
  });
});
