import type { Cluster, Redis, RedisOptions } from 'ioredis';
import { InvalidOptionError, rejectUnknownOptions } from '../../errors/input.errors.js';
import { namesOf } from '../../model/names.js';
import { resolveConnectRetry } from '../connect-retry.js';
import type { ConnectRetry, ResolvedConnectRetry } from '../connect-retry.js';
import { addressOf, addressOfServer } from './redis.address.js';
import { DEFAULT_RUN_TIMES_KEY, DEFAULT_TASKS_KEY } from './redis.keys.js';

/**
 * The options of a Redis store that have nothing to do with the connection.
 *
 * @publicApi
 */
export interface RedisStoreSettings {
  /**
   * The hash of tasks. The names of all other keys are made of it, so that they are in one slot of a Redis Cluster.
   *
   * @default 'asyncz.tasks'
   */
  readonly tasksKey?: string;
  /**
   * The sorted set of next run times. Unless it carries the same hash tag as {@link tasksKey}, that tag is put in front
   * of it: `{asyncz.tasks}:asyncz.run_times`.
   *
   * @default 'asyncz.run_times'
   */
  readonly runTimesKey?: string;
  /** The name of the serializer. @default 'json' */
  readonly serializer?: string;
  /** Waits for a server that is down at the start, instead of failing at once. */
  readonly connectRetry?: ConnectRetry;
}

/**
 * A connection that the store opens and closes itself: a `url`, or `host` and `port`, or `path`, or `sentinels`, and any
 * other option of ioredis.
 *
 * @publicApi
 */
export interface RedisServerOptions extends RedisStoreSettings, RedisOptions {
  /** `redis://user:password@host:port/database`, or `rediss://` for TLS. Other options stand beside it. */
  readonly url?: string;
  /** The number of the database; the same as `db`. @default 0 */
  readonly database?: number;
}

/**
 * The application's own client. The store never closes it; for wake-ups it opens a second connection of the same kind.
 *
 * @publicApi
 */
export interface RedisClientOptions extends RedisStoreSettings {
  readonly client: Redis | Cluster;
}

/**
 * Options of a {@link RedisStore}: with a client of the application, or with a connection of its own.
 *
 * @publicApi
 */
export type RedisStoreOptions = RedisServerOptions | RedisClientOptions;

/** What a store works with: every field filled in and checked. */
export interface ResolvedOptions {
  readonly tasksKey: string;
  readonly runTimesKey: string;
  readonly serializer: string | undefined;
  readonly connectRetry: ResolvedConnectRetry;
  /** The application's client, or how to make one. */
  readonly connection: { readonly client: Redis | Cluster } | { readonly url?: string; readonly redis: RedisOptions };
}

/** Every option that is not about the connection. */
export const SETTINGS = namesOf<keyof RedisStoreSettings>({
  tasksKey: 0,
  runTimesKey: 0,
  serializer: 0,
  connectRetry: 0,
});

type OwnOption<T> = Exclude<keyof T, keyof RedisStoreSettings>;

const CLIENT_OPTIONS = [...SETTINGS, ...namesOf<OwnOption<RedisClientOptions>>({ client: 0 })];

/** Every option of ioredis, so that a mistyped name is found. */
const IOREDIS = namesOf<keyof RedisOptions>({
  Connector: 0,
  autoPipeliningIgnoredCommands: 0,
  autoResendUnfulfilledCommands: 0,
  autoResubscribe: 0,
  blockingTimeout: 0,
  blockingTimeoutGrace: 0,
  clientInfoTag: 0,
  commandQueue: 0,
  commandTimeout: 0,
  connectTimeout: 0,
  connectionName: 0,
  db: 0,
  disableClientInfo: 0,
  disconnectTimeout: 0,
  enableAutoPipelining: 0,
  enableOfflineQueue: 0,
  enableReadyCheck: 0,
  enableTLSForSentinelMode: 0,
  failoverDetector: 0,
  family: 0,
  host: 0,
  keepAlive: 0,
  keyPrefix: 0,
  lazyConnect: 0,
  maxLoadingRetryTime: 0,
  maxRetriesPerRequest: 0,
  monitor: 0,
  name: 0,
  natMap: 0,
  noDelay: 0,
  offlineQueue: 0,
  password: 0,
  path: 0,
  port: 0,
  preferredSlaves: 0,
  readOnly: 0,
  reconnectOnError: 0,
  retryStrategy: 0,
  role: 0,
  scripts: 0,
  sentinelCommandTimeout: 0,
  sentinelMaxConnections: 0,
  sentinelPassword: 0,
  sentinelReconnectStrategy: 0,
  sentinelRetryStrategy: 0,
  sentinelTLS: 0,
  sentinelUsername: 0,
  sentinels: 0,
  showFriendlyErrorStack: 0,
  socketTimeout: 0,
  stringNumbers: 0,
  tls: 0,
  updateSentinels: 0,
  username: 0,
});

