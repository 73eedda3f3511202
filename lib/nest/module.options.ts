import type { DynamicModule, FactoryProvider, InjectionToken, ModuleMetadata, Type } from '@nestjs/common';
import type { AsyncExecutorOptions } from '../executors/async.executor.js';
import type { Executor } from '../executors/executor.interface.js';
import type { SchedulerSettings } from '../scheduler/scheduler.options.js';
import type { FileStoreOptions } from '../stores/file/file-store.options.js';
import type { Awaitable, Store } from '../stores/store.interface.js';

/**
 * A store that the container builds: a class, a provider that is there already, or a factory with what it needs.
 *
 * @publicApi
 */
export type StoreByContainer =
  | { readonly useClass: Type<Store> }
  | { readonly useExisting: InjectionToken }
  | { readonly useFactory: (...args: any[]) => Awaitable<Store>; readonly inject?: FactoryProvider['inject'] };

/**
 * A store by the name of its type and its options. `memory` and `file` are part of the core; `typeorm` (also `sql`,
 * `sqlalchemy`), `redis` and `mongodb` (also `mongo`) need their package, and open a connection of their own: for the
 * application's own connection use `typeormStore()`, `redisStore()` and `mongooseStore()` of the subpaths.
 *
 * @publicApi
 */
export type StoreByType =
  | { readonly type: 'memory' }
  | ({ readonly type: 'file' } & FileStoreOptions)
  | { readonly type: string; readonly [option: string]: unknown };

/**
 * A store of a scheduler: the name of a type, a type with options, something that the container builds, or an object.
 *
 * @publicApi
 */
export type StoreConfig = string | StoreByType | StoreByContainer | Store;

/**
 * Makes a store of its options, for a type of one's own.
 *
 * @publicApi
 */
export type StoreTypeFactory = (options: Readonly<Record<string, unknown>>) => Awaitable<Store>;

/**
 * An executor of a scheduler: `async`, that with options, or an object.
 *
 * @publicApi
 */
export type ExecutorConfig = 'async' | ({ readonly type: 'async' } & AsyncExecutorOptions) | Executor;

/**
 * Options of `AsynczModule.forRoot`.
 *
 * @publicApi
 */
export interface AsynczModuleOptions extends SchedulerSettings {
  /** Stores by alias. A store in memory under `default` when there is none. */
  readonly stores?: Readonly<Record<string, StoreConfig>>;
  /** Store types of one's own, by the name that `stores` uses. */
  readonly storeTypes?: Readonly<Record<string, StoreTypeFactory>>;
  /** Executors by alias. `async` under `default` when there is none of that name. */
  readonly executors?: Readonly<Record<string, ExecutorConfig>>;
  /** Modules that export what stores inject, where those modules are not global. */
  readonly imports?: ModuleMetadata['imports'];
}

/**
 * What `forRootAsync`'s factory gives: options that are not needed to build the module itself.
 *
 * @publicApi
 */
export type AsynczRuntimeOptions = Omit<AsynczModuleOptions, 'name' | 'imports' | 'storeTypes'>;

/**
 * A class that gives the options, for `useClass` and `useExisting`.
 *
 * @publicApi
 */
export interface AsynczOptionsFactory {
  createAsynczOptions(): Awaitable<AsynczRuntimeOptions>;
}

/**
 * Options of `AsynczModule.forRootAsync`. What shapes the module is given here: `name`, `imports`, and the stores that
 * inject something or are injected with `@InjectStore`. The factory may give further stores.
 *
 * @publicApi
 */
export interface AsynczModuleAsyncOptions extends Pick<
  AsynczModuleOptions,
  'name' | 'stores' | 'storeTypes' | 'imports'
> {
  readonly useFactory?: (...args: any[]) => Awaitable<AsynczRuntimeOptions>;
  readonly inject?: FactoryProvider['inject'];
  readonly useClass?: Type<AsynczOptionsFactory>;
  readonly useExisting?: InjectionToken;
}

/** Both forms of options as the module is built from them. */
export interface ModulePlan {
  readonly name: string;
  readonly stores: Readonly<Record<string, StoreConfig>>;
  readonly storeTypes: Readonly<Record<string, StoreTypeFactory>>;
  readonly imports: NonNullable<DynamicModule['imports']>;
  /** Gives the runtime options under the options token. */
  readonly options: Omit<FactoryProvider<AsynczRuntimeOptions>, 'provide'>;
}
