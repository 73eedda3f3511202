import { type } from 'arktype';
import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { ArgumentsRefusedError, InvalidOptionError, SchemaFailedError, TaskListError } from 'nestjs-asyncz';
import type { HandlerOptions, StandardResult, StandardSchema, TaskSpec } from 'nestjs-asyncz';
import { ODD_THROWS } from '../../../support/odd.throws.js';
import { createRunning, createScheduler } from '../../../support/scheduler.factory.js';
import { HOURLY } from '../../../support/task.factory.js';

/** The same in three libraries: a text that is trimmed, a number from 1 with a default, and a list of lengths. */
const LIBRARIES: readonly [string, StandardSchema][] = [
  [
    'zod',
    z.object({
      to: z.string().trim().min(1),
      copies: z.number().int().min(1).default(1),
      sizes: z.array(z.object({ width: z.number() })).optional(),
    }),
  ],
  [
    'valibot',
    v.object({
      to: v.pipe(v.string(), v.trim(), v.minLength(1)),
      copies: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1)), 1),
      sizes: v.optional(v.array(v.object({ width: v.number() }))),
    }),
  ],
  [
    'arktype',
    type({
      to: 'string.trim |> string > 0',
      copies: 'number.integer >= 1 = 1',
      'sizes?': type({ width: 'number' }).array(),
    }),
  ],
];

async function withSchema(options: HandlerOptions) {
  const calls: unknown[] = [];
  const made = await createRunning();
  made.scheduler.registerHandler(
    'mail.send',
    (args) => {
      calls.push(args);
      return args;
    },
    options,
  );
  return { ...made, calls };
}

const count = async ({ scheduler }: Awaited<ReturnType<typeof withSchema>>) => (await scheduler.getTaskInfos()).total;

describe.each(LIBRARIES)('a schema of %s', (_library, schema) => {
  it('gives the handler what it makes of the data, at each run, and stores the data as they are given', async () => {
    const { scheduler } = await withSchema({ schema });
    const task = await scheduler.addTask({ handler: 'mail.send', data: { to: '  ann ' }, trigger: HOURLY });
    expect(task.info.data).toEqual({ to: '  ann ' });
    for (const _ of [1, 2]) {
      expect((await scheduler.runTask(task, { wait: true })).result).toEqual([{ to: 'ann', copies: 1 }]);
    }
  });

  it('refuses an add, and nothing is stored', async () => {
    const made = await withSchema({ schema });
    const bad = { to: 'ann', copies: 0.5, sizes: [{ width: 1 }, { width: 'wide' }] };
    const refused = made.scheduler.addTask({ handler: 'mail.send', data: bad });
    await expect(refused).rejects.toThrow(ArgumentsRefusedError);
    const error = (await refused.catch((thrown: unknown) => thrown)) as ArgumentsRefusedError;
    expect(error.handler).toBe('mail.send');
    expect(new Set(error.issues.map(({ path }) => path))).toEqual(new Set(['data.copies', 'data.sizes[1].width']));
    for (const { message, rule } of error.issues) {
      expect(message).toMatch(/\S/);
      expect(rule).toMatch(/^\w+$/);
      expect(error.message).toContain(`: ${message} (${rule})`);
    }
    expect(await count(made)).toBe(0);
  });

  it('refuses what is upserted, and the task stays as it was', async () => {
    const { scheduler } = await withSchema({ schema });
    await scheduler.upsertTask({ id: 'a', handler: 'mail.send', data: { to: 'ann' }, trigger: HOURLY });
    const upserted = scheduler.upsertTask({ id: 'a', handler: 'mail.send', data: { to: 7 }, trigger: HOURLY });
    await expect(upserted).rejects.toThrow(/data\.to/);
    expect((await scheduler.getTask('a'))?.info).toMatchObject({ data: { to: 'ann' }, version: 1 });
  });

  it('refuses a list for one task of it, and says which', async () => {
    const made = await withSchema({ schema });
    const tasks: TaskSpec[] = [{ to: 'ann' }, { to: 'bob' }, { to: 7 }].map((data) => ({ handler: 'mail.send', data }));
    const error = (await made.scheduler.addTasks(tasks).catch((thrown: unknown) => thrown)) as TaskListError;
    expect(error).toBeInstanceOf(TaskListError);
    expect(error).toMatchObject({ index: 2, cause: { code: 'ASYNCZ_ARGUMENTS_REFUSED' } });
    expect(error.message).toContain('data.to');
    expect(await count(made)).toBe(0);
    await made.scheduler.addTasks(tasks.slice(0, 2));
    expect(await count(made)).toBe(2);
  });

  it('refuses a change, of the arguments or of the handler, and the task stays as it was', async () => {
    const { scheduler } = await withSchema({ schema });
    scheduler.registerHandler('other', () => {});
    const task = await scheduler.addTask({ handler: 'mail.send', data: { to: 'ann' }, trigger: HOURLY });
    await expect(task.update({ data: { to: 7 }, name: 'new' })).rejects.toThrow(/data\.to/);
    await expect(task.update({ args: ['ann'] })).rejects.toThrow(ArgumentsRefusedError);
    const other = await scheduler.addTask({ handler: 'other', data: { to: 7 }, trigger: HOURLY });
    await expect(other.update({ handler: 'mail.send' })).rejects.toThrow(/data\.to/);
    expect((await scheduler.getTask(task.id))?.info).toMatchObject({
      data: { to: 'ann' },
      name: 'mail.send',
      version: 1,
    });
    expect((await scheduler.getTask(other.id))?.info).toMatchObject({ handler: 'other', version: 1 });
    expect((await task.update({ name: 'new' })).info).toMatchObject({ name: 'new' });
    expect((await task.update({ data: { to: ' bob' } })).info).toMatchObject({ data: { to: ' bob' } });
  });
});

