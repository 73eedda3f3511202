import { Inject, Injectable, Module } from '@nestjs/common';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { AsyncExecutor, fileStore, getStoreToken, InjectStore, MemoryStore, SchedulerService } from 'nestjs-asyncz';
import { DataSource } from 'typeorm';
import { boot } from './nest.application.js';

const EVERY_HOUR_TRIGGER = { type: 'interval', hours: 1 } as const;

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

  it('that nobody configured is injected under its alias too, and one that the factory gives', async () => {
    @Injectable()
    class User {
      constructor(@InjectStore('default') readonly store: MemoryStore) {}
    }
    const given = new MemoryStore();
    for (const options of [
      {},
      { stores: { other: 'memory' } },
      { useFactory: () => ({}) },
      { useFactory: () => ({ stores: { default: 'memory' } }) },
      { useFactory: () => ({ stores: { default: given } }) },
      { useFactory: () => ({ stores: { default: { inject: [], useFactory: () => new MemoryStore() } } }) },
    ]) {
      const { app, scheduler } = await boot([User], options);
      const { store } = app.get(User);
      expect(store).toBeInstanceOf(MemoryStore);
      scheduler.registerHandler('work', () => {});
      await scheduler.addTask({ id: 'task', handler: 'work', trigger: EVERY_HOUR_TRIGGER });
      // It is the one that the scheduler works on.
      expect(store.lookupTask('task')).not.toBeNull();
      await scheduler.deleteTask('task');
    }
  });

  it('of the factory that the container builds come when everything else is there', async () => {
    const { scheduler } = await boot([], {
      imports: [],
      useFactory: () => ({ stores: { default: { useClass: MemoryStore } } }),
    });
    expect((await scheduler.getSchedulerInfo()).stores).toHaveLength(1);
  });

  it('and executors are added while it runs: by the name of a type, a type with options, a class and an object', async () => {
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
    @Injectable()
    class OwnExecutor extends AsyncExecutor {
      constructor(@Inject(Settings) readonly settings: Settings) {
        super({ concurrency: 1 });
      }
    }
    @Module({
      providers: [Settings, { provide: 'SHARED', useValue: new MemoryStore() }],
      exports: [Settings, 'SHARED'],
    })
    class SettingsModule {}
    const directory = await mkdtemp(join(tmpdir(), 'asyncz-nest-'));
    onTestFinished(() => rm(directory, { recursive: true, force: true }));
    const added: string[] = [];
    const { scheduler } = await boot([Settings], {
      imports: [SettingsModule],
      stores: { default: 'memory' },
      storeTypes: { own: () => new MemoryStore() },
    });
    scheduler.addListener(
      (event) => added.push(event.name === 'store.added' ? event.store : event.executor),
      ['store.added', 'executor.added'],
    );
    await scheduler.addStore('named', 'memory');
    await scheduler.addStore('typed', { type: 'file', directory });
    await scheduler.addStore('registered', 'own');
    await scheduler.addStore('class', OwnStore);
    await scheduler.addStore('provided', { useExisting: 'SHARED' });
    await scheduler.addStore('object', new MemoryStore());
    await scheduler.addExecutor('named', 'async');
    await scheduler.addExecutor('typed', { type: 'async', concurrency: 2 });
    await scheduler.addExecutor('class', OwnExecutor);
    await scheduler.addExecutor('object', new AsyncExecutor());
    const stores = ['named', 'typed', 'registered', 'class', 'provided', 'object'];
    expect(added).toEqual([...stores, 'named', 'typed', 'class', 'object']);
    expect((await scheduler.getSchedulerInfo()).stores.map(({ store }) => store)).toEqual(['default', ...stores]);
    scheduler.registerHandler('work', () => 'done');
    for (const store of ['typed', 'class']) {
      const { id } = await scheduler.addTask({
        handler: 'work',
        store,
        executor: 'class',
        trigger: EVERY_HOUR_TRIGGER,
      });
      expect(await scheduler.runTask(id, { wait: true })).toMatchObject({ result: 'done' });
    }
    await expect(scheduler.addStore('x', 'postgres')).rejects.toMatchObject({ code: 'ASYNCZ_UNKNOWN_STORE_TYPE' });
    await expect(scheduler.addStore('x', undefined as never)).rejects.toMatchObject({ code: 'ASYNCZ_INVALID_OPTION' });
    await expect(scheduler.addExecutor('x', 'threads' as never)).rejects.toThrow(/Unknown executor type "threads"/);
  });

  it('are configured without an event: that is for those that are added later', async () => {
    const added: string[] = [];
    @Injectable()
    class Listener {
      constructor(@Inject(SchedulerService) scheduler: SchedulerService) {
        scheduler.addListener(({ name }) => added.push(name), ['store.added', 'executor.added']);
      }
    }
    await boot([Listener], { useFactory: () => ({ stores: { late: 'memory', more: new MemoryStore() } }) });
    expect(added).toEqual([]);
  });

  it('of SQL and MongoDB are made of a type with what the application has at hand', async () => {
    const dataSource = await new DataSource({ type: 'better-sqlite3', database: ':memory:' }).initialize();
    onTestFinished(() => dataSource.destroy());
    const { scheduler } = await boot([], {
      stores: { default: { type: 'typeorm', dataSource }, url: { type: 'typeorm', url: 'sqlite::memory:' } },
    });
    scheduler.registerHandler('work', () => 'done');
    for (const store of ['default', 'url']) {
      const { id } = await scheduler.addTask({ handler: 'work', store, trigger: EVERY_HOUR_TRIGGER });
      expect(await scheduler.runTask(id, { wait: true })).toMatchObject({ result: 'done' });
    }
    expect(await dataSource.query('SELECT id FROM asyncz_tasks')).toHaveLength(1);
  });

  it.each([
    ['postgres', /typeorm", url: "postgres:/],
    ['sqlite', /typeorm", url: "sqlite:/],
    ['mongoose', /mongodb", url:/],
    ['valkey', /redis", url:/],
  ])('that ask for the type %s are told which one is meant', async (type, message) => {
    await expect(boot([], { stores: { default: { type } } })).rejects.toThrow(message);
  });

  it('on a data source that the application does not have say what asks for it, and what to import', async () => {
    const { typeormStore } = await import('nestjs-asyncz/typeorm');
    await expect(boot([], { stores: { default: typeormStore({ dataSource: 'jobs' }) } })).rejects.toThrow(
      /^typeormStore\(\{ dataSource: "jobs" \}\) .*nestjs-asyncz.*TypeOrmModule/,
    );
    const late = { useFactory: () => ({ stores: { default: typeormStore() } }) };
    await expect(boot([], late)).rejects.toThrow(/^typeormStore\(\) .*nestjs-asyncz.*TypeOrmModule/);
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
