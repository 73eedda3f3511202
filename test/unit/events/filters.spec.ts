import { describe, expect, expectTypeOf, it } from 'vitest';
import { InvalidOptionError, UnknownOptionError } from 'nestjs-asyncz';
import type { EventFilter, RunRecord, Scheduler, SchedulerEvent } from 'nestjs-asyncz';
import { createRunning } from '../../support/scheduler.factory.js';
import { HOURLY } from '../../support/task.factory.js';

type Listen = (
  scheduler: Scheduler,
  heard: (event: { readonly name: string; readonly taskId?: string }) => void,
) => void;

const escaped = (text: string) => text.replace(/[.()+]/g, '\\$&');

const fail = () => {
  throw new Error('no');
};

/** Runs three tasks, one after the other, and returns what a listener was called with: the names and the tasks. */
async function heard(listen: Listen): Promise<string[]> {
  const { scheduler } = await createRunning({ 'mail.send': () => 1, 'mail.fail': fail, sweep: () => 2 });
  const events: string[] = [];
  listen(scheduler, ({ name, taskId }) => events.push(`${name} ${taskId}`));
  const trigger = HOURLY;
  await scheduler.addTask({ id: 'mail.1', handler: 'mail.send', tags: ['eu', 'mail'], trigger });
  await scheduler.addTask({ id: 'mail.2', handler: 'mail.fail', tags: ['us'], trigger });
  await scheduler.addTask({ id: 'sweep', handler: 'sweep', trigger });
  for (const id of ['mail.1', 'mail.2', 'sweep']) await scheduler.runTask(id, { wait: true });
  return events;
}

describe('a listener', () => {
  it('of the tasks of a pattern hears of no other', async () => {
    const events = await heard((scheduler, hear) => scheduler.addListener(hear, 'run.started', { task: 'mail.*' }));
    expect(events).toEqual(['run.started mail.1', 'run.started mail.2']);
  });

  it('of a list of patterns hears of the tasks that fit one of them', async () => {
    const events = await heard((scheduler, hear) =>
      scheduler.addListener(hear, ['run.started', 'task.added'], { task: ['*.1', 'swe*p', '*.9'] }),
    );
    expect(events).toEqual(['task.added mail.1', 'task.added sweep', 'run.started mail.1', 'run.started sweep']);
  });

  it('of a handler, a tag or a status hears of the runs that have it', async () => {
    const ofHandler = await heard((scheduler, hear) =>
      scheduler.addListener(hear, 'run.started', { handler: 'mail.*' }),
    );
    expect(ofHandler).toEqual(['run.started mail.1', 'run.started mail.2']);
    const ofTag = await heard((scheduler, hear) => scheduler.addListener(hear, 'run.succeeded', { tag: 'eu' }));
    expect(ofTag).toEqual(['run.succeeded mail.1']);
    const ofStatus = await heard((scheduler, hear) =>
      scheduler.addListener(hear, undefined, { status: ['failed', 'lost'] }),
    );
    expect(ofStatus).toEqual(['run.failed mail.2']);
  });

  it('of a store hears of what is in it', async () => {
    const other = await heard((scheduler, hear) => scheduler.addListener(hear, undefined, { store: 'other' }));
    expect(other).toEqual([]);
    const own = await heard((scheduler, hear) => scheduler.addListener(hear, 'task.added', { store: 'def*' }));
    expect(own).toEqual(['task.added mail.1', 'task.added mail.2', 'task.added sweep']);
  });

  it('with several conditions hears of what meets all of them', async () => {
    const events = await heard((scheduler, hear) =>
      scheduler.addListener(hear, ['run.succeeded', 'run.failed'], { task: 'mail.*', tag: 'us', status: 'failed' }),
    );
    expect(events).toEqual(['run.failed mail.2']);
  });

  it.each([
    ['*', ['', 'a', 'a.b']],
    ['a*', ['a', 'ab', 'a.b']],
    ['*b', ['b', 'ab', 'a.b']],
    ['a*b', ['ab', 'a.b', 'aab']],
    ['a*a', ['aa', 'aba']],
    ['*a*b*', ['ab', 'xaxbx']],
    ['a.b', ['a.b']],
    ['(.+)', ['(.+)']],
  ])('takes %s for the texts that fit', async (pattern, fitting) => {
    const { scheduler } = await createRunning({ work: () => 1 });
    const texts = ['a', 'b', 'ab', 'ba', 'a.b', 'aab', 'aa', 'aba', 'xaxbx', '(.+)', 'axb.'];
    const found: string[] = [];
    scheduler.addListener(({ taskId }) => found.push(taskId), 'task.added', { task: pattern });
    for (const id of texts) await scheduler.addTask({ id, handler: 'work', trigger: HOURLY });
    const fits = (text: string) => new RegExp(`^${pattern.split('*').map(escaped).join('.*')}$`).test(text);
    expect(found).toEqual(texts.filter(fits));
    expect(found).toEqual(expect.arrayContaining(fitting.filter((text) => texts.includes(text))));
  });

  it('is not held up by a pattern that would take a regular expression for ever', async () => {
    const { scheduler } = await createRunning({ work: () => 1 });
    const found: string[] = [];
    scheduler.addListener(({ taskId }) => found.push(taskId), 'task.added', { task: `${'a*'.repeat(60)}b` });
    const before = performance.now();
    await scheduler.addTask({ id: 'a'.repeat(200), handler: 'work', trigger: HOURLY });
    await scheduler.addTask({ id: `${'a'.repeat(200)}b`, handler: 'work', trigger: HOURLY });
    expect(performance.now() - before).toBeLessThan(2_000);
    expect(found).toEqual([`${'a'.repeat(200)}b`]);
  });
});

