import { Controller, Inject, Injectable, Module, Scope } from '@nestjs/common';
import type {
  INestApplicationContext,
  OnApplicationBootstrap,
  OnModuleDestroy,
  OnModuleInit,
  Type,
} from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  AsynczModule,
  fileStore,
  getSchedulerToken,
  getStoreToken,
  InjectScheduler,
  InjectStore,
  MemoryStore,
  ScheduledTask,
  SchedulerService,
  TaskContext,
  TaskHandler,
} from 'nestjs-asyncz';
import type { AsynczModuleAsyncOptions, AsynczModuleOptions } from 'nestjs-asyncz';
import { nextEvent } from '../support/events.js';

const EVERY_HOUR = { trigger: 'interval', hours: 1 } as const;
const open: INestApplicationContext[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((app) => app.close()));
});

async function boot(
  providers: Type[],
  options: AsynczModuleOptions | AsynczModuleAsyncOptions = {},
  { controllers = [], modules = [] }: { controllers?: Type[]; modules?: Type[] } = {},
) {
  const asyncz =
    'useFactory' in options || 'useClass' in options || 'useExisting' in options
      ? AsynczModule.forRootAsync(options)
      : AsynczModule.forRoot(options);
  @Module({ imports: [...modules, asyncz], providers, controllers })
  class AppModule {}
  const testing = Test.createTestingModule({ imports: [AppModule] });
  testing.setLogger({ log() {}, error() {}, warn: warnings, debug() {}, verbose() {}, fatal() {} });
  const app = await testing.compile();
  await app.init();
  open.push(app);
  return { app, scheduler: app.get<SchedulerService>(SchedulerService, { strict: false }) };
}

const warnings = vi.fn<(message: string) => void>();

async function idsOf(scheduler: SchedulerService): Promise<string[]> {
  return (await scheduler.getTaskInfos({ sortBy: 'id' })).tasks.map(({ id }) => id);
}

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

  it('of a request-scoped or transient provider are left out with a warning that names them', async () => {
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
    warnings.mockClear();
    const { scheduler } = await boot([PerRequest, Dependent, Transient]);
    expect(await idsOf(scheduler)).toEqual([]);
    const said = warnings.mock.calls.map(([message]) => message).join('\n');
    for (const name of ['PerRequest.one', 'Dependent.two', 'Transient.three'])
      expect(said).toContain(`${name} is not scheduled`);
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
  ])('stop the bootstrap with %s', async (_what, options, message) => {
    @Injectable()
    class Wrong {
      @ScheduledTask(options as never)
      work() {}
    }
    await expect(boot([Wrong])).rejects.toThrow(message);
  });

  it('stop the bootstrap when two have one id', async () => {
    @Injectable()
    class Twins {
      @ScheduledTask({ ...EVERY_HOUR, id: 'same' })
      one() {}
      @ScheduledTask({ ...EVERY_HOUR, id: 'same' })
      two() {}
    }
    await expect(boot([Twins])).rejects.toThrow(/"same"/);
  });
});

describe('handlers', () => {
  it('run tasks that are added at run time, from onModuleInit on', async () => {
    const seen: unknown[] = [];
    @Injectable()
    class Mail {
      @TaskHandler('mail.send')
      send(to: string, context: TaskContext) {
        seen.push(to, context.task.id);
      }
    }
    @Injectable()
    class Early implements OnModuleInit {
      constructor(private readonly scheduler: SchedulerService) {}
      async onModuleInit() {
        await this.scheduler.addTask({ id: 'early', handler: 'mail.send', args: ['ann'] });
      }
    }
    await boot([Mail, Early]);
    await vi.waitFor(() => expect(seen).toEqual(['ann', 'early']));
  });

  it('stop the bootstrap when two have one name', async () => {
    @Injectable()
    class Twins {
      @TaskHandler('same')
      one() {}
      @TaskHandler('same')
      two() {}
    }
    await expect(boot([Twins])).rejects.toThrow(/"same"/);
  });
});

