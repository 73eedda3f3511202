import { describe, expect, it } from 'vitest';
import { AsyncExecutor } from 'nestjs-asyncz';
import { nextEvent } from '../../../support/events.js';
import { hostileProxy } from '../../../support/odd.throws.js';
import { triggerOf } from '../../../support/own.trigger.js';
import { RecordingLogger } from '../../../support/recording.logger.js';
import { createRunning, settle, START } from '../../../support/scheduler.factory.js';
import { HOURLY } from '../../../support/task.factory.js';

describe('a trigger of somebody’s own', () => {
  it.each([
    ['no number', () => 'soon'],
    ['NaN', () => NaN],
    ['nothing', () => undefined],
    ['a promise that rejects', () => Promise.reject(new Error('async'))],
    ['the same time again', (previous: number | null) => previous],
  ])(
    'that gives %s has a problem, and leads neither to runs without end nor to a record that nobody can read',
    async (_name, says) => {
      let runs = 0;
      const Own = triggerOf((previous, now) => (previous === null ? now + 1_000 : says(previous)));
      const { scheduler, clock } = await createRunning({ count: () => (runs += 1) }, { triggers: { own: Own } });
      await scheduler.addTask({ id: 'odd', handler: 'count', trigger: { type: 'own' } as never });
      const problem = nextEvent(scheduler, 'task.problem');
      clock.advance(1_000);
      await problem;
      await settle();
      expect(runs).toBe(0);
      expect(await scheduler.getTaskInfo('odd')).toMatchObject({ id: 'odd', problem: { count: 1 } });
    },
  );

  it('that takes the name of the one for dates says itself when its task runs again', async () => {
    class EachSecond extends triggerOf((previous, now) => (previous ?? now) + 1_000) {
      override toJSON() {
        return { type: 'date' as 'own' };
      }
    }
    let runs = 0;
    const { scheduler, clock } = await createRunning({ count: () => (runs += 1) }, { triggers: { date: EachSecond } });
    await scheduler.addTask({ id: 'again', handler: 'count', trigger: { type: 'date' } });
    for (let round = 0; round < 3; round += 1) {
      clock.advance(1_000);
      await settle();
    }
    expect(runs).toBe(3);
    expect(await scheduler.getTaskInfo('again')).toMatchObject({ id: 'again' });
  });

  it.each([
    ['throws', () => hostileProxy()],
    ['is no text', () => 7],
    ['is a promise that rejects', () => Promise.reject(new Error('async'))],
  ])('whose description %s is described by its type, and hides no other task', async (way, says) => {
    class Own extends triggerOf((_previous, now) => now + 1_000) {
      override describe() {
        const said: unknown = says();
        if (way === 'throws') throw said;
        return said as string;
      }
    }
    const { scheduler } = await createRunning({ fine: () => 'fine' }, { triggers: { own: Own } });
    await scheduler.addTask({ id: 'odd', handler: 'fine', trigger: { type: 'own' } as never });
    await scheduler.addTask({ id: 'other', handler: 'fine', trigger: HOURLY });
    const { tasks } = await scheduler.getTaskInfos();
    expect(tasks.map(({ id }) => id).toSorted()).toEqual(['odd', 'other']);
    expect(await scheduler.getTaskInfo('odd')).toMatchObject({ triggerDescription: 'own' });
  });

  it('that counts from the end of a run and fails there is asked again', async () => {
    let isBroken = true;
    const Own = triggerOf((previous, now) => {
      if (previous !== null && isBroken) throw hostileProxy();
      return now + 1_000;
    }, 'completion');
    const { scheduler, clock } = await createRunning({ fine: () => 'fine' }, { triggers: { own: Own } });
    await scheduler.addTask({ id: 'odd', handler: 'fine', trigger: { type: 'own' } as never });
    isBroken = true;
    const first = nextEvent(scheduler, 'run.succeeded');
    clock.advance(1_000);
    await settle();
    isBroken = false;
    for (let at = 0; at < 20; at += 1) {
      clock.advance(1_000);
      await settle();
    }
    await first;
    expect((await scheduler.getTaskInfo('odd'))?.nextRunTime?.getTime()).toBeGreaterThan(START);
  });
});

describe('an executor of somebody’s own', () => {
  it.each([
    [
      'throws',
      () => {
        throw hostileProxy();
      },
    ],
    ['is no number', () => 'much'],
    ['is NaN', () => NaN],
    ['is a promise that rejects', () => Promise.reject(new Error('async'))],
  ])('whose room %s gets no runs, is told of once, and keeps no other from its runs', async (_name, room) => {
    const logger = new RecordingLogger();
    let isBroken = true;
    const executor = new AsyncExecutor();
    const broken = {
      execute: (job: Parameters<AsyncExecutor['execute']>[0]) => executor.execute(job),
      get room() {
        return (isBroken ? room() : 5) as number;
      },
    };
    const { scheduler, clock } = await createRunning(
      { fine: () => 'fine' },
      { logger, executors: { default: new AsyncExecutor(), broken } },
    );
    await scheduler.addTask({ id: 'odd', handler: 'fine', executor: 'broken' });
    const { id } = await scheduler.addTask({ handler: 'fine', trigger: HOURLY });
    expect(await scheduler.runTask(id, { wait: true })).toMatchObject({ status: 'succeeded' });
    expect(await scheduler.runTask(id, { wait: true })).toMatchObject({ status: 'succeeded' });
    expect(logger.of('error', /does not say how much room/)).toHaveLength(1);
    const healed = nextEvent(scheduler, 'run.succeeded', ({ taskId }) => taskId === 'odd');
    isBroken = false;
    clock.advance(30_000);
    await healed;
  });
});