describe('a run whose arguments the schema refuses', () => {
  it('is dead with that error at its first attempt, and its handler is not called', async () => {
    let strict = false;
    const schema = z.object({ to: z.string().refine(() => !strict, 'not now') });
    const { scheduler, calls } = await withSchema({ schema });
    const task = await scheduler.addTask({ handler: 'mail.send', data: { to: 'ann' }, trigger: HOURLY, retry: 5 });
    strict = true;
    const run = await scheduler.runTask(task, { wait: true });
    expect(run).toMatchObject({
      status: 'failed',
      dead: true,
      attempt: 1,
      error: { code: 'ASYNCZ_ARGUMENTS_REFUSED' },
    });
    expect(run.error?.message).toContain('data.to: not now (custom)');
    expect(calls).toEqual([]);
    strict = false;
    await scheduler.redriveRun(run.id);
    expect(await scheduler.waitForRun(run.id)).toMatchObject({ status: 'succeeded', attempt: 2 });
  });
});

describe('a schema of a list of arguments', () => {
  const schema = z.tuple([z.string().trim(), z.coerce.number()]);

  it('checks args, and gives the handler what it makes of each', async () => {
    const { scheduler } = await withSchema({ schema });
    const task = await scheduler.addTask({ handler: 'mail.send', args: [' ann', '2'], trigger: HOURLY });
    expect((await scheduler.runTask(task, { wait: true })).result).toEqual(['ann', 2]);
    await expect(scheduler.addTask({ handler: 'mail.send', args: ['ann', 'x'] })).rejects.toThrow(/args\[1\]: /);
    await expect(scheduler.addTask({ handler: 'mail.send', data: { to: 'ann' } })).rejects.toThrow(
      /handler "mail\.send": data: /,
    );
    await expect(scheduler.addTask({ handler: 'mail.send' })).rejects.toThrow(ArgumentsRefusedError);
  });

  it('fails where it makes something else of them', async () => {
    const { scheduler } = await withSchema({ schema: schema.transform(String) });
    await expect(scheduler.addTask({ handler: 'mail.send', args: ['ann', 2] })).rejects.toThrow(SchemaFailedError);
  });
});

