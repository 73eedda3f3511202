import { Controller, Inject, Injectable, Module, Scope } from '@nestjs/common';
import type { OnModuleInit } from '@nestjs/common';
import { describe, expect, it, vi } from 'vitest';
import {
  DeclarationError,
  MemoryStore,
  ScheduledTask,
  SchedulerService,
  TaskContext,
  TaskHandler,
} from 'nestjs-asyncz';
import { boot, EVERY_HOUR, idsOf } from './nest.application.js';

describe('decorated methods', () => {
  it('are found on providers and controllers, under the class and the method unless they have an id', async () => {
    @Injectable()
    class Reports {
      @ScheduledTask(EVERY_HOUR)
      nightly() {}
      @ScheduledTask({ ...EVERY_HOUR, id: 'reports.sweep' })
      @ScheduledTask({ trigger: 'cron', expression: '0 2 * * *', id: 'reports.sweep-at-two' })
      sweep() {}
    }
    @Controller()
    class Front {
      @ScheduledTask(EVERY_HOUR)
      poll() {}
    }
    const { scheduler } = await boot([Reports], {}, { controllers: [Front] });
    expect(await idsOf(scheduler)).toEqual(['Front.poll', 'Reports.nightly', 'reports.sweep', 'reports.sweep-at-two']);
  });

  it('are called on their instance, with the context', async () => {
    @Injectable()
    class Counter {
      count = 0;
      @ScheduledTask({ trigger: 'date' })
      add(context: TaskContext) {
        this.count += 1;
        return context.runId;
      }
    }
    const ended = vi.fn<(event: unknown) => void>();
    @Injectable()
    class Watch implements OnModuleInit {
      constructor(@Inject(SchedulerService) private readonly scheduler: SchedulerService) {}
      onModuleInit() {
        this.scheduler.addListener(ended, 'run.succeeded');
      }
    }
    const { app } = await boot([Counter, Watch]);
    await vi.waitFor(() => expect(ended).toHaveBeenCalledOnce());
    expect(app.get(Counter).count).toBe(1);
    expect(ended.mock.calls[0]![0]).toMatchObject({
      taskId: 'Counter.add',
      run: { result: expect.stringMatching(/^Counter\.add@/) },
    });
  });

  it('are switched off by `disabled`, whatever becomes of their other options, and go on when it is gone', async () => {
    const settings: { cron?: string } = { cron: '0 2 * * *' };
    const expression = () => settings.cron!;
    const disabled = () => settings.cron === undefined;
    @Injectable()
    class Digest {
      @ScheduledTask({ trigger: 'cron', expression, disabled })
      send() {}
    }
    const options = { stores: { default: new MemoryStore() } };
    const state = async () => {
      const { app, scheduler } = await boot([Digest], options);
      const info = await scheduler.getTaskInfo('Digest.send');
      await app.close();
      return info!.state;
    };
    expect(await state()).toBe('scheduled');
    delete settings.cron;
    expect(await state()).toBe('disabled');
    settings.cron = '0 3 * * *';
    expect(await state()).toBe('scheduled');
  });

  it('are found once when the provider has an alias, and on the class that inherits them', async () => {
    class Base {
      @ScheduledTask(EVERY_HOUR)
      inherited() {}
      @ScheduledTask(EVERY_HOUR)
      overridden() {}
    }
    @Injectable()
    class Derived extends Base {
      override overridden() {}
    }
    @Module({ providers: [Derived, { provide: 'ALIAS', useExisting: Derived }] })
    class Feature {}
    const { scheduler } = await boot([], {}, { modules: [Feature] });
    // An override without the decorator is no scheduled method: the decorator sits on the function.
    expect(await idsOf(scheduler)).toEqual(['Derived.inherited']);
  });

  it('are found on what a factory makes, and values without a class do no harm', async () => {
    class Made {
      @ScheduledTask(EVERY_HOUR)
      work() {}
    }
    @Module({
      providers: [
        { provide: 'MADE', useFactory: () => new Made() },
        { provide: 'NULL', useValue: null },
        { provide: 'BARE', useValue: Object.create(null) as object },
        { provide: 'NUMBER', useValue: 7 },
      ],
    })
    class Feature {}
    const { scheduler } = await boot([], {}, { modules: [Feature] });
    expect(await idsOf(scheduler)).toEqual(['Made.work']);
  });

  it('of a request-scoped or transient provider are scheduled like others', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class PerRequest {
      @ScheduledTask(EVERY_HOUR)
      one() {}
    }
    @Injectable()
    class Dependent {
      constructor(@Inject(PerRequest) readonly dependency: PerRequest) {}
      @ScheduledTask(EVERY_HOUR)
      two() {}
    }
    @Injectable({ scope: Scope.TRANSIENT })
    class Transient {
      @ScheduledTask(EVERY_HOUR)
      three() {}
    }
    const { scheduler } = await boot([PerRequest, Dependent, Transient]);
    expect(await idsOf(scheduler)).toEqual(['Dependent.two', 'PerRequest.one', 'Transient.three']);
  });

  it('take options from injected providers', async () => {
    @Injectable()
    class Config {
      get(key: string) {
        return { CRON: '30 4 * * *', ZONE: 'Europe/Lisbon', OFF: true }[key];
      }
    }
    @Injectable()
    class Jobs {
      @ScheduledTask({
        trigger: 'cron',
        inject: [Config],
        expression: (config: Config) => config.get('CRON') as string,
        timezone: async (config: Config) => config.get('ZONE') as string,
      })
      configured() {}
      @ScheduledTask({ ...EVERY_HOUR, inject: [Config], disabled: (config: Config) => config.get('OFF') as boolean })
      off() {}
    }
    const { scheduler } = await boot([Config, Jobs]);
    expect(await idsOf(scheduler)).toEqual(['Jobs.configured']);
    expect(await scheduler.getTaskInfo('Jobs.configured')).toMatchObject({
      trigger: { expression: '30 4 * * *', timezone: 'Europe/Lisbon' },
    });
  });

  it.each([
    ['an unknown trigger option', { trigger: 'interval', hour: 1 }, /"hour".*"hours"/s],
    ['an unknown trigger', { trigger: 'chron' }, /"chron".*"cron"/s],
    ['an unknown zone', { trigger: 'cron', expression: '* * * * *', timezone: 'Mars/Olympus' }, /Mars\/Olympus/],
    ['an unknown store', { trigger: 'interval', hours: 1, store: 'nowhere' }, /"nowhere".*"default"/s],
    ['an unknown executor', { trigger: 'interval', hours: 1, executor: 'gpu' }, /"gpu".*"default"/s],
    ['a wrong expression', { trigger: 'cron', expression: '0 25 * * *' }, /hour 25/],
    ['a wrong policy', { ...EVERY_HOUR, maxInstances: 0 }, /maxInstances/],
    ['an option that throws', { trigger: 'cron', expression: () => JSON.parse('{') as string }, /JSON/],
    ['something to inject that nobody provides', { ...EVERY_HOUR, inject: [Date], disabled: () => false }, /Date/],
  ])('stop the bootstrap with %s, and the error names class, method and id', async (_what, options, message) => {
    @Injectable()
    class Billing {
      @ScheduledTask(options as never)
      charge() {}
      @ScheduledTask({ ...(options as never as object), id: 'billing.remind' } as never)
      remind() {}
    }
    const error: unknown = await boot([Billing]).then(
      () => 'none',
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(DeclarationError);
    const { message: said, cause, method, taskId } = error as DeclarationError;
    expect(said).toMatch(message);
    expect(said).toMatch(/^@ScheduledTask on Billing\.charge \(id "Billing\.charge"\): /);
    expect({ method, taskId }).toEqual({ method: 'Billing.charge', taskId: 'Billing.charge' });
    expect(cause).toBeInstanceOf(Error);
  });

  it('without a trigger are refused where they stand', () => {
    expect(() => {
      class Billing {
        @ScheduledTask({ id: 'billing.charge' } as never)
        charge() {}
      }
      return Billing;
    }).toThrow(/^@ScheduledTask on Billing\.charge \(id "billing\.charge"\): Invalid trigger: undefined/);
    expect(() => {
      class Billing {
        @TaskHandler('')
        charge() {}
      }
      return Billing;
    }).toThrow(/^@TaskHandler on Billing\.charge: Invalid handler: ""/);
  });

  it('stop the bootstrap when two have one id', async () => {
    @Injectable()
    class Twins {
      @ScheduledTask({ ...EVERY_HOUR, id: 'same' })
      one() {}
      @ScheduledTask({ ...EVERY_HOUR, id: 'same' })
      two() {}
    }
    await expect(boot([Twins])).rejects.toThrow(/"same".*Twins\.two and Twins\.one declare it/s);
  });
});