/** What ioredis 6 has besides. */
const IOREDIS_6 = ['himportFieldsets', 'protocol', 'replyMapping'];

const SERVER_OPTIONS = [
  ...SETTINGS,
  'client',
  ...namesOf<Exclude<OwnOption<RedisServerOptions>, keyof RedisOptions>>({ url: 0, database: 0 }),
  ...IOREDIS,
  ...IOREDIS_6,
];

/**
 * Checks the options and fills in what is missing.
 *
 * @throws UnknownOptionError For an option that neither the store nor ioredis has.
 * @throws InvalidOptionError For a value that is not allowed, and for options that contradict each other.
 */
export function resolveOptions(options: RedisStoreOptions): ResolvedOptions {
  const { tasksKey = DEFAULT_TASKS_KEY, runTimesKey = DEFAULT_RUN_TIMES_KEY, serializer, connectRetry } = options;
  for (const [name, value] of Object.entries({ tasksKey, runTimesKey })) {
    if (typeof value !== 'string' || value === '')
      throw new InvalidOptionError(name, value, 'a text that is not empty');
  }
  if (tasksKey === runTimesKey) throw new InvalidOptionError('runTimesKey', runTimesKey, 'another key than tasksKey');
  const connection = 'client' in options ? clientOf(options) : serverOf(options);
  return { tasksKey, runTimesKey, serializer, connectRetry: resolveConnectRetry(connectRetry), connection };
}

function clientOf(options: RedisClientOptions): ResolvedOptions['connection'] {
  rejectUnknownOptions('redisStore with a client', options, CLIENT_OPTIONS);
  const { client } = options;
  if (typeof client?.defineCommand !== 'function') {
    throw new InvalidOptionError('client', client, 'a Redis or Cluster object of ioredis');
  }
  return { client };
}

function serverOf(options: RedisServerOptions): ResolvedOptions['connection'] {
  const { tasksKey: _1, runTimesKey: _2, serializer: _3, connectRetry: _4, url, database, ...redis } = options;
  rejectUnknownOptions('redisStore', redis, SERVER_OPTIONS);
  const db = database ?? redis.db;
  if (db !== undefined && (!Number.isInteger(db) || db < 0)) {
    throw new InvalidOptionError('database', db, 'the number of a database, 0 or more');
  }
  if (database !== undefined && redis.db !== undefined && database !== redis.db) {
    throw new InvalidOptionError('db', redis.db, `the same as database, which is ${database}`);
  }
  return { ...(url !== undefined && { url: checkUrl(url, db) }), redis: { ...redis, ...(db !== undefined && { db }) } };
}

function checkUrl(url: unknown, db: number | undefined): string {
  const shown = typeof url === 'string' ? url.replace(/\/\/.*@/, '//***@') : url;
  const parsed = typeof url === 'string' && URL.canParse(url) ? new URL(url) : null;
  if (parsed === null || !['redis:', 'rediss:'].includes(parsed.protocol)) {
    throw new InvalidOptionError('url', shown, 'redis://host:port/database or rediss://host:port/database');
  }
  const own = /^\/(\d+)/.exec(parsed.pathname)?.[1];
  if (own !== undefined && db !== undefined && Number(own) !== db) {
    throw new InvalidOptionError('database', db, `the same as in the url, which is ${own}`);
  }
  return url as string;
}

/** Where the store is to connect to, for messages: never a name or a password. */
export function addressOfOptions({ connection }: Pick<ResolvedOptions, 'connection'>): string {
  if ('client' in connection) return addressOf(connection.client);
  const { url, redis } = connection;
  if (url === undefined) return addressOfServer(redis);
  const { hostname, port, pathname } = new URL(url);
  const db = redis.db ?? (Number(pathname.slice(1)) || 0);
  return addressOfServer({ host: hostname, port: Number(port) || 6_379, db, ...redis });
}