describe('an asynchronous schema', () => {
  it('is awaited when a task is added, changed and run', async () => {
    const free = new Set(['ann']);
    const schema = z.object({ to: z.string().refine(async (to) => Promise.resolve(free.has(to)), 'is taken') });
    const { scheduler } = await withSchema({ schema });
    await expect(scheduler.addTask({ handler: 'mail.send', data: { to: 'bob' } })).rejects.toThrow('data.to: is taken');
    const task = await scheduler.addTask({ handler: 'mail.send', data: { to: 'ann' }, trigger: HOURLY });
    await expect(task.update({ data: { to: 'bob' } })).rejects.toThrow('data.to: is taken');
    expect(await scheduler.runTask(task, { wait: true })).toMatchObject({
      status: 'succeeded',
      result: [{ to: 'ann' }],
    });
    free.clear();
    expect(await scheduler.runTask(task, { wait: true })).toMatchObject({ status: 'failed', dead: true });
  });

  it('that never answers is ended by the time limit of the task, and its handler is not called', async () => {
    let hangs = false;
    const schema = z.object({}).refine(async () => (hangs ? new Promise<boolean>(() => {}) : true));
    const { scheduler, clock, calls } = await withSchema({ schema });
    const task = await scheduler.addTask({ handler: 'mail.send', data: {}, trigger: HOURLY, timeout: '1s' });
    hangs = true;
    const ended = scheduler.runTask(task, { wait: true });
    const tick = setInterval(() => clock.advance(1_000), 5);
    expect(await ended).toMatchObject({ status: 'failed', error: { code: 'ASYNCZ_RUN_TIMEOUT' } });
    clearInterval(tick);
    expect(calls).toEqual([]);
  });
});

describe('a schema that never answers', () => {
  it('fails the start that declares a task of it in time, and is named', async () => {
    const { scheduler, clock } = createScheduler({}, { startTimeout: '1s' });
    const schema = z.object({}).refine(async () => new Promise<boolean>(() => {}));
    scheduler.registerHandler('mail.send', () => {}, { schema });
    scheduler.declareTasks([{ id: 'nightly', handler: 'mail.send', data: {}, trigger: HOURLY }]);
    const started = scheduler.start();
    const failed = started.catch((error: unknown) => error);
    const tick = setInterval(() => clock.advance(100), 2);
    expect(await failed).toMatchObject({
      code: 'ASYNCZ_DECLARATION',
      cause: { code: 'ASYNCZ_START_TIMEOUT', awaited: 'the schema of handler "mail.send"' },
    });
    clearInterval(tick);
    expect(scheduler.state).toBe('stopped');
  });
});

