import { Inject, Module } from '@nestjs/common';
import type { DynamicModule, OnModuleInit, Provider } from '@nestjs/common';
import { DiscoveryModule, ModuleRef, ModulesContainer } from '@nestjs/core';
import { InvalidOptionError } from '../errors/input.errors.js';
import { DuplicateNameError } from '../errors/scheduler.errors.js';
import { namesOf } from '../model/names.js';
import { AsyncExecutor } from '../executors/async.executor.js';
import type { Executor } from '../executors/executor.interface.js';
import { SCHEDULER_SETTINGS } from '../scheduler/scheduler.options.js';
import type { SchedulerSettings } from '../scheduler/scheduler.options.js';
import { MemoryStore } from '../stores/memory/memory.store.js';
import type { Store } from '../stores/store.interface.js';
import type { AsynczModuleOptions, AsynczRuntimeOptions, ExecutorConfig, ModulePlan } from './module.options.js';
import { createNestLogger } from './nest.logger.js';
import { SchedulerService } from './scheduler.service.js';
import { createLateStore, createStoreProvider } from './store.factory.js';
import { TaskExplorer } from './task.explorer.js';
import { DEFAULT_SCHEDULER, getOptionsToken, getSchedulerToken, getStoreToken, schedulersOf } from './tokens.js';

/** The names of the options that an application may give. */
export const MODULE_OPTIONS = [
  ...SCHEDULER_SETTINGS,
  ...namesOf<Exclude<keyof AsynczModuleOptions, keyof SchedulerSettings>>({
    stores: 0,
    storeTypes: 0,
    executors: 0,
    imports: 0,
  }),
];

const PLAN = 'asyncz:plan';

/**
 * Holds the scheduler and its stores, for the whole application. Being global it is initialised before the application's
 * own modules, so handlers are known and tasks can be added from their `onModuleInit`; what starts and stops the loop is
 * in the outer module, which is not.
 */
@Module({})
export class AsynczCoreModule implements OnModuleInit {
  static create(plan: ModulePlan): DynamicModule {
    const { name, stores, options, imports } = plan;
    const isDefault = name === DEFAULT_SCHEDULER;
    return {
      module: AsynczCoreModule,
      global: true,
      imports: [DiscoveryModule, ...imports],
      providers: [
        { provide: PLAN, useValue: plan },
        { provide: getOptionsToken(name), ...options },
        ...Object.entries(stores).map(([alias, config]) => createStoreProvider(alias, config, plan)),
        createSchedulerProvider(plan),
        ...(isDefault ? [{ provide: SchedulerService, useExisting: getSchedulerToken(name) }] : []),
        TaskExplorer,
      ],
      exports: [
        getSchedulerToken(name),
        ...(isDefault ? [SchedulerService] : []),
        ...Object.keys(stores).map((alias) => getStoreToken(alias, name)),
      ],
    };
  }

  constructor(
    @Inject(PLAN) private readonly plan: ModulePlan,
    private readonly moduleRef: ModuleRef,
    private readonly explorer: TaskExplorer,
  ) {}

  async onModuleInit(): Promise<void> {
    const { name, stores, storeTypes } = this.plan;
    const scheduler = this.moduleRef.get<SchedulerService>(getSchedulerToken(name));
    const options = this.moduleRef.get<AsynczRuntimeOptions>(getOptionsToken(name));
    for (const [alias, config] of Object.entries(options.stores ?? {})) {
      if (alias in stores && stores[alias] === config) continue;
      await scheduler.addStore(alias, await createLateStore(alias, config, storeTypes, this.moduleRef));
    }
    // Tasks can be added from here on, so where they go by default has to be there.
    if (!('default' in stores) && !('default' in (options.stores ?? {}))) {
      await scheduler.addStore('default', new MemoryStore());
    }
    scheduler.declareTasks(await this.explorer.explore(scheduler));
  }
}

function createSchedulerProvider({ name, stores }: ModulePlan): Provider {
  const aliases = Object.keys(stores);
  return {
    provide: getSchedulerToken(name),
    inject: [ModulesContainer, getOptionsToken(name), ...aliases.map((alias) => getStoreToken(alias, name))],
    useFactory: (container: ModulesContainer, options: AsynczRuntimeOptions, ...made: Store[]) => {
      refuseNamesake(name, container);
      // Further stores of the options are built when every provider of the application is there.
      const { stores: _later, executors = {}, ...settings } = options;
      return new SchedulerService({
        ...settings,
        name,
        logger: createNestLogger(name),
        stores: Object.fromEntries(aliases.map((alias, index) => [alias, made[index]!])),
        executors: Object.fromEntries(
          Object.entries(executors).map(([alias, config]) => [alias, createExecutor(alias, config)]),
        ),
      });
    },
  };
}

/** @throws DuplicateNameError */
function refuseNamesake(name: string, container: ModulesContainer): void {
  if (schedulersOf(container).filter((other) => other === name).length <= 1) return;
  throw new DuplicateNameError(
    'scheduler',
    name,
    'AsynczModule.forRoot is imported once; give a second scheduler a name of its own.',
  );
}

function createExecutor(alias: string, config: ExecutorConfig): Executor {
  if (config === 'async') return new AsyncExecutor();
  if (typeof config === 'object' && config !== null) {
    if ('execute' in config) return config;
    if (config.type === 'async') {
      const { type: _type, ...options } = config;
      return new AsyncExecutor(options);
    }
  }
  throw new InvalidOptionError(`executors.${alias}`, config, '"async", { type: "async", … } or an executor');
}