describe('a filter that cannot work', () => {
  const listener = () => {};

  it.each<[string, readonly unknown[], RegExp]>([
    ['an event that there is not', ['run.failde'], /"run\.failde".*run\.failed/],
    ['no events', [[]], /not empty/],
    ['a number for events', [7], /name of an event/],
    ['null for events', [null], /Invalid event: null/],
    ['a status that there is not', ['run.failed', { status: 'broken' }], /"broken".*succeeded/],
    ['an empty text', ['run.failed', { task: '' }], /task.*not empty/],
    ['an empty list', ['run.failed', { tag: [] }], /tag.*not empty/],
    ['a number', ['run.failed', { handler: 7 }], /handler.*7/],
    ['what none of the events says', [['task.added', 'store.failed'], { tag: 'eu' }], /tag.*run\.started/],
    ['the status of what has not ended', ['run.started', { status: 'failed' }], /status.*run\.failed/],
  ])('is refused, and the error says what is allowed: %s', async (_name, args, message) => {
    const { scheduler } = await createRunning();
    const add = () => scheduler.addListener(listener, ...(args as []));
    expect(add).toThrow(InvalidOptionError);
    expect(add).toThrow(message);
    expect(scheduler.removeListener(listener)).toBe(false);
  });

  it('is refused where an option does not exist', async () => {
    const { scheduler } = await createRunning();
    expect(() => scheduler.addListener(listener, 'run.failed', { tags: 'eu' } as never)).toThrow(UnknownOptionError);
  });
});

describe('the types', () => {
  it('of a listener are those of its events', () => {
    const add = (scheduler: Scheduler) => {
      scheduler.addListener((event) => {
        expectTypeOf(event).toEqualTypeOf<SchedulerEvent<'run.failed'>>();
        expectTypeOf(event.run).toEqualTypeOf<RunRecord>();
        expectTypeOf(event.willRetry).toEqualTypeOf<boolean>();
      }, 'run.failed');
      scheduler.addListener(
        (event) => {
          expectTypeOf(event.name).toEqualTypeOf<'task.added' | 'run.progress'>();
          if (event.name === 'run.progress') expectTypeOf(event.value).toEqualTypeOf<unknown>();
        },
        ['task.added', 'run.progress'],
      );
      scheduler.addListener((event) => expectTypeOf(event).toEqualTypeOf<SchedulerEvent>());
      // @ts-expect-error There is no such event.
      scheduler.addListener(() => {}, 'run.failde');
      // @ts-expect-error A listener of one event is none of another.
      scheduler.addListener((event: SchedulerEvent<'run.failed'>) => event.willRetry, 'run.succeeded');
      // @ts-expect-error The start of a scheduler is of no task.
      scheduler.addListener(() => {}, 'scheduler.started', { task: 'a' });
      // @ts-expect-error No such status.
      scheduler.addListener(() => {}, 'run.failed', { status: 'broken' });
    };
    expectTypeOf(add).toBeFunction();
  });

  it('of a filter are the options for what its events say', () => {
    expectTypeOf<{ task: string; handler: string[]; tag: string; store: string; status: 'lost' }>().toExtend<
      EventFilter<'run.failed'>
    >();
    expectTypeOf<{ status: 'lost' }>().toExtend<EventFilter>();
    expectTypeOf<{ tag: string }>().toExtend<EventFilter<'run.started'>>();
    expectTypeOf<{ status: 'lost' }>().not.toExtend<EventFilter<'run.started'>>();
    expectTypeOf<{ task: string }>().toExtend<EventFilter<'task.added' | 'scheduler.started'>>();
    expectTypeOf<{ tag: string }>().not.toExtend<EventFilter<'task.added'>>();
    expectTypeOf<{ store: string }>().toExtend<EventFilter<'store.failed'>>();
    expectTypeOf<{ store: string }>().not.toExtend<EventFilter<'scheduler.started'>>();
  });
});