describe('stores', () => {
  it('are built by the container: by name, class, factory, existing provider or object, and injected by alias', async () => {
    @Injectable()
    class Settings {
      readonly label = 'from settings';
    }
    @Injectable()
    class OwnStore extends MemoryStore {
      constructor(@Inject(Settings) readonly settings: Settings) {
        super();
      }
    }
    class LabelStore extends MemoryStore {
      constructor(readonly label: string) {
        super();
      }
    }
    const object = new MemoryStore();
    @Module({
      providers: [Settings, { provide: 'SHARED', useValue: new LabelStore('shared') }],
      exports: [Settings, 'SHARED'],
    })
    class SettingsModule {}
    @Injectable()
    class User {
      constructor(
        @InjectStore() readonly byDefault: MemoryStore,
        @InjectStore('made') readonly made: LabelStore,
        @InjectStore('own') readonly own: OwnStore,
      ) {}
    }
    const directory = await mkdtemp(join(tmpdir(), 'asyncz-nest-'));
    onTestFinished(() => rm(directory, { recursive: true, force: true }));
    const { app, scheduler } = await boot([User], {
      imports: [SettingsModule],
      storeTypes: { label: (options) => new LabelStore(String(options.text)) },
      stores: {
        default: 'memory',
        own: { useClass: OwnStore },
        made: { inject: [Settings], useFactory: (settings: Settings) => new LabelStore(settings.label) },
        shared: { useExisting: 'SHARED' },
        object,
        typed: { type: 'label', text: 'by type' },
        files: fileStore({ directory }),
      },
    });
    const user = app.get(User);
    expect(user.byDefault).toBeInstanceOf(MemoryStore);
    expect(user.made.label).toBe('from settings');
    expect(user.own.settings.label).toBe('from settings');
    expect(app.get<LabelStore>(getStoreToken('shared'), { strict: false }).label).toBe('shared');
    expect(app.get(getStoreToken('object'), { strict: false })).toBe(object);
    expect(app.get<LabelStore>(getStoreToken('typed'), { strict: false }).label).toBe('by type');
    expect((await scheduler.getSchedulerInfo()).stores.map(({ store }) => store).sort()).toEqual([
      'default',
      'files',
      'made',
      'object',
      'own',
      'shared',
      'typed',
    ]);
  });

  it.each([
    ['an unknown type', { default: 'postgress' }, /"postgress".*"memory"/s],
    ['a type without options that it needs', { default: { type: 'file' } }, /directory/],
    ['an option that the type has not', { default: { type: 'memory', size: 5 } }, /"size"/],
    ['something else', { default: 7 }, /stores\.default: 7/],
  ])('stop the bootstrap with %s', async (_what, stores, message) => {
    await expect(boot([], { stores: stores as never })).rejects.toThrow(message);
  });

  it('stop the bootstrap with the reason when they cannot be started', async () => {
    class Broken extends MemoryStore {
      override start(): never {
        throw new Error('disk on fire');
      }
    }
    await expect(boot([], { stores: { default: { useClass: Broken } } })).rejects.toThrow(/"default".*disk on fire/);
  });
});

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
        stores: [{ store: 'extra' }, { store: 'default' }],
      });
    }
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
    open.push(app);
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

describe('typed handlers', () => {
  interface Mail {
    send(to: string, copies: number, context: TaskContext): Promise<void>;
    ping(): void;
  }
  interface Handlers {
    'mail.send': Mail['send'];
    'mail.ping': Mail['ping'];
  }

  it('are checked by the compiler, and at run time where it does not look', async () => {
    @Injectable()
    class MailService implements Mail {
      @TaskHandler('mail.send')
      async send(_to: string, _copies: number, _context: TaskContext) {}
      @TaskHandler('mail.ping')
      ping() {}
    }
    const { app } = await boot([MailService]);
    const scheduler = app.get<SchedulerService<Handlers>>(SchedulerService, { strict: false });
    await scheduler.addTask({ handler: 'mail.send', args: ['ann', 2] });
    await scheduler.addTask({ handler: 'mail.ping' });
    // @ts-expect-error -- there is no such handler
    await expect(scheduler.addTask({ handler: 'mail.sned', args: ['ann', 2] })).rejects.toThrow(
      /"mail\.sned".*"mail\.send"/s,
    );
    const wrong = () => [
      // @ts-expect-error -- an argument of the wrong type
      scheduler.addTask({ handler: 'mail.send', args: ['ann', 'two'] }),
      // @ts-expect-error -- an argument is missing
      scheduler.addTask({ handler: 'mail.send', args: ['ann'] }),
      // @ts-expect-error -- arguments are needed
      scheduler.addTask({ handler: 'mail.send' }),
      // @ts-expect-error -- it takes none
      scheduler.addTask({ handler: 'mail.ping', args: [1] }),
    ];
    expect(wrong).toBeTypeOf('function');
  });
});
