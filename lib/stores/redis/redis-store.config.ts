import { rejectUnknownOptions } from '../../errors/input.errors.js';
import type { ProviderToken, StoreProvider } from '../store.provider.js';
import type { RedisClient } from './redis.address.js';
import { resolveOptions, SETTINGS } from './redis.options.js';
import type { RedisStoreOptions, RedisStoreSettings } from './redis.options.js';
import { RedisStore } from './redis.store.js';

/**
 * A store on a client that the application provides: that is never closed by the store.
 *
 * @publicApi
 */
export interface RedisExistingOptions extends RedisStoreSettings {
  /** The token of an ioredis `Redis` or `Cluster`. */
  readonly useExisting: ProviderToken;
}

/**
 * A Redis store for `AsynczModule.forRoot({ stores })`: on a connection of its own (`{ url }`, `{ host, port, … }`), on a
 * client that is at hand (`{ client }`), or on one that the application provides (`{ useExisting: TOKEN }`).
 *
 * @throws UnknownOptionError For an option that neither the store nor ioredis has.
 * @throws InvalidOptionError For a value that is not allowed.
 * @publicApi
 */
export function redisStore(options: RedisStoreOptions | RedisExistingOptions = {}): StoreProvider<RedisStore> {
  if (!('useExisting' in options)) {
    // Checked here, so that the stack of the error leads to the configuration.
    resolveOptions(options);
    return { inject: [], useFactory: () => new RedisStore(options) };
  }
  const { useExisting, ...settings } = options;
  rejectUnknownOptions('redisStore with useExisting', settings, SETTINGS);
  return { inject: [useExisting], useFactory: (client: RedisClient) => new RedisStore({ ...settings, client }) };
}
