import { Inject, Module } from '@nestjs/common';
import type { DynamicModule, OnModuleInit, Provider } from '@nestjs/common';
import { DiscoveryModule, ModuleRef, ModulesContainer } from '@nestjs/core';
import { DuplicateNameError } from '../errors/scheduler.errors.js';
import { InvalidOptionError } from '../errors/input.errors.js';
import { isInWorker } from '../executors/pool/in-worker.js';
import { namesOf } from '../model/names.js';
import { SCHEDULER_SETTINGS } from '../scheduler/scheduler.options.js';
import type { SchedulerSettings } from '../scheduler/scheduler.options.js';
import type { Store } from '../stores/store.interface.js';
import { createExecutor } from './executor.types.js';
import type { AsynczModuleOptions, AsynczRuntimeOptions, ModulePlan } from './module.options.js';
import { bridgeEvents } from './event.bridge.js';
import { createNestLogger } from './nest.logger.js';
import { withOverride } from './role.override.js';
import { SchedulerService } from './scheduler.service.js';
import { createDefaultStoreProvider, createStoreProvider, PartFactory } from './store.factory.js';
import { TaskExplorer } from './task.explorer.js';
import type { WorkerSettings } from './worker.handlers.js';
import { DEFAULT_SCHEDULER, getOptionsToken, getSchedulerToken, getStoreToken, schedulersOf } from './tokens.js';

/** The names of the options that an application may give. */
export const MODULE_OPTIONS = [
  ...SCHEDULER_SETTINGS,
  ...namesOf<Exclude<keyof AsynczModuleOptions, keyof SchedulerSettings>>({
    stores: 0,
    storeTypes: 0,
    executors: 0,
    imports: 0,
    autoStart: 0,
    eventEmitter: 0,
    globalEnhancers: 0,
    logFields: 0,
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
        ...('default' in stores ? [] : [createDefaultStoreProvider(plan)]),
        createSchedulerProvider(plan),
        ...(isDefault ? [{ provide: SchedulerService, useExisting: getSchedulerToken(name) }] : []),
        TaskExplorer,
      ],
      exports: [
        getSchedulerToken(name),
        ...(isDefault ? [SchedulerService] : []),
        ...aliasesOf(stores).map((alias) => getStoreToken(alias, name)),
      ],
    };
  }

  constructor(
    @Inject(PLAN) private readonly plan: ModulePlan,
    private readonly moduleRef: ModuleRef,
    private readonly explorer: TaskExplorer,
  ) {}

  async onModuleInit(): Promise<void> {
    const { name, stores } = this.plan;
    const scheduler = this.#get<SchedulerService>(getSchedulerToken(name));
    const options = withOverride(this.#get<AsynczRuntimeOptions>(getOptionsToken(name)));
    for (const [alias, config] of Object.entries(options.stores ?? {})) {
      if (alias in stores && stores[alias] === config) continue;
      const isMade =
        alias === 'default' && !('default' in stores) && this.#get(getStoreToken('default', name)) !== null;
      // Tasks can be added from here on, so where they go has to be there.
      if (!isMade) await scheduler.addStore(alias, config);
    }
    const listeners: string[] = [];
    const tasks = await this.explorer.explore(
      {
        name: scheduler.name,
        registerHandler: (...handler) => scheduler.registerHandler(...handler),
        addListener: (listener, names, filter) => {
          listeners.push(listener.name);
          scheduler.addListener(listener, names, filter);
        },
      },
      options,
    );
    scheduler.declareTasks(tasks);
    scheduler.workers.known = { tasks: tasks.map(({ id }) => id), listeners };
    if (options.eventEmitter) {
      bridgeEvents(scheduler, this.moduleRef.get(ModulesContainer, { strict: false }), createNestLogger(name));
    }
  }

  #get<T>(token: string): T {
    return this.moduleRef.get<T>(token);
  }
}

function createSchedulerProvider({ name, stores, storeTypes }: ModulePlan): Provider {
  const aliases = aliasesOf(stores);
  const tokens = aliases.map((alias) => getStoreToken(alias, name));
  return {
    provide: getSchedulerToken(name),
    inject: [ModulesContainer, ModuleRef, getOptionsToken(name), ...tokens],
    useFactory: (
      container: ModulesContainer,
      moduleRef: ModuleRef,
      given: AsynczRuntimeOptions,
      ...made: (Store | null)[]
    ) => {
      const options = withOverride(given);
      refuseNamesake(name, container);
      refuseInWorker(options);
      // Further stores of the options are built when every provider of the application is there.
      const {
        stores: _later,
        globalEnhancers,
        eventEmitter: _bridge,
        autoStart,
        logFields = null,
        executors = {},
        ...settings
      } = options;
      const workers: WorkerSettings = globalEnhancers === undefined ? {} : { globalEnhancers };
      const all = {
        ...settings,
        name,
        logger: createNestLogger(name, logFields),
        stores: Object.fromEntries(
          aliases.flatMap((alias, index) => (made[index] === null ? [] : [[alias, made[index]!]])),
        ),
        executors: Object.fromEntries(
          Object.entries(executors).map(([alias, config]) => [alias, createExecutor(alias, config, workers)]),
        ),
      };
      return new SchedulerService(all, new PartFactory(moduleRef, storeTypes, workers), autoStart);
    },
  };
}

/** The aliases of the stores that are known where the module is made: that called `default` is always there. */
function aliasesOf(stores: ModulePlan['stores']): readonly string[] {
  return [...new Set([...Object.keys(stores), 'default'])];
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

/** In a worker of an executor each thread or process would claim tasks, and make workers in turn. @throws InvalidOptionError */
function refuseInWorker({ role = 'worker' }: AsynczRuntimeOptions): void {
  if (!isInWorker() || role !== 'worker') return;
  throw new InvalidOptionError(
    'role',
    role,
    '"client" in the module of an executor: its tasks are claimed where the executor is',
  );
}
