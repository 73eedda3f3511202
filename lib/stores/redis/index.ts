export { redisStore } from './redis-store.config.js';
export type { RedisExistingOptions } from './redis-store.config.js';
export { RedisStore } from './redis.store.js';
export type { RedisClientOptions, RedisServerOptions, RedisStoreOptions, RedisStoreSettings } from './redis.options.js';
