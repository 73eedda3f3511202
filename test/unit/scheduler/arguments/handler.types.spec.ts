import { describe, expect, expectTypeOf, it } from 'vitest';
import { z } from 'zod';
import { Scheduler } from 'nestjs-asyncz';
import type {
  HandlerArgs,
  HandlerData,
  HandlerEvent,
  HandlerResult,
  RunInfo,
  SchedulerEvent,
  StandardSchema,
  StoredResult,
  Task,
  TaskContext,
  TaskHandlers,
  UnstoredResult,
} from 'nestjs-asyncz';
import { nextEvent } from '../../../support/events.js';
import { stopAfterTest } from '../../../support/scheduler.factory.js';
import { SettableClock } from '../../../../lib/model/clock.js';

interface Report {
  readonly customer: string;
  readonly copies?: number;
}

interface Handlers {
  'reports.generate': (report: Report, context: TaskContext) => Promise<{ pages: number }>;
  'mail.send': (to: string, copies: number, context: TaskContext) => string;
  'mail.ping': () => void;
  'lists.sum': (numbers: readonly number[]) => number;
}

async function createTyped(): Promise<Scheduler<Handlers>> {
  const clock = new SettableClock(Date.UTC(2026, 0, 1));
  const scheduler = new Scheduler<Handlers>({ clock });
  scheduler.registerHandler('reports.generate', () => ({ pages: 3 }));
  scheduler.registerHandler('mail.send', ([to]) => `to ${String(to)}`);
  stopAfterTest(scheduler as unknown as Scheduler, clock);
  await scheduler.start();
  return scheduler;
}

const HOURLY = { type: 'interval', hours: 1 } as const;

