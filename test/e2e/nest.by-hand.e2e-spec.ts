import { Injectable } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import { AsyncExecutor, MemoryStore, ScheduledTask, SchedulerNotRunningError, TaskHandler } from 'nestjs-asyncz';
import { boot, EVERY_HOUR } from './nest.application.js';

@Injectable()
class Jobs {
  @TaskHandler('greet')
  greet(name: string) {
    return `hello ${name}`;
  }

  @ScheduledTask({ ...EVERY_HOUR, id: 'hourly' })
  hourly() {}
}

describe('a scheduler with autoStart: false', () => {
  it('does nothing until it is started by hand; what was added meanwhile runs then', async () => {
    for (const options of [{ autoStart: false }, { useFactory: () => ({ autoStart: false }) }]) {
      const { scheduler } = await boot([Jobs], options);
      expect(scheduler.state).toBe('stopped');
      const { id } = await scheduler.addTask({ id: 'a', handler: 'greet', args: ['ada'] });
      expect(await scheduler.getTaskInfo(id)).toMatchObject({ state: 'pending' });
      await scheduler.start();
      expect(scheduler.state).toBe('running');
      expect(await scheduler.getTask('hourly')).not.toBeNull();
      expect(await scheduler.runTask('hourly', { wait: true })).toMatchObject({ status: 'succeeded' });
    }
  });

  it('can be stopped and started by hand any number of times', async () => {
    const { scheduler } = await boot([Jobs], { autoStart: false });
    for (let round = 0; round < 3; round += 1) {
      await scheduler.start();
      expect(await scheduler.runTask('hourly', { wait: true })).toMatchObject({ status: 'succeeded' });
      await scheduler.shutdown();
      expect(scheduler.state).toBe('stopped');
    }
  });

  it('is stopped by the close of the application, and cannot be started after it', async () => {
    const { app, scheduler } = await boot([Jobs], { autoStart: false });
    await scheduler.start();
    await app.close();
    expect(scheduler.state).toBe('stopped');
    await expect(scheduler.start()).rejects.toThrow(SchedulerNotRunningError);
    expect(scheduler.state).toBe('stopped');
  });

  it('refuses an autoStart that is neither true nor false', async () => {
    await expect(boot([Jobs], { useFactory: () => ({ autoStart: 'no' as never }) })).rejects.toThrow(/autoStart.*"no"/);
  });
});

describe('lookups', () => {
  it('give a store and an executor by alias, and name those that there are', async () => {
    const store = new MemoryStore();
    const executor = new AsyncExecutor({ concurrency: 2 });
    const { scheduler } = await boot([Jobs], { stores: { default: store }, executors: { own: executor } });
    expect(scheduler.lookupStore()).toBe(store);
    expect(scheduler.lookupStore('default').capabilities).toMatchObject({ durable: false });
    expect(scheduler.lookupExecutor('own')).toBe(executor);
    expect(scheduler.lookupExecutor()).toBeInstanceOf(AsyncExecutor);
    expect(() => scheduler.lookupStore('other')).toThrow(/Unknown store "other". Known: "default"/);
    expect(() => scheduler.lookupExecutor('other')).toThrow(/Unknown executor "other". Known: "default" or "own"/);
  });
});
