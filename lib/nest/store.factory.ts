import type { InjectionToken, Provider } from '@nestjs/common';
import type { ModuleRef } from '@nestjs/core';
import { InvalidOptionError, rejectUnknownOptions, UnknownNameError } from '../errors/input.errors.js';
import { FileStore } from '../stores/file/file.store.js';
import type { FileStoreOptions } from '../stores/file/file-store.options.js';
import type { MongooseStoreOptions } from '../stores/mongoose/mongoose.options.js';
import { MemoryStore } from '../stores/memory/memory.store.js';
import type { Awaitable, Store } from '../stores/store.interface.js';
import type { ModulePlan, StoreConfig, StoreByContainer, StoreTypeFactory } from './module.options.js';
import { getStoreToken } from './tokens.js';

/**
 * The store types that are known by name. Those that need a package are loaded when they are used: the core runs with
 * none of them installed.
 */
const STORE_TYPES: Readonly<Record<string, StoreTypeFactory>> = {
  memory: (options) => {
    rejectUnknownOptions('the memory store', options, []);
    return new MemoryStore();
  },
  file: (options) => new FileStore(options as unknown as FileStoreOptions),
  typeorm: openTypeorm,
  sql: openTypeorm,
  sqlalchemy: openTypeorm,
  redis: async (options) => new (await import('../stores/redis/redis.store.js')).RedisStore(options),
  mongodb: openMongodb,
  mongo: openMongodb,
};

/** With a connection of its own: the application's is a provider, which only `typeormStore()` can ask for. */
async function openTypeorm(options: Readonly<Record<string, unknown>>): Promise<Store> {
  if (options.database === undefined) {
    throw new InvalidOptionError(
      'database',
      undefined,
      'a URL or options of a DataSource; for the data source of the application use typeormStore() of nestjs-asyncz/typeorm',
    );
  }
  const { TypeormStore } = await import('../stores/typeorm/typeorm.store.js');
  return new TypeormStore(options);
}

async function openMongodb(options: Readonly<Record<string, unknown>>): Promise<Store> {
  if (options.uri === undefined) {
    throw new InvalidOptionError(
      'uri',
      undefined,
      'a connection string; for the connection of the application use mongooseStore() of nestjs-asyncz/mongoose',
    );
  }
  const { MongooseStore } = await import('../stores/mongoose/mongoose.store.js');
  return new MongooseStore(options as unknown as MongooseStoreOptions);
}

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
  const types = { ...STORE_TYPES, ...own };
  if (!Object.hasOwn(types, type)) throw new UnknownNameError('store type', type, Object.keys(types));
  return types[type]!(options);
}

/** The provider of a store that is configured where the module is made, under its own token. */
export function createStoreProvider(alias: string, config: StoreConfig, { name, storeTypes }: ModulePlan): Provider {
  const provide = getStoreToken(alias, name);
  if (isStore(config)) return { provide, useValue: config };
  if (isStoreProvider(config)) return { provide, ...config };
  return { provide, useFactory: () => createStoreByType(alias, config, storeTypes) };
}

/**
 * Builds a store that `forRootAsync`'s factory gave, when every provider of the application is there.
 *
 * @throws What Nest throws for a token that nobody provides.
 */
export async function createLateStore(
  alias: string,
  config: StoreConfig,
  own: Readonly<Record<string, StoreTypeFactory>>,
  moduleRef: ModuleRef,
): Promise<Store> {
  if (isStore(config)) return config;
  if (!isStoreProvider(config)) return createStoreByType(alias, config, own);
  if ('useClass' in config) return moduleRef.create(config.useClass);
  if ('useExisting' in config) return getProvider<Store>(moduleRef, config.useExisting);
  return config.useFactory(...(config.inject ?? []).map((token) => getProvider(moduleRef, toToken(token))));
}

function getProvider<T>(moduleRef: ModuleRef, token: InjectionToken): T {
  return moduleRef.get<T>(token as never, { strict: false });
}

function toToken(
  dependency: NonNullable<Extract<StoreByContainer, { useFactory: unknown }>['inject']>[number],
): InjectionToken {
  return typeof dependency === 'object' && 'token' in dependency ? dependency.token : (dependency as InjectionToken);
}
