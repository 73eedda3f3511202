import { MemoryStore } from 'nestjs-asyncz';
import type { SchedulerEvent, TaskOptions } from 'nestjs-asyncz';
import type { TaskRecord } from 'nestjs-asyncz/store';
import { until } from 'nestjs-asyncz/testing';
import { describe, expect, it } from 'vitest';
import { createRunning, settle, START } from '../../../support/scheduler.factory.js';
import type { TestScheduler } from '../../../support/scheduler.factory.js';

const MINUTE = 60_000;
const NAMES = ['task.late', 'task.silent', 'task.recovered'] as const;

type News = SchedulerEvent<(typeof NAMES)[number]>;

/** A running scheduler whose news are collected. */
async function watching(
  handler: () => unknown,
  options: Parameters<typeof createRunning>[1] = {},
): Promise<TestScheduler & { news: News[]; pass(ms: number): Promise<void> }> {
  const test = await createRunning({ work: handler }, options);
  const news: News[] = [];
  test.scheduler.addListener((event) => news.push(event as News), [...NAMES]);
  const pass = async (ms: number) => {
    for (let left = ms; left > 0; left -= 5_000) {
      test.clock.advance(Math.min(5_000, left));
      await settle();
    }
  };
  return { ...test, news, pass };
}

const add = ({ scheduler }: TestScheduler, options: Partial<TaskOptions>) =>
  scheduler.addTask({
    id: 'task',
    handler: 'work',
    trigger: { type: 'interval', minutes: 1 },
    ...options,
  } as TaskOptions);

const kinds = (news: readonly News[]) => news.map(({ name }) => name);

