import { BaseTrigger } from '../../../../lib/triggers/base.trigger.js';
import type { TriggerData } from '../../../../lib/triggers/trigger.interface.js';
import { MemoryStore, Scheduler } from 'nestjs-asyncz';
import { describe, expect, it } from 'vitest';
import { createRunning, createScheduler, settle, START } from '../../../support/scheduler.factory.js';
import { minuteTask } from '../../../support/task.factory.js';

const DAY = 86_400_000;

/** Has a time once, and no answer after it. */
class Broken extends BaseTrigger {
  readonly type = 'broken';

  override nextTime(previous: number | null, now: number): number {
    if (previous !== null) throw new Error('the table of tides is lost');
    return now;
  }

  override describe(): string {
    return 'broken';
  }

  override toJSON(): TriggerData {
    return { type: this.type };
  }
}

// What people reported of other schedulers, in words of our own; the names say where.
describe('a scheduler', () => {
  it('runs the other tasks where the next time of one cannot be worked out (HangfireIO/Hangfire#529, #530)', async () => {
    const ran: string[] = [];
    const { scheduler, clock } = await createRunning({ work: () => undefined }, { triggers: { broken: Broken } });
    scheduler.addListener((event) => {
      if (event.name === 'run.succeeded') ran.push(event.taskId);
    });
    await scheduler.addTask({ id: 'bad', handler: 'work', trigger: { type: 'broken' } as never });
    await scheduler.addTask({ id: 'good', handler: 'work', trigger: { type: 'interval', seconds: 1 } });
    for (let second = 0; second < 3; second += 1) {
      clock.advance(1_000);
      await settle();
    }
    expect(ran.filter((id) => id === 'good')).toHaveLength(3);
    expect((await scheduler.getTask('bad'))!.info.problem).toMatchObject({
      code: 'ASYNCZ_TASK_FAULT',
      message: 'the table of tides is lost',
    });
  });

  it('goes on after a pause over thousands of missed times (kubernetes/kubernetes#45825, #110919)', async () => {
    const store = new MemoryStore();
    const { scheduler, clock } = createScheduler({ work: () => undefined }, { store });
    const ran: string[] = [];
    scheduler.addListener((event) => {
      if (event.name === 'run.succeeded') ran.push(event.taskId);
    });
    await scheduler.start();
    const threeDaysAgo = START - 3 * DAY;
    await store.addTask(
      minuteTask({
        id: 'paused',
        definition: { handler: 'work', trigger: { type: 'cron', expression: '* * * * *', timezone: 'UTC' } },
        state: {
          nextRunTime: threeDaysAgo,
          nextScheduledTime: threeDaysAgo,
          pause: { at: threeDaysAgo, actor: null, reason: null },
        },
      }),
    );
    clock.advance(30_000);
    await settle();
    expect(ran).toEqual([]);
    await scheduler.resumeTask('paused');
    const next = (await scheduler.getTask('paused'))!.info.nextRunTime!.getTime();
    expect(next).toBe(START + 60_000);
    for (let minute = 0; minute < 3; minute += 1) {
      clock.advance(60_000);
      await settle();
    }
    expect(ran).toHaveLength(3);
  });

  it('leaves the schedule where it is when a task is run at once (taskforcesh/bullmq#2754)', async () => {
    const { scheduler } = await createRunning({ work: () => 'done' });
    const task = await scheduler.addTask({
      id: 'daily',
      handler: 'work',
      trigger: { type: 'cron', expression: '0 7 * * *' },
    });
    const before = task.info.nextRunTime;
    expect(await scheduler.runTask('daily', { wait: true })).toMatchObject({ status: 'succeeded' });
    expect((await scheduler.getTask('daily'))!.info.nextRunTime).toEqual(before);
    expect(before!.toISOString()).toMatch(/T07:00:00.000Z$/);
  });

  it('waits for what is further away than a timer reaches (sindresorhus/delay#57, nodejs/node#4541)', async () => {
    const warnings: string[] = [];
    const onWarning = ({ name }: Error): void => void warnings.push(name);
    process.on('warning', onWarning);
    // On the machine's clock and its timers, which fire at once beyond 2^31 - 1 ms.
    const scheduler = new Scheduler({ stores: { default: new MemoryStore() } });
    const ran: string[] = [];
    scheduler.registerHandler('work', () => void ran.push('work'));
    scheduler.registerHandler('fail', () => {
      ran.push('fail');
      throw new Error('not yet');
    });
    const now = Date.now();
    try {
      await scheduler.start();
      const trigger = (days: number) => ({ type: 'date', runAt: new Date(now + days * DAY) }) as const;
      await scheduler.addTask({ id: 'months', handler: 'work', trigger: trigger(60) });
      await scheduler.addTask({ id: 'decades', handler: 'work', trigger: trigger(30 * 365) });
      await scheduler.addTask({ id: 'interval', handler: 'work', trigger: { type: 'interval', days: 100 } });
      await scheduler.addTask({
        id: 'retry',
        handler: 'fail',
        timeout: '40d',
        retry: { attempts: 3, delay: '40d', maxDelay: '80d' },
      });
      const failed = new Promise<void>((resolve) => {
        scheduler.addListener((event) => {
          if (event.name === 'run.failed') resolve();
        });
      });
      await failed;
      await settle();
      expect(ran).toEqual(['fail']);
      expect(warnings).not.toContain('TimeoutOverflowWarning');
    } finally {
      await scheduler.shutdown(0);
      process.off('warning', onWarning);
    }
  });
});