describe('a schema that fails itself', () => {
  const answering = (validate: (value: unknown) => unknown): StandardSchema => ({
    '~standard': { version: 1, vendor: 'own', validate: validate as () => StandardResult<unknown> },
  });

  it.each(Object.entries(ODD_THROWS))(
    'by throwing %s, at once or later, is told as such, and a run of it is tried again',
    async (_name, make) => {
      for (const fail of [
        () => {
          throw make();
        },
        async () => {
          throw make();
        },
      ]) {
        let fails = false;
        const schema = answering((value) => (fails ? fail() : { value }));
        const { scheduler, clock } = await withSchema({ schema });
        const retry = { attempts: 2, backoff: 'fixed', delay: 1 };
        const task = await scheduler.addTask({ handler: 'mail.send', data: {}, trigger: HOURLY, retry });
        fails = true;
        await expect(scheduler.addTask({ handler: 'mail.send', data: {} })).rejects.toThrow(SchemaFailedError);
        const ended = scheduler.runTask(task, { wait: true });
        const tick = setInterval(() => clock.advance(1), 2);
        expect(await ended).toMatchObject({ attempt: 2, dead: true, error: { code: 'ASYNCZ_SCHEMA_FAILED' } });
        clearInterval(tick);
      }
    },
  );

  it('by making a list of four thousand million arguments, whether itself or by an upcast, is told as such', async () => {
    const many = Object.assign([], { length: 4_000_000_000 });
    for (const options of [
      { schema: answering(() => ({ value: many })) },
      { schemaVersion: 2, upcast: { 1: () => many } },
    ]) {
      const { scheduler, calls } = await withSchema(options);
      const task = { handler: 'mail.send', args: [1], schemaVersion: 1 };
      await expect(scheduler.addTask(task)).rejects.toThrow(/made a list of 4000000000 arguments\. Allowed: 1000000\./);
      expect(calls).toEqual([]);
    }
  });

  it.each([undefined, null, 5, {}, 'yes', Promise.resolve(7)])('by answering %o is told as such', async (answer) => {
    const { scheduler } = await withSchema({ schema: answering(() => answer) });
    await expect(scheduler.addTask({ handler: 'mail.send', data: {} })).rejects.toThrow(SchemaFailedError);
  });

  it.each<[unknown, RegExp]>([
    [[], /data: it is refused without a reason/],
    [[null, 5, {}], /data: it is refused without a reason; .*data: it is refused\./],
    ['no', /data: it is refused without a reason/],
    [[{ message: 'no', path: [{ key: 'a' }, 0, 'odd key', Symbol('s')] }], /data\.a\[0\]\["odd key"\]\[symbol\]: no\./],
    [Array.from({ length: 12 }, () => ({ message: 'x'.repeat(10_000) })), /; and 2 more\.$/],
  ])('says why where its issues are %o', async (issues, message) => {
    const { scheduler } = await withSchema({ schema: answering(() => ({ issues })) });
    const error = await scheduler.addTask({ handler: 'mail.send', data: {} }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ArgumentsRefusedError);
    expect((error as Error).message).toMatch(message);
    expect((error as Error).message.length).toBeLessThan(5_000);
  });
});

describe('the options of a schema', () => {
  it.each<[object, RegExp]>([
    [{ schema: { parse: () => {} } }, /Invalid schema/],
    [{ schemaVersion: 0 }, /Invalid schemaVersion: 0/],
    [{ schemaVersion: 1.5 }, /Invalid schemaVersion/],
    [{ upcast: [] }, /Invalid upcast/],
    [{ upcast: { 1: () => {} } }, /Invalid upcast\[1\].*before 1/],
    [{ schemaVersion: 3, upcast: { 3: () => {} } }, /Invalid upcast\[3\]/],
    [{ schemaVersion: 3, upcast: { one: () => {} } }, /Invalid upcast\[one\]/],
    [{ schemaVersion: 2, upcast: { '01': () => {}, 1: () => {} } }, /Invalid upcast\[01\]/],
    [{ schemaVersion: 2, upcast: new Map([[1, () => {}]]) }, /Invalid upcast/],
    [{ schemaVersion: 3, upcast: { 2: 'up' } }, /Invalid upcast\[2\]/],
    [{ schemaVersion: 4, upcast: { 1: () => {}, 3: () => {} } }, /Invalid upcast\[2\].*needs one/],
    [{ shema: z.object({}) }, /Unknown option "shema" of handler "x"/],
  ])('are refused as %o, and the name stays free', (options, message) => {
    const { scheduler } = createScheduler();
    expect(() => scheduler.registerHandler('x', () => {}, options)).toThrow(message);
    expect(() => scheduler.registerHandler('x', () => {})).not.toThrow();
  });

  it('are typed as what they are', () => {
    expect(() => createScheduler().scheduler.registerHandler('x', () => {}, null as never)).toThrow(InvalidOptionError);
  });
});
