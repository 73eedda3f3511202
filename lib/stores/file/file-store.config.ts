import { FileStore } from './file.store.js';
import type { FileStoreOptions } from './file-store.options.js';

/**
 * A store as `AsynczModule.forRoot({ stores })` takes it: built by the container.
 *
 * @publicApi
 */
export interface FileStoreConfig {
  readonly inject: [];
  readonly useFactory: () => FileStore;
}

/**
 * A store in a directory of files, for the `stores` of `AsynczModule.forRoot`.
 *
 * @throws UnknownOptionError, InvalidOptionError When the container builds it.
 * @publicApi
 */
export function fileStore(options: FileStoreOptions): FileStoreConfig {
  return { inject: [], useFactory: () => new FileStore(options) };
}
