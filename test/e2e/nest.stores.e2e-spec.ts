import { Inject, Injectable, Module } from '@nestjs/common';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { fileStore, getStoreToken, InjectStore, MemoryStore } from 'nestjs-asyncz';
import { boot } from './nest.application.js';

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
