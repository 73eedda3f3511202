export { describeStore } from './describe-store.js';
export type { BorrowedStore, CreateStore, DescribeStoreOptions, StoreRequest } from './describe-store.options.js';
export { createStoreContext } from './store-context.js';
export type { StoreContextOptions } from './store-context.js';
export { makeLiveRun, makeRun, makeTask } from './task.fixtures.js';
export type { TaskFields } from './task.fixtures.js';
export { TestRunnerMissingError } from './test-hooks.js';
export type { TestHooks } from './test-hooks.js';
export { until, UntilTimeoutError } from './until.js';
