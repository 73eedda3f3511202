import { Inject, Injectable, Module } from '@nestjs/common';
import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { describe, expect, it, vi } from 'vitest';
import {
  AsynczModule,
  getSchedulerToken,
  InjectScheduler,
  ScheduledTask,
  SchedulerService,
  SettableClock,
  TaskContext,
  TaskHandler,
} from 'nestjs-asyncz';
import type { AsynczModuleAsyncOptions } from 'nestjs-asyncz';
import { nextEvent } from '../support/events.js';
import { boot, closeAfterTest, EVERY_HOUR, idsOf } from './nest.application.js';

describe('the module', () => {
  it('refuses an option that it does not know', () => {
    expect(() => AsynczModule.forRoot({ store: 'memory' } as never)).toThrow(/"store".*"stores"/s);
    expect(() => AsynczModule.forRootAsync({ useFactory: () => ({}), name: 'x', role: 'client' } as never)).toThrow(
      /"role"/,
    );
    expect(() => AsynczModule.forRootAsync({} as never)).toThrow(/exactly one of/);
  });

  it('refuses an option that its factory may not give, where the application is made', async () => {
    for (const given of [{ leese: '1m' }, { name: 'other' }, { storeTypes: {} }]) {
      @Module({ imports: [AsynczModule.forRootAsync({ useFactory: () => given as never })] })
      class AppModule {}
      const made = Test.createTestingModule({ imports: [AppModule] }).compile();
      await expect(made).rejects.toThrow(new RegExp(`"${Object.keys(given)[0]}" of .*forRootAsync.*"lease"`, 's'));
    }
  });

  it('takes its options from a factory, a class or a provider', async () => {
    @Injectable()
    class Options {
      createAsynczOptions() {
        return { timezone: 'Asia/Tokyo', stores: { extra: 'memory' } };
      }
    }
    @Module({ providers: [Options], exports: [Options] })
    class OptionsModule {}
    const ways: AsynczModuleAsyncOptions[] = [
      { imports: [OptionsModule], inject: [Options], useFactory: (options: Options) => options.createAsynczOptions() },
      { useClass: Options },
      { imports: [OptionsModule], useExisting: Options },
    ];
    for (const way of ways) {
      const { scheduler } = await boot([], way);
      expect(await scheduler.getSchedulerInfo()).toMatchObject({
        timezone: 'Asia/Tokyo',
        stores: [{ store: 'default' }, { store: 'extra' }],
      });
    }
  });

  it('goes by a clock of the test', async () => {
    const clock = new SettableClock(Date.UTC(2026, 0, 15, 12));
    const times: string[] = [];
    @Injectable()
    class Jobs {
      @ScheduledTask({ trigger: 'cron', expression: '0 2 * * *', id: 'nightly' })
      nightly({ scheduledTime }: TaskContext) {
        times.push(scheduledTime.toISOString());
      }
    }
    for (const options of [{ clock }, { useFactory: () => ({ clock }) }]) {
      const { scheduler, app } = await boot([Jobs], options);
      const ended = nextEvent(scheduler, 'run.succeeded');
      clock.advance(86_400_000);
      await ended;
      await app.close();
    }
    expect(times).toEqual(['2026-01-16T02:00:00.000Z', '2026-01-17T02:00:00.000Z']);
  });

  it('makes several schedulers, each with its own tasks', async () => {
    @Injectable()
    class Jobs {
      constructor(
        @Inject(SchedulerService) readonly main: SchedulerService,
        @InjectScheduler('billing') readonly billing: SchedulerService,
      ) {}
      @ScheduledTask(EVERY_HOUR)
      main1() {}
      @ScheduledTask({ ...EVERY_HOUR, scheduler: 'billing' })
      billing1() {}
    }
    @Module({ imports: [AsynczModule.forRoot(), AsynczModule.forRoot({ name: 'billing' })], providers: [Jobs] })
    class AppModule {}
    const app = await Test.createTestingModule({ imports: [AppModule] })
      .setLogger(false as never)
      .compile();
    await app.init();
    closeAfterTest(app);
    const { main, billing } = app.get(Jobs);
    expect(await idsOf(main)).toEqual(['Jobs.main1']);
    expect(await idsOf(billing)).toEqual(['Jobs.billing1']);
    expect(app.get(getSchedulerToken('billing'), { strict: false })).toBe(billing);
  });

  it('refuses two schedulers of one name', async () => {
    @Module({ imports: [AsynczModule.forRoot(), AsynczModule.forRoot({ timezone: 'Asia/Tokyo' })] })
    class AppModule {}
    await expect(Test.createTestingModule({ imports: [AppModule] }).compile()).rejects.toThrow(/scheduler "default"/);
  });

  it("starts after the application's providers, and drains before they close", async () => {
    const order: string[] = [];
    let release = () => {};
    @Injectable()
    class Database implements OnApplicationBootstrap, OnModuleDestroy {
      onApplicationBootstrap() {
        order.push('database ready');
      }
      onModuleDestroy() {
        order.push('database closed');
      }
    }
    @Injectable()
    class Jobs {
      @ScheduledTask({ trigger: 'date' })
      async work() {
        order.push('run started');
        await new Promise<void>((resolve) => (release = resolve));
        order.push('run ended');
      }
    }
    @Module({ providers: [Database, Jobs] })
    class Feature {}
    const { app, scheduler } = await boot([], {}, { modules: [Feature] });
    if (order.length < 2) await nextEvent(scheduler, 'run.started');
    const closed = app.close();
    await vi.waitFor(() => expect(scheduler.state).toBe('stopping'));
    release();
    await closed;
    expect(order).toEqual(['database ready', 'run started', 'run ended', 'database closed']);
  });

  it('sends every event to events$', async () => {
    @Injectable()
    class Jobs {
      @TaskHandler('work')
      work() {}
    }
    const { scheduler } = await boot([Jobs]);
    const names: string[] = [];
    const subscription = scheduler.events$.subscribe(({ name }) => names.push(name));
    const removed = nextEvent(scheduler, 'task.removed');
    await scheduler.addTask({ handler: 'work' });
    await removed;
    subscription.unsubscribe();
    await scheduler.addTask({ handler: 'work' });
    expect(names).toEqual(['task.added', 'run.submitted', 'run.started', 'run.succeeded', 'task.removed']);
  });
});
