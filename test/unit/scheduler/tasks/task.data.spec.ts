import { describe, expect, it } from 'vitest';
import { AsynczError, InvalidOptionError } from 'nestjs-asyncz';
import type { TaskChanges, TaskSpec } from 'nestjs-asyncz';
import { nextEvent } from '../../../support/events.js';
import { createRunning, createScheduler } from '../../../support/scheduler.factory.js';
import { HOURLY } from '../../../support/task.factory.js';

/** A proxy of which nothing can be asked any more. */
function revoked(target: object): never {
  const { proxy, revoke } = Proxy.revocable(target, {});
  revoke();
  return proxy as never;
}

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

describe('arguments that are something else', () => {
  it.each<[string, () => object]>([
    ['a Map', () => ({ data: new Map([['a', 1]]) })],
    ['a Set', () => ({ data: new Set() })],
    ['a Date', () => ({ data: new Date(0) })],
    ['bytes', () => ({ data: new Uint8Array(2) })],
    ['a buffer', () => ({ data: new ArrayBuffer(2) })],
    ['an object that was revoked', () => ({ data: revoked({}) })],
    ['a list that was revoked', () => ({ data: revoked([]) })],
    ['args that were revoked', () => ({ args: revoked([]) })],
  ])('are refused, added and changed: %s', async (_, input) => {
    const { scheduler } = await createRunning({ echo: (args) => args });
    const task = await scheduler.addTask({ handler: 'echo', data: { fine: 1 }, trigger: HOURLY });
    for (const asked of [() => scheduler.addTask({ handler: 'echo', ...input() }), () => task.update(input())]) {
      await expect(asked()).rejects.toThrow(InvalidOptionError);
    }
    expect((await scheduler.getTaskInfos()).tasks).toMatchObject([{ data: { fine: 1 } }]);
  });
});

describe('data that holds what cannot be read', () => {
  const odd: readonly [string, () => object][] = [
    ['a proxy that was revoked', () => ({ a: revoked({}) })],
    ['a list that was revoked', () => ({ a: [revoked([])] })],
    [
      'a getter that throws',
      () => ({
        get a() {
          throw new RangeError('no');
        },
      }),
    ],
    ['a function', () => ({ a: () => {} })],
    ['an object with a class', () => ({ a: new URL('https://example.com') })],
  ];

  it.each(odd)('is refused with a typed error, and nothing is stored: %s', async (_, make) => {
    const data = make();
    const { scheduler, store } = await createRunning({ echo: (args) => args });
    const task = await scheduler.addTask({ handler: 'echo', data: { fine: 1 }, trigger: HOURLY });
    for (const asked of [
      () => scheduler.addTask({ handler: 'echo', data }),
      () => scheduler.addTask({ handler: 'echo', args: [data] }),
      () => scheduler.addTasks([{ handler: 'echo', data }]),
      () => scheduler.upsertTask({ id: 'u', handler: 'echo', data }),
      () => task.update({ data }),
    ]) {
      const error: unknown = await asked().catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(AsynczError);
    }
    expect((await scheduler.getTaskInfos()).tasks).toMatchObject([{ data: { fine: 1 } }]);
    expect(await store.lookupTask(task.id)).toMatchObject({ version: 1 });
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