describe('the types of a map of handlers', () => {
  it('know arguments, data and result of each', () => {
    expectTypeOf<HandlerArgs<Handlers, 'mail.send'>>().toEqualTypeOf<readonly [to: string, copies: number]>();
    expectTypeOf<HandlerData<Handlers, 'reports.generate'>>().toEqualTypeOf<Report>();
    expectTypeOf<HandlerData<Handlers, 'mail.send'>>().toEqualTypeOf<never>();
    expectTypeOf<HandlerData<Handlers, 'lists.sum'>>().toEqualTypeOf<never>();
    expectTypeOf<HandlerResult<Handlers, 'reports.generate'>>().toEqualTypeOf<{ pages: number }>();
    expectTypeOf<HandlerResult<Handlers, 'mail.send'>>().toEqualTypeOf<string>();
    expectTypeOf<StoredResult<string>>().toEqualTypeOf<string | UnstoredResult | undefined>();
  });

  it('say nothing where there is no map', () => {
    expectTypeOf<HandlerArgs<TaskHandlers, string>>().toEqualTypeOf<readonly unknown[]>();
    expectTypeOf<HandlerData<TaskHandlers, string>>().toEqualTypeOf<object>();
    expectTypeOf<HandlerResult<TaskHandlers, string>>().toEqualTypeOf<unknown>();
    expectTypeOf<StoredResult<unknown>>().toEqualTypeOf<unknown>();
    expectTypeOf<HandlerEvent<'run.succeeded'>>().toEqualTypeOf<SchedulerEvent<'run.succeeded'>>();
    expectTypeOf<RunInfo['result']>().toEqualTypeOf<unknown>();
  });

  it('go with a task from its adding to its result', async () => {
    const scheduler = await createTyped();
    const task = await scheduler.addTask({ handler: 'reports.generate', data: { customer: 'ann' }, trigger: HOURLY });
    expectTypeOf(task).toEqualTypeOf<Task<Handlers, 'reports.generate'>>();
    expectTypeOf(task.handler).toEqualTypeOf<'reports.generate'>();
    expectTypeOf(task).toExtend<Task>();
    const { result } = await scheduler.runTask(task, { wait: true });
    expectTypeOf(result).toEqualTypeOf<{ pages: number } | UnstoredResult | undefined>();
    expect(result).toEqual({ pages: 3 });
    const named = await scheduler.runTask<'mail.send'>(
      await scheduler.addTask({ handler: 'mail.send', args: ['ann', 2], trigger: HOURLY }),
      { wait: true },
    );
    expectTypeOf(named.result).toEqualTypeOf<string | UnstoredResult | undefined>();
    expect(named.result).toBe('to ann');
    const upserted = await scheduler.upsertTask({ id: 'u', handler: 'reports.generate', data: { customer: 'bob' } });
    expectTypeOf(upserted).toEqualTypeOf<Task<Handlers, 'reports.generate'>>();
    const runId = await scheduler.runTask(task);
    expectTypeOf(runId).toEqualTypeOf<string>();
    const waited = await scheduler.waitForRun<'reports.generate'>(runId);
    expectTypeOf(waited.result).toEqualTypeOf<{ pages: number } | UnstoredResult | undefined>();
    expect((await scheduler.getTask<'reports.generate'>(task.id))?.handler).toBe('reports.generate');
  });

  it('are refused where they do not fit', async () => {
    const scheduler = await createTyped();
    const { id } = await scheduler.addTask({ handler: 'reports.generate', data: { customer: 'ann' }, trigger: HOURLY });
    const task = (await scheduler.getTask<'reports.generate'>(id))!;
    const wrong = [
      // @ts-expect-error -- data of another type
      () => scheduler.addTask({ handler: 'reports.generate', data: { customer: 7 } }),
      // @ts-expect-error -- it takes two arguments, and no object
      () => scheduler.addTask({ handler: 'mail.send', data: { to: 'ann' } }),
      // @ts-expect-error -- a list is given as args
      () => scheduler.addTask({ handler: 'lists.sum', data: [1, 2] }),
      // @ts-expect-error -- either the one or the other
      () => scheduler.addTask({ handler: 'reports.generate', data: { customer: 'a' }, args: [{ customer: 'a' }] }),
      // @ts-expect-error -- arguments are needed
      () => scheduler.addTask({ handler: 'reports.generate' }),
      // @ts-expect-error -- data of another type
      () => task.update({ data: { customer: 7 } }),
      // @ts-expect-error -- the arguments of another handler
      () => task.update({ args: ['ann', 2] }),
      // @ts-expect-error -- the arguments of the handler that it had
      () => task.update({ handler: 'mail.send', args: [{ customer: 'ann' }] }),
      // @ts-expect-error -- the arguments of another handler
      () => scheduler.updateTask(task, { args: ['ann', 2] }),
      // @ts-expect-error -- there is no such handler
      () => scheduler.updateTask(id, { handler: 'mail.sned' }),
    ];
    expect(wrong).toHaveLength(10);
    await task.update({ data: { customer: 'bob' } });
    await scheduler.updateTask(task, { args: [{ customer: 'bob', copies: 2 }] });
    await scheduler.updateTask(id, { data: { customer: 'bob' } });
    const changed = await scheduler.updateTask(id, { handler: 'mail.send', args: ['ann', 2] });
    expect(changed.info).toMatchObject({ handler: 'mail.send', args: ['ann', 2] });
  });

  it('reach the events: the name of the handler tells the type of the result', async () => {
    const scheduler = await createTyped();
    const pages: number[] = [];
    scheduler.addListener((event) => {
      expectTypeOf(event.handler).toEqualTypeOf<keyof Handlers>();
      if (event.handler !== 'reports.generate') return;
      expectTypeOf(event.run.result).toEqualTypeOf<{ pages: number } | UnstoredResult | undefined>();
      if (event.run.result !== undefined && 'pages' in event.run.result) pages.push(event.run.result.pages);
    }, 'run.succeeded');
    scheduler.addListener((event) => expectTypeOf(event.taskId).toEqualTypeOf<string>(), 'task.added');
    // Who does not want to know takes any event.
    scheduler.addListener((event: SchedulerEvent) => event.name);
    const done = nextEvent(scheduler as unknown as Scheduler, 'run.succeeded');
    await scheduler.addTask({ handler: 'reports.generate', data: { customer: 'ann' } });
    await done;
    expect(pages).toEqual([3]);
  });

  it('of schemas of libraries are those of Standard Schema', () => {
    const schema = z.object({ to: z.string(), at: z.coerce.date() });
    expectTypeOf(schema).toExtend<StandardSchema>();
    expectTypeOf(schema).toExtend<StandardSchema<z.input<typeof schema>, z.output<typeof schema>>>();
    expect(schema).toHaveProperty('~standard');
  });
});
