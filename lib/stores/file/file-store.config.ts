import type { StoreProvider } from '../store.provider.js';
import { FileStore } from './file.store.js';
import type { FileStoreOptions } from './file-store.options.js';

/**
 * A store in a directory of files, for the `stores` of `AsynczModule.forRoot`.
 *
 * @throws UnknownOptionError, InvalidOptionError When the container builds it.
 * @publicApi
 */
export function fileStore(options: FileStoreOptions): StoreProvider<FileStore> {
  return { inject: [], useFactory: () => new FileStore(options) };
}