describe('expect', () => {
  it('is silent while all is as expected', async () => {
    const test = await watching(() => {});
    await add(test, { expect: { startWithin: '30s', endWithin: '1m', everyAtLeast: '3m' } });
    await test.pass(20 * MINUTE);
    expect(test.news).toEqual([]);
  });

  it('tells once of a run that does not start, and once that it recovered', async () => {
    const test = await watching(() => {});
    await add(test, { expect: { startWithin: '30s' } });
    test.scheduler.pause();
    await test.pass(10 * MINUTE);
    expect(test.news).toMatchObject([
      {
        name: 'task.late',
        taskId: 'task',
        store: 'default',
        handler: 'work',
        expected: 'start',
        dueAt: new Date(START + MINUTE),
        withinMs: 30_000,
      },
    ]);
    test.scheduler.resume();
    await test.pass(MINUTE);
    expect(kinds(test.news)).toEqual(['task.late', 'task.recovered']);
    expect(test.news[1]).toMatchObject({ from: 'late', since: expect.any(Date) as Date });
  });

  it('tells of a run that does not come to its end, with its retries', async () => {
    let end = () => {};
    const test = await watching(() => new Promise<void>((resolve) => (end = resolve)));
    await add(test, { expect: { startWithin: '10s', endWithin: '2m' } });
    await test.pass(2.5 * MINUTE);
    expect(test.news).toEqual([]);
    await test.pass(2 * MINUTE);
    expect(test.news).toMatchObject([{ name: 'task.late', expected: 'end', dueAt: new Date(START + MINUTE) }]);
    end();
    await test.pass(MINUTE);
    expect(kinds(test.news)).toEqual(['task.late', 'task.recovered']);
  });

  it('tells of a task whose runs all fail', async () => {
    let isFailing = true;
    const test = await watching(() => {
      if (isFailing) throw new Error('no');
    });
    await add(test, { expect: { everyAtLeast: '5m' } });
    await test.pass(4 * MINUTE);
    expect(test.news).toEqual([]);
    await test.pass(5 * MINUTE);
    expect(test.news).toMatchObject([
      { name: 'task.silent', since: new Date(START), everyAtLeastMs: 5 * MINUTE, paused: false },
    ]);
    isFailing = false;
    await test.pass(2 * MINUTE);
    expect(kinds(test.news)).toEqual(['task.silent', 'task.recovered']);
    isFailing = true;
    await test.pass(4 * MINUTE);
    expect(test.news).toHaveLength(2);
    await test.pass(4 * MINUTE);
    expect(kinds(test.news)).toEqual(['task.silent', 'task.recovered', 'task.silent']);
  });

  it('remembers a success of which the history knows nothing', async () => {
    let isFailing = false;
    const test = await watching(() => {
      if (isFailing) throw new Error('no');
    });
    await add(test, { expect: { everyAtLeast: '10m' }, history: 'failures' });
    await test.pass(30 * MINUTE);
    isFailing = true;
    await test.pass(5 * MINUTE);
    expect(test.news).toEqual([]);
    await test.pass(10 * MINUTE);
    expect(kinds(test.news)).toEqual(['task.silent']);
    expect((test.news[0] as { since: Date }).since.getTime()).toBeGreaterThan(START + 25 * MINUTE);
  });

  it('tells of a task that is paused for too long, and of none that is late then', async () => {
    const test = await watching(() => {});
    await add(test, { expect: { startWithin: '1m', everyAtLeast: '5m' } });
    await test.pass(2 * MINUTE);
    await test.scheduler.pauseTask('task');
    await test.pass(10 * MINUTE);
    expect(test.news).toMatchObject([{ name: 'task.silent', paused: true }]);
    await test.scheduler.resumeTask('task');
    await test.pass(2 * MINUTE);
    expect(kinds(test.news)).toEqual(['task.silent', 'task.recovered']);
  });

  it('tells of a task whose trigger broke', async () => {
    const test = await watching(() => {});
    await add(test, { expect: { startWithin: '1m' } });
    const task = (await test.store.lookupTask('task')) as TaskRecord;
    const definition = { ...task.definition, trigger: { type: 'tides' } };
    await test.store.updateTask({ ...task, definition, version: task.version + 1 }, task.version);
    await test.pass(15 * MINUTE);
    expect(test.news).toMatchObject([{ name: 'task.late', dueAt: new Date(START + MINUTE) }]);
    expect(((await test.store.lookupTask('task')) as TaskRecord).state.problem).not.toBeNull();
  });

  it('tells of a task whose handler nobody has', async () => {
    const test = await watching(() => {});
    await add(test, { expect: { startWithin: '1m' } });
    const task = (await test.store.lookupTask('task')) as TaskRecord;
    const definition = { ...task.definition, handler: 'gone' };
    await test.store.updateTask({ ...task, definition, version: task.version + 1 }, task.version);
    await test.pass(20 * MINUTE);
    expect(test.news).toMatchObject([{ name: 'task.late', expected: 'start', handler: 'gone' }]);
  });

  it('expects nothing of a task that is gone, or at its end, or of which nothing is expected any more', async () => {
    const test = await watching(() => {});
    await add(test, { id: 'gone', expect: { startWithin: '30s' } });
    await add(test, { id: 'end', expect: { everyAtLeast: '1m' }, trigger: { type: 'date' } });
    await add(test, { id: 'changed', expect: { startWithin: '30s' } });
    test.scheduler.pause();
    await test.pass(3 * MINUTE);
    expect(test.news.map(({ taskId }) => taskId).sort()).toEqual(['changed', 'end', 'gone']);
    await test.scheduler.deleteTask('gone');
    await test.scheduler.updateTask('changed', { expect: null });
    test.scheduler.resume();
    await test.pass(5 * MINUTE);
    expect(test.news).toHaveLength(3);
    const record = (await test.store.lookupTask('asyncz:watch')) as TaskRecord;
    expect(record.definition.args).toEqual([{}]);
  });

  it('costs nothing in a store where nothing is expected', async () => {
    const test = await watching(() => {});
    await add(test, {});
    await test.pass(5 * MINUTE);
    expect(await test.store.lookupTask('asyncz:watch')).toBeNull();
  });

  it('is noted in the journal, in the step that decides who tells', async () => {
    const test = await watching(() => {});
    await add(test, { expect: { startWithin: '30s' } });
    test.scheduler.pause();
    await test.pass(5 * MINUTE);
    test.scheduler.resume();
    await test.pass(MINUTE);
    const { entries } = await test.store.journal(
      { taskId: 'task', kinds: ['task.late', 'task.recovered'] },
      { limit: 10 },
    );
    expect(entries).toMatchObject([
      { kind: 'task.recovered', details: { from: 'late' } },
      { kind: 'task.late', details: { expected: 'start', handler: 'work', withinMs: 30_000 } },
    ]);
  });

  it('is told by the next one if who was to tell has died', async () => {
    const store = new MemoryStore();
    const test = await watching(() => {}, { store });
    await add(test, { expect: { startWithin: '30s' } });
    test.scheduler.pause();
    await test.pass(5 * MINUTE);
    expect(test.news).toHaveLength(1);
    const record = (await store.lookupTask('asyncz:watch')) as TaskRecord;
    const [entries] = record.definition.args as [Record<string, object>];
    const untold = { ...entries.task, teller: 'dead', untold: [{ to: 'late', at: START }] };
    const definition = { ...record.definition, args: [{ task: untold }] };
    await store.updateTask({ ...record, definition, version: record.version + 1 }, record.version);
    await until(() => test.news.length > 1, { advance: () => test.pass(1_000) });
    await test.pass(MINUTE);
    expect(kinds(test.news)).toEqual(['task.late', 'task.late']);
  });

  it.each([
    [{}, 'one of "startWithin"'],
    [{ startWithin: '10ms' }, 'at least 1s'],
    [{ within: '1m' }, 'within'],
    [5, 'an object with "startWithin"'],
  ])('refuses %j', async (given, message) => {
    const test = await watching(() => {});
    await expect(add(test, { expect: given as never })).rejects.toThrow(message);
  });
});
