import { rejectUnknownOptions } from '../../errors/input.errors.js';
import type { RedisClient } from './redis.address.js';
import { resolveOptions, SETTINGS } from './redis.options.js';
import type { RedisStoreOptions, RedisStoreSettings } from './redis.options.js';
import { RedisStore } from './redis.store.js';

/** What names a provider of the application. */
type Token = string | symbol | (abstract new (...args: never[]) => unknown);

/**
 * A store on a client that the application provides: that is never closed by the store.
 *
 * @publicApi
 */
export interface RedisExistingOptions extends RedisStoreSettings {
  /** The token of an ioredis `Redis` or `Cluster`. */
  readonly useExisting: Token;
}

/**
 * A store as `AsynczModule.forRoot({ stores })` takes it: built by the container.
 *
 * @publicApi
 */
export interface RedisStoreConfig {
  readonly inject: Token[];
  readonly useFactory: (client?: RedisClient) => RedisStore;
}

/**
 * A Redis store for `AsynczModule.forRoot({ stores })`: on a connection of its own (`{ url }`, `{ host, port, … }`), on a
 * client that is at hand (`{ client }`), or on one that the application provides (`{ useExisting: TOKEN }`).
 *
 * @throws UnknownOptionError For an option that neither the store nor ioredis has.
 * @throws InvalidOptionError For a value that is not allowed.
 * @publicApi
 */
export function redisStore(options: RedisStoreOptions | RedisExistingOptions = {}): RedisStoreConfig {
  if (!('useExisting' in options)) {
    // Checked here, so that the stack of the error leads to the configuration.
    resolveOptions(options);
    return { inject: [], useFactory: () => new RedisStore(options) };
  }
  const { useExisting, ...settings } = options;
  rejectUnknownOptions('redisStore with useExisting', settings, SETTINGS);
  return { inject: [useExisting], useFactory: (client) => new RedisStore({ ...settings, client: client! }) };
}
