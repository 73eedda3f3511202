import { describe, expect, it } from 'vitest';
import { nextEvent } from '../../../support/events.js';
import { createScheduler, settle } from '../../../support/scheduler.factory.js';

describe('a running scheduler', () => {
  it('tries a failed run again as its policy says, and then reports the last failure', async () => {
    const attempts: number[] = [];
    const { scheduler, clock } = createScheduler({
      flaky: (_args, { attempt }) => {
        attempts.push(attempt);
        throw new Error(`no ${attempt}`);
      },
    });
    await scheduler.start();
    const failures: boolean[] = [];
    scheduler.addListener((event) => failures.push(event.willRetry), 'run.failed');
    await scheduler.addTask({ handler: 'flaky', retry: { attempts: 3, backoff: 'fixed', delay: '1m' } });
    await settle();
    for (const _ of [1, 2]) {
      clock.advance(60_000);
      await settle();
    }
    expect(attempts).toEqual([1, 2, 3]);
    expect(failures).toEqual([true, true, false]);
    const { runs } = await scheduler.getRuns();
    expect(runs.map((run) => [run.attempt, run.status, run.error?.message])).toEqual([
      [3, 'failed', 'no 3'],
      [2, 'failed', 'no 2'],
      [1, 'failed', 'no 1'],
    ]);
  });

  it.each([NaN, Infinity, Promise.resolve(5), '5s'])(
    'ends a run whose back-off gives %s, which is no number of milliseconds, and does not try it again',
    async (delay) => {
      const work = () => {
        throw new Error('no');
      };
      const { scheduler } = createScheduler({ work }, { backoffs: { own: () => delay as number } });
      await scheduler.start();
      const failed = nextEvent(scheduler, 'run.failed');
      await scheduler.addTask({ handler: 'work', retry: { attempts: 3, backoff: 'own' } });
      expect(await failed).toMatchObject({ willRetry: false, run: { dead: true } });
    },
  );

  it('pauses a task after failures in a row, and tells why', async () => {
    const { scheduler, clock } = createScheduler({ bad: () => Promise.reject(new Error('no')) });
    await scheduler.start();
    const paused = nextEvent(scheduler, 'task.paused');
    await scheduler.addTask({
      id: 'bad',
      handler: 'bad',
      trigger: { type: 'interval', seconds: 1 },
      pauseAfterFailures: 2,
    });
    for (const _ of [1, 2]) {
      clock.advance(1_000);
      await settle();
    }
    expect(await paused).toMatchObject({ taskId: 'bad', reason: '2 failed runs in a row' });
    clock.advance(60_000);
    await settle();
    expect((await scheduler.getRuns()).runs).toHaveLength(2);
  });
});
