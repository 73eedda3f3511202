// The public names of `nestjs-asyncz/api`: the operations over HTTP, and those on a scheduler of this process.

export { LocalOperations } from '../operations/local.operations.js';
export type { AnyScheduler, LocalOperationsOptions } from '../operations/operations.base.js';

export { AsynczApiModule } from './asyncz-api.module.js';
export type {
  ApiAuth,
  ApiGuard,
  ApiIdentity,
  ApiToken,
  AsynczApiModuleAsyncOptions,
  AsynczApiModuleOptions,
  AsynczApiRuntimeOptions,
} from './api.options.js';
