import type { InjectionToken, Provider, Type } from '@nestjs/common';
import type { ModuleRef } from '@nestjs/core';
import { InvalidOptionError } from '../errors/input.errors.js';
import type { Executor } from '../executors/executor.interface.js';
import { MemoryStore } from '../stores/memory/memory.store.js';
import type { Awaitable, Store } from '../stores/store.interface.js';
import type {
  AsynczRuntimeOptions,
  ExecutorConfig,
  ModulePlan,
  StoreConfig,
  StoreByContainer,
  StoreTypeFactory,
} from './module.options.js';
import { createExecutor } from './executor.types.js';
import { createStoreOfType } from './store.types.js';
import type { WorkerSettings } from './worker.handlers.js';
import { getOptionsToken, getStoreToken } from './tokens.js';

/** Whether it is a store already. */
function isStore(config: StoreConfig): config is Store {
  return typeof config === 'object' && config !== null && 'transact' in config && typeof config.transact === 'function';
}

/** Whether the container has to build it. */
function isStoreProvider(config: StoreConfig): config is StoreByContainer {
  return (
    typeof config === 'object' &&
    config !== null &&
    ('useClass' in config || 'useExisting' in config || 'useFactory' in config)
  );
}

/**
 * Makes a store of a type's name and options.
 *
 * @throws UnknownNameError, and what the type throws for its options.
 */
function createStoreByType(
  alias: string,
  config: Exclude<StoreConfig, Store | StoreByContainer>,
  own: Readonly<Record<string, StoreTypeFactory>>,
): Awaitable<Store> {
  const { type, ...options } = typeof config === 'string' ? { type: config } : (config ?? {});
  if (typeof type !== 'string') {
    throw new InvalidOptionError(
      `stores.${alias}`,
      config,
      'the name of a store type, an object with a "type", a store, or useClass, useExisting or useFactory',
    );
  }
  return createStoreOfType(type, options, own);
}

/** The provider of a store that is configured where the module is made, under its own token. */
export function createStoreProvider(alias: string, config: StoreConfig, { name, storeTypes }: ModulePlan): Provider {
  const provide = getStoreToken(alias, name);
  if (isStore(config)) return { provide, useValue: config };
  if (isStoreProvider(config)) return { provide, ...config };
  return { provide, useFactory: () => createStoreByType(alias, config, storeTypes) };
}

/**
 * The provider of the store `default` of a module that is made without one. It is the one in memory, unless the factory of
 * `forRootAsync` gives another. One that injects something comes later than what injects it: null then.
 */
export function createDefaultStoreProvider({ name, storeTypes }: ModulePlan): Provider {
  return {
    provide: getStoreToken('default', name),
    inject: [getOptionsToken(name)],
    useFactory: ({ stores = {} }: AsynczRuntimeOptions): Awaitable<Store | null> => {
      const config = stores.default;
      if (config === undefined) return new MemoryStore();
      if (isStore(config)) return config;
      if (!isStoreProvider(config)) return createStoreByType('default', config, storeTypes);
      return 'useFactory' in config && (config.inject ?? []).length === 0 ? config.useFactory() : null;
    },
  };
}

/** Builds stores and executors when every provider of the application is there. */
export class PartFactory {
  constructor(
    private readonly moduleRef: ModuleRef,
    private readonly storeTypes: Readonly<Record<string, StoreTypeFactory>>,
    readonly workers: WorkerSettings,
  ) {}

  /** @throws What Nest throws for a token that nobody provides, and what the type throws for its options. */
  async createStore(alias: string, config: StoreConfig | Type<Store>): Promise<Store> {
    const { moduleRef } = this;
    if (typeof config === 'function') return moduleRef.create(config);
    if (isStore(config)) return config;
    if (!isStoreProvider(config)) return createStoreByType(alias, config, this.storeTypes);
    if ('useClass' in config) return moduleRef.create(config.useClass);
    if ('useExisting' in config) return getProvider<Store>(moduleRef, config.useExisting);
    return config.useFactory(...(config.inject ?? []).map((dependency) => getDependency(moduleRef, dependency)));
  }

  /** @throws What Nest throws for a dependency of the class that nobody provides. InvalidOptionError */
  async createExecutor(alias: string, config: ExecutorConfig | Type<Executor>): Promise<Executor> {
    return typeof config === 'function' ? this.moduleRef.create(config) : createExecutor(alias, config, this.workers);
  }
}

function getProvider<T>(moduleRef: ModuleRef, token: InjectionToken): T {
  return moduleRef.get<T>(token as never, { strict: false });
}

/** As the container has it: undefined for an optional one that nobody provides. */
function getDependency(
  moduleRef: ModuleRef,
  dependency: NonNullable<Extract<StoreByContainer, { useFactory: unknown }>['inject']>[number],
): unknown {
  if (typeof dependency !== 'object' || !('token' in dependency)) {
    return getProvider(moduleRef, dependency as InjectionToken);
  }
  try {
    return getProvider(moduleRef, dependency.token);
  } catch (error) {
    if (!dependency.optional) throw error;
    return undefined;
  }
}
