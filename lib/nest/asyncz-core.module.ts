import { Inject, Module } from '@nestjs/common';
import type { DynamicModule, OnModuleInit, Provider } from '@nestjs/common';
import { DiscoveryModule, ModuleRef, ModulesContainer } from '@nestjs/core';
import { InvalidOptionError, rejectUnknownOptions } from '../errors/input.errors.js';
import { namesOf } from '../model/names.js';
import { AsyncExecutor } from '../executors/async.executor.js';
import type { Executor } from '../executors/executor.interface.js';
import { Scheduler } from '../scheduler/scheduler.js';
import { SCHEDULER_SETTINGS } from '../scheduler/scheduler.options.js';
import type { SchedulerSettings } from '../scheduler/scheduler.options.js';
import { MemoryStore } from '../stores/memory/memory.store.js';
import type { Store } from '../stores/store.interface.js';
import type { AsynczModuleOptions, AsynczRuntimeOptions, ExecutorConfig, ModulePlan } from './module.options.js';
import { createNestLogger } from './nest.logger.js';
import { SchedulerNames } from './scheduler.names.js';
import { SchedulerService } from './scheduler.service.js';
import { createLateStore } from './store.factory.js';
import { createStoreProviders } from './store.providers.js';
import { TaskExplorer } from './task.explorer.js';
import { DEFAULT_SCHEDULER, getEngineToken, getOptionsToken, getSchedulerToken, getStoreToken } from './tokens.js';

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
    const { name } = plan;
    const service: Provider = {
      provide: getSchedulerToken(name),
      useFactory: (scheduler: Scheduler) => new SchedulerService(scheduler),
      inject: [getEngineToken(name)],
    };
    const aliases: Provider[] =
      name === DEFAULT_SCHEDULER ? [{ provide: SchedulerService, useExisting: getSchedulerToken(name) }] : [];
    const stores = createStoreProviders(plan);
    return {
      module: AsynczCoreModule,
      global: true,
      imports: [DiscoveryModule, ...plan.imports],
      providers: [
        { provide: PLAN, useValue: plan },
        { provide: getOptionsToken(name), ...plan.options },
        ...stores,
        createEngineProvider(plan),
        service,
        ...aliases,
        TaskExplorer,
      ],
      exports: [
        getSchedulerToken(name),
        getEngineToken(name),
        ...(name === DEFAULT_SCHEDULER ? [SchedulerService] : []),
        ...Object.keys(plan.stores).map((alias) => getStoreToken(alias, name)),
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
    const scheduler = this.moduleRef.get<Scheduler>(getEngineToken(name));
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

function createEngineProvider(plan: ModulePlan): Provider {
  const aliases = Object.keys(plan.stores);
  return {
    provide: getEngineToken(plan.name),
    inject: [getOptionsToken(plan.name), ModulesContainer, ...aliases.map((alias) => getStoreToken(alias, plan.name))],
    useFactory: (options: AsynczRuntimeOptions, container: ModulesContainer, ...stores: Store[]) => {
      rejectUnknownOptions('AsynczModule', options, MODULE_OPTIONS);
      SchedulerNames.of(container).add(plan.name);
      const settings = Object.fromEntries(
        Object.entries(options).filter(([key]) => (SCHEDULER_SETTINGS as readonly string[]).includes(key)),
      ) as SchedulerSettings;
      return new Scheduler({
        ...settings,
        name: plan.name,
        logger: createNestLogger(plan.name),
        stores: Object.fromEntries(aliases.map((alias, index) => [alias, stores[index]!])),
        executors: Object.fromEntries(
          Object.entries(options.executors ?? {}).map(([alias, config]) => [alias, createExecutor(alias, config)]),
        ),
      });
    },
  };
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
