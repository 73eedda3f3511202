import { describe, expect, it } from 'vitest';
import { InvalidOptionError, TasksPartlyChangedError, UnknownNameError, UnknownOptionError } from 'nestjs-asyncz';
import type { TaskFilter } from 'nestjs-asyncz';
import { recordEvents } from '../../../support/events.js';
import { createRunning, createScheduler, START } from '../../../support/scheduler.factory.js';
import { HOURLY } from '../../../support/task.factory.js';

const listOf = (count: number, more: object = {}) =>
  Array.from({ length: count }, (_, n) => ({ id: `t${n}`, handler: 'work', trigger: HOURLY, ...more }));

describe('an operation on many tasks', () => {
  it('pauses, resumes and removes those that meet the filter, each with its event, and counts them', async () => {
    const { scheduler } = await createRunning({ work: () => 1, other: () => 1 });
    await scheduler.addTasks([...listOf(250, { tags: ['erp'] }), { id: 'x', handler: 'other', trigger: HOURLY }]);
    await scheduler.pauseTask('t7', { actor: 'eve' });
    const events = recordEvents(scheduler);
    const named = (name: string) => events.filter((event) => event.name === name);
    expect(await scheduler.pauseTasks({ tag: 'erp' }, { actor: 'ada', reason: 'ERP is down' })).toEqual({
      changed: 249,
      unchanged: 1,
      refused: 0,
    });
    expect(named('task.paused')).toHaveLength(249);
    expect(named('task.paused')[0]).toMatchObject({
      taskId: 't0',
      actor: 'ada',
      reason: 'ERP is down',
      store: 'default',
    });
    expect(await scheduler.getTaskInfo('t249')).toMatchObject({ pause: { actor: 'ada' } });
    expect(await scheduler.getTaskInfo('t7')).toMatchObject({ pause: { actor: 'eve' } });
    expect(await scheduler.getTaskInfo('x')).toMatchObject({ paused: false });
    // What is changed does not meet the filter any more.
    expect(await scheduler.resumeTasks({ state: 'paused' }, { actor: 'ada' })).toEqual({
      changed: 250,
      unchanged: 0,
      refused: 0,
    });
    expect(named('task.resumed')).toHaveLength(250);
    expect(await scheduler.deleteTasks({ handler: 'work' })).toEqual({ changed: 250, unchanged: 0, refused: 0 });
    expect(named('task.removed')).toHaveLength(250);
    expect((await scheduler.getTaskInfos()).tasks.map(({ id }) => id)).toEqual(['x']);
  });

  it('leaves out those that cannot be changed, and goes on with the others', async () => {
    const { scheduler, clock } = await createRunning({ work: () => 1 });
    await scheduler.addTasks(listOf(3));
    await scheduler.addTask({ id: 's', handler: 'work', trigger: { type: 'shutdown' } });
    expect(await scheduler.pauseTasks({})).toEqual({ changed: 3, unchanged: 0, refused: 1 });
    expect(await scheduler.pauseTasks({})).toEqual({ changed: 0, unchanged: 3, refused: 1 });
    // One that has nothing left to run is removed.
    await scheduler.updateTask('t1', { trigger: { type: 'date', runAt: START + 1 }, misfireGraceTime: 0 });
    await scheduler.updateTask('t2', { trigger: { type: 'interval', hours: 1, endAt: START + 5_400_000 } });
    clock.advance(7_200_000);
    expect(await scheduler.resumeTasks({ q: 't' })).toMatchObject({ changed: 3 });
    expect(await scheduler.getTaskInfo('t2')).toBeNull();
  });

  it('is about the tasks that wait for the start, too', async () => {
    const { scheduler } = createScheduler({ work: () => 1 });
    await scheduler.addTasks(listOf(3));
    expect(await scheduler.pauseTasks({ state: 'pending' })).toMatchObject({ changed: 3 });
    expect(await scheduler.pauseTasks({ state: 'scheduled' })).toEqual({ changed: 0, unchanged: 0, refused: 0 });
    expect(await scheduler.deleteTasks({ q: 't0' })).toMatchObject({ changed: 1 });
    await scheduler.start();
    expect((await scheduler.getTaskInfos({ state: 'paused' })).total).toBe(2);
  });

  it('says how far it came when the store fails in the middle, and can be repeated', async () => {
    const { scheduler, store } = await createRunning({ work: () => 1 });
    await scheduler.addTasks(listOf(250));
    const query = store.query.bind(store);
    store.query = (filter, sort, page) =>
      filter.after === undefined ? query(filter, sort, page) : Promise.reject(new Error('the store is gone'));
    const failed = scheduler.pauseTasks({ handler: 'work' });
    await expect(failed).rejects.toThrow(TasksPartlyChangedError);
    await expect(failed).rejects.toMatchObject({ changed: 100, cause: { message: 'the store is gone' } });
    store.query = query;
    expect(await scheduler.pauseTasks({ handler: 'work' })).toEqual({ changed: 150, unchanged: 100, refused: 0 });
  });

  it('refuses a filter or an option that there is not, and the removal of all', async () => {
    const { scheduler } = await createRunning({ work: () => 1 });
    await scheduler.addTasks(listOf(2));
    const refused: [TaskFilter, new (...args: never[]) => Error][] = [
      [{ tags: ['a'] } as never, UnknownOptionError],
      [{ limit: 5 } as never, UnknownOptionError],
      [{ state: 'ready' } as never, InvalidOptionError],
      [undefined as never, InvalidOptionError],
      [{ store: 'nowhere', handler: 'work' }, UnknownNameError],
    ];
    for (const [filter, error] of refused)
      for (const call of [scheduler.pauseTasks, scheduler.resumeTasks, scheduler.deleteTasks])
        await expect(call.call(scheduler, filter)).rejects.toThrow(error);
    for (const filter of [{}, { store: 'default' }])
      await expect(scheduler.deleteTasks(filter)).rejects.toThrow(/removeAllTasks\(\) removes all/);
    await expect(scheduler.pauseTasks({}, { transaction: {} } as never)).rejects.toThrow(UnknownOptionError);
    expect((await scheduler.getTaskInfos({ state: 'scheduled' })).total).toBe(2);
  });
});
