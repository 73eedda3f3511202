import { describe, expect, it } from 'vitest';
import { InvalidOptionError } from 'nestjs-asyncz';
import type { TaskChanges, TaskSpec } from 'nestjs-asyncz';
import { nextEvent } from '../../../support/events.js';
import { createRunning, createScheduler } from '../../../support/scheduler.factory.js';
import { HOURLY } from '../../../support/task.factory.js';

const REPORT = { report: 7, since: new Date(5), parts: new Map([['a', 1]]) };

describe('a task that is given data', () => {
  it('calls its handler with that one object, and shows it apart from arguments', async () => {
    const { scheduler } = await createRunning({ echo: (args) => args });
    const task = await scheduler.addTask({ handler: 'echo', data: REPORT, trigger: HOURLY });
    expect(task.info).toMatchObject({ data: REPORT, args: [], schemaVersion: null });
    expect(await scheduler.runTask(task, { wait: true })).toMatchObject({ result: [REPORT] });
    const plain = await scheduler.addTask({ handler: 'echo', args: [REPORT], trigger: HOURLY });
    expect(plain.info).toMatchObject({ data: null, args: [REPORT] });
    expect(await scheduler.runTask(plain, { wait: true })).toMatchObject({ result: [REPORT] });
  });

  it('gets other data or arguments in their place', async () => {
    const { scheduler } = await createRunning({ echo: (args) => args });
    const task = await scheduler.addTask({ handler: 'echo', args: [1, 2], trigger: HOURLY });
    expect((await task.update({ data: { two: 2 } })).info).toMatchObject({ data: { two: 2 }, args: [] });
    expect((await task.update({ name: 'other' })).info).toMatchObject({ data: { two: 2 }, args: [], name: 'other' });
    expect((await task.update({ args: [3] })).info).toMatchObject({ data: null, args: [3] });
  });

  it.each<[object, RegExp]>([
    [
      { data: 'text' },
      /Invalid data: "text"\. Allowed: an object; lists and values of other kinds are given as "args"/,
    ],
    [{ data: null }, /Invalid data: null/],
    [{ data: [1] }, /Invalid data/],
    [{ data: {}, args: [1] }, /Invalid data.*without "args"/],
  ])('is refused as %o, added and changed', async (input, message) => {
    const { scheduler } = await createRunning({ echo: (args) => args });
    const spec = { handler: 'echo', ...input } as TaskSpec;
    await expect(scheduler.addTask(spec)).rejects.toThrow(message);
    await expect(scheduler.addTask(spec)).rejects.toThrow(InvalidOptionError);
    const task = await scheduler.addTask({ handler: 'echo', data: { kept: true }, trigger: HOURLY });
    await expect(task.update(input as TaskChanges)).rejects.toThrow(message);
    expect((await scheduler.getTask(task.id))?.info.data).toEqual({ kept: true });
    expect((await scheduler.getTaskInfos()).total).toBe(1);
  });

  it('is refused with the path in the data where that cannot be stored', async () => {
    const { scheduler } = await createRunning({ echo: (args) => args });
    const bad = { list: [{ call: () => 1 }] };
    await expect(scheduler.addTask({ handler: 'echo', data: bad })).rejects.toThrow(
      /: data\.list\[0\]\.call is a function/,
    );
  });

  it('is another one than a task with the same object as an argument, for a redrive and for a deploy', async () => {
    const { scheduler, store } = createScheduler({ echo: (args) => args });
    const declare = (input: object) =>
      scheduler.declareTasks([{ id: 'a', handler: 'echo', trigger: HOURLY, ...input } as TaskSpec & { id: string }]);
    declare({ args: [REPORT] });
    await scheduler.start();
    await scheduler.shutdown();
    declare({ data: REPORT });
    const modified = nextEvent(scheduler, 'task.modified');
    await scheduler.start();
    expect(await modified).toMatchObject({ taskId: 'a' });
    expect((await scheduler.getTask('a'))?.info).toMatchObject({ data: REPORT, args: [] });
    expect(await store.lookupTask('a')).toMatchObject({ definition: { input: 'data', args: [REPORT] } });
  });
});

describe('a result that is not to be kept', () => {
  it('is told to listeners, and not in the history', async () => {
    const { scheduler } = await createRunning({ echo: (args) => args }, { taskDefaults: { keepResult: false } });
    const succeeded = nextEvent(scheduler, 'run.succeeded');
    const task = await scheduler.addTask({ handler: 'echo', args: ['large'], trigger: HOURLY });
    expect(await scheduler.runTask(task, { wait: true })).toMatchObject({ status: 'succeeded', result: undefined });
    expect(await succeeded).toMatchObject({ run: { result: ['large'] } });
    await task.update({ keepResult: true });
    expect(await scheduler.runTask(task, { wait: true })).toMatchObject({ result: ['large'] });
    const simple = nextEvent(scheduler, 'run.succeeded');
    await scheduler.addTask({ id: 'simple', handler: 'echo', args: ['large'] });
    await simple;
    const { runs } = await scheduler.getRuns({ taskId: 'simple' });
    expect(runs).toMatchObject([{ status: 'succeeded', result: undefined }]);
  });

  it('is refused as anything but true and false', async () => {
    const { scheduler } = await createRunning({ echo: (args) => args });
    await expect(scheduler.addTask({ handler: 'echo', keepResult: 'no' as never })).rejects.toThrow(
      /keepResult.*true or false/,
    );
  });
});
