import type { DynamicModule, FactoryProvider, InjectionToken, ModuleMetadata, Type } from '@nestjs/common';
import type { AsyncExecutorOptions } from '../executors/async.executor.js';
import type { Executor } from '../executors/executor.interface.js';
import type { ProcessExecutorOptions } from '../executors/process.executor.js';
import type { WorkerExecutorOptions } from '../executors/worker.executor.js';
import type { SchedulerSettings } from '../scheduler/scheduler.options.js';
import type { FileStoreOptions } from '../stores/file/file-store.options.js';
import type { Awaitable, Store } from '../stores/store.interface.js';
import type { LogFieldsMode } from './nest.logger.js';
import type { GlobalEnhancers } from './pipeline/global.enhancers.js';

/**
 * A store that the container builds: a class, an existing provider, or a factory with its dependencies.
 *
 * @publicApi
 */
export type StoreByContainer =
  | { readonly useClass: Type<Store> }
  | { readonly useExisting: InjectionToken }
  | { readonly useFactory: (...args: any[]) => Awaitable<Store>; readonly inject?: FactoryProvider['inject'] };

/**
 * A store as the name of its type and its options. `memory` and `file` are part of the core; `typeorm` (also `sql`,
 * `sqlalchemy`), `redis` and `mongodb` (also `mongo`) need their package, and open a connection of their own, or work on what
 * they are given: `dataSource`, `client`, `connection`. To have that injected use `typeormStore()`, `redisStore()` and
 * `mongooseStore()` of the subpaths.
 *
 * @publicApi
 */
export type StoreByType =
  | { readonly type: 'memory' }
  | ({ readonly type: 'file' } & FileStoreOptions)
  | { readonly type: string; readonly [option: string]: unknown };

/**
 * A store of a scheduler: the name of a type, a type with options, a provider that the container builds, or an object.
 *
 * @publicApi
 */
export type StoreConfig = string | StoreByType | StoreByContainer | Store;

/**
 * Makes a store from its options, for a custom type.
 *
 * @publicApi
 */
export type StoreTypeFactory = (options: Readonly<Record<string, unknown>>) => Awaitable<Store>;

/**
 * An executor of a scheduler: the name of a type, a type with options, or an object. `asyncio` is another name of `async`,
 * `threadpool` and `pool` are others of `worker`, and `processpool` of `process`.
 *
 * @publicApi
 */
export type ExecutorConfig =
  | 'async'
  | 'asyncio'
  | 'debug'
  | ({ readonly type: 'async' | 'asyncio' } & AsyncExecutorOptions)
  | { readonly type: 'debug' }
  | ({ readonly type: 'worker' | 'threadpool' | 'pool' } & WorkerExecutorOptions)
  | ({ readonly type: 'process' | 'processpool' } & ProcessExecutorOptions)
  | Executor;

/**
 * Options of `AsynczModule.forRoot`.
 *
 * @publicApi
 */
export interface AsynczModuleOptions extends SchedulerSettings {
  /** Stores by alias. If none is called `default`, a memory store is. */
  readonly stores?: Readonly<Record<string, StoreConfig>>;
  /** Custom store types, by the name that `stores` uses. */
  readonly storeTypes?: Readonly<Record<string, StoreTypeFactory>>;
  /** Executors by alias. If none is called `default`, an `async` one is. */
  readonly executors?: Readonly<Record<string, ExecutorConfig>>;
  /**
   * Whether every event is also emitted through the `EventEmitter2` of `@nestjs/event-emitter`, as `asyncz.run.failed`.
   *
   * @default false
   */
  readonly eventEmitter?: boolean;
  /**
   * Whether the global guards, interceptors, pipes and filters of the application apply to runs: all, none, or those of the kinds
   * in a list. If it is left out, none does, and a warning at the start names them. See `docs/execution.md`.
   *
   * @default false
   */
  readonly globalEnhancers?: GlobalEnhancers;
  /**
   * Whether the logger of the application gets task, run, handler, attempt and store as fields, and how: see
   * `docs/observability.md`. If it is left out, they stand in the message alone.
   */
  readonly logFields?: LogFieldsMode;
  /** Modules that export providers for stores, if those modules are not global. */
  readonly imports?: ModuleMetadata['imports'];
  /**
   * Whether the scheduler starts with the application. If not, `SchedulerService.start()` starts it, at any time after the
   * modules have initialised; tasks that are added before wait in memory. The close of the application stops it either way.
   *
   * @default true
   */
  readonly autoStart?: boolean;
}

/**
 * The options that the factory of `forRootAsync` returns: those that are not needed to build the module.
 *
 * @publicApi
 */
export type AsynczRuntimeOptions = Omit<AsynczModuleOptions, 'name' | 'imports' | 'storeTypes'>;

/**
 * A class that makes the options, for `useClass` and `useExisting`.
 *
 * @publicApi
 */
export interface AsynczOptionsFactory {
  createAsynczOptions(): Awaitable<AsynczRuntimeOptions>;
}

/**
 * Options of `AsynczModule.forRootAsync`. Options that shape the module stand here: `name`, `imports`, and the stores that
 * inject something or are injected with `@InjectStore`. The factory may return further stores.
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
