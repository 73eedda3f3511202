import { Module } from '@nestjs/common';
import type { DynamicModule, FactoryProvider, Provider } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { listOf } from '../errors/asyncz.error.js';
import { InvalidOptionError, rejectUnknownOptions } from '../errors/input.errors.js';
import { checkFlag, checkList, checkName, checkNamed } from '../errors/option.checks.js';
import { namesOf } from '../model/names.js';
import type { Awaitable } from '../stores/store.interface.js';
import { AsynczCoreModule, MODULE_OPTIONS } from './asyncz-core.module.js';
import type {
  AsynczModuleAsyncOptions,
  AsynczModuleOptions,
  AsynczOptionsFactory,
  AsynczRuntimeOptions,
  ModulePlan,
} from './module.options.js';
import { LOG_FIELDS_MODES } from './nest.logger.js';
import { globalKinds } from './pipeline/global.enhancers.js';
import { SchedulerRunner } from './scheduler.runner.js';
import type { SchedulerService } from './scheduler.service.js';
import { DEFAULT_SCHEDULER, getSchedulerToken } from './tokens.js';

const ASYNC_OPTIONS = namesOf<keyof AsynczModuleAsyncOptions>({
  name: 0,
  stores: 0,
  storeTypes: 0,
  imports: 0,
  useFactory: 0,
  inject: 0,
  useClass: 0,
  useExisting: 0,
});

/** What the factory of `forRootAsync` may give. */
const RUNTIME_OPTIONS = MODULE_OPTIONS.filter((option) => !['name', 'imports', 'storeTypes'].includes(option));

/**
 * The module of a Nest application that makes, starts and stops the scheduler. Wherever it is imported, the scheduler
 * starts after all modules have bootstrapped, and stops before any of them closes.
 *
 * ```ts
 * @Module({ imports: [AsynczModule.forRoot({ stores: { default: { type: 'file', directory: './var/tasks' } } })] })
 * export class AppModule {}
 * ```
 *
 * @publicApi
 */
@Module({})
export class AsynczModule {
  /**
   * @param options Every option has a default: without stores, tasks are kept in memory.
   * @throws UnknownOptionError, InvalidOptionError
   */
  static forRoot(options: AsynczModuleOptions = {}): DynamicModule {
    rejectUnknownOptions('AsynczModule.forRoot', options, MODULE_OPTIONS);
    const { name: _1, stores: _2, storeTypes: _3, imports: _4, ...settings } = checkParts(options);
    return build({ ...shapeOf(options), options: { useFactory: () => settings } });
  }

  /**
   * As {@link forRoot}, with options from a factory, a class or a provider. Options that shape the module stand beside it.
   *
   * @throws UnknownOptionError, InvalidOptionError
   */
  static forRootAsync(options: AsynczModuleAsyncOptions): DynamicModule {
    rejectUnknownOptions('AsynczModule.forRootAsync', options, ASYNC_OPTIONS);
    return build({ ...shapeOf(options), options: createOptionsProvider(options) }, options.useClass);
  }
}

/** What the module is made of, checked. @throws InvalidOptionError */
function shapeOf({
  name = DEFAULT_SCHEDULER,
  stores = {},
  storeTypes = {},
  imports = [],
}: AsynczModuleAsyncOptions): Omit<ModulePlan, 'options'> {
  for (const [type, factory] of Object.entries(checkNamed('storeTypes', storeTypes, 'functions'))) {
    if (typeof factory !== 'function') throw new InvalidOptionError(`storeTypes.${type}`, factory, 'a function');
  }
  return {
    name: checkName('name', name),
    stores: checkNamed('stores', stores, 'stores'),
    storeTypes,
    imports: checkList('imports', imports, 'modules'),
  };
}

/**
 * @throws InvalidOptionError For stores and executors that have no names, for a flag that is none, and for kinds of
 *   enhancers that there are none of.
 */
function checkParts<T extends AsynczRuntimeOptions>(options: T): T {
  const { stores = {}, executors = {}, autoStart = true, eventEmitter = false, globalEnhancers, logFields } = options;
  checkFlag('autoStart', autoStart);
  checkFlag('eventEmitter', eventEmitter);
  if (logFields !== undefined && !LOG_FIELDS_MODES.includes(logFields)) {
    throw new InvalidOptionError('logFields', logFields, listOf(LOG_FIELDS_MODES));
  }
  globalKinds(globalEnhancers);
  checkNamed('stores', stores, 'stores');
  checkNamed('executors', executors, 'executors');
  return options;
}

function build(plan: ModulePlan, optionsClass?: Provider): DynamicModule {
  const core = AsynczCoreModule.create(plan);
  const runner: Provider = {
    provide: SchedulerRunner,
    useFactory: (scheduler: SchedulerService, container: ModulesContainer) => new SchedulerRunner(scheduler, container),
    inject: [getSchedulerToken(plan.name), ModulesContainer],
  };
  return {
    module: AsynczModule,
    imports: [optionsClass ? { ...core, providers: [optionsClass, ...core.providers!] } : core],
    providers: [runner],
  };
}

function createOptionsProvider(
  options: AsynczModuleAsyncOptions,
): Omit<FactoryProvider<AsynczRuntimeOptions>, 'provide'> {
  const { useFactory, inject = [], useClass, useExisting } = options;
  const given = [useFactory, useClass, useExisting].filter((way) => way !== undefined);
  if (given.length !== 1) {
    throw new InvalidOptionError('forRootAsync', options, 'exactly one of useFactory, useClass and useExisting');
  }
  const create = useFactory ?? ((factory: AsynczOptionsFactory) => factory.createAsynczOptions());
  return {
    useFactory: async (...injected: unknown[]) => {
      const made = await (create as (...args: unknown[]) => Awaitable<AsynczRuntimeOptions>)(...injected);
      rejectUnknownOptions('what the factory of AsynczModule.forRootAsync gives', made, RUNTIME_OPTIONS);
      return checkParts(made);
    },
    inject: useFactory ? inject : [(useClass ?? useExisting)!],
  };
}
