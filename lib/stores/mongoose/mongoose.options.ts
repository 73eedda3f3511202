import mongoose from 'mongoose';
import type { Connection, mongo } from 'mongoose';
import { InvalidOptionError, rejectUnknownOptions } from '../../errors/input.errors.js';
import { namesOf } from '../../model/names.js';
import { resolveConnectRetry } from '../connect-retry.js';
import type { ConnectRetry, ResolvedConnectRetry } from '../connect-retry.js';

/**
 * The options of a MongoDB store that have nothing to do with the connection.
 *
 * @publicApi
 */
export interface MongooseStoreSettings {
  /** The name of the database. @default that of the connection */
  readonly database?: string;
  /**
   * The collection of tasks. Those of ended runs, the journal, schedulers and wake-ups are named after it:
   * `asyncz_runs`, `asyncz_journal`, `asyncz_schedulers` and `asyncz_wakes` for `asyncz_tasks`, `jobs_runs` and so on for `jobs`.
   *
   * @default 'asyncz_tasks'
   */
  readonly collection?: string;
  /** The name of the serializer. @default 'json' */
  readonly serializer?: string;
  /** Waits for a server that is down at the start, instead of failing at once. */
  readonly connectRetry?: ConnectRetry;
}

/**
 * A connection that the store opens and closes itself: a `url`, or `host`, `port`, `user` and `password`, and any option of the
 * driver's `MongoClient` beside it.
 *
 * @publicApi
 */
export interface MongooseServerOptions extends MongooseStoreSettings, mongo.MongoClientOptions {
  /** `mongodb://user:password@host:port/database` or `mongodb+srv://…`. */
  readonly url?: string;
  /** The same as `url`. */
  readonly uri?: string;
  /** The name or address of the server, instead of a `url`. */
  readonly host?: string;
  /** @default 27017 */
  readonly port?: number;
  /** The user, who is looked up in the database `admin` unless `authSource` names another. */
  readonly user?: string;
  readonly password?: string;
}

/**
 * A Mongoose connection of the application, open or about to be. The store never closes it.
 *
 * @publicApi
 */
export interface MongooseConnectionOptions extends MongooseStoreSettings {
  readonly connection: Connection;
}

/**
 * A `MongoClient` of the application: `mongoose.mongo.MongoClient`. The store never closes it.
 *
 * @publicApi
 */
export interface MongooseClientOptions extends MongooseStoreSettings {
  readonly client: mongo.MongoClient;
}

/**
 * Options of a {@link MongooseStore}: with a connection or a client of the application, or with a connection of its
 * own.
 *
 * @publicApi
 */
export type MongooseStoreOptions = MongooseServerOptions | MongooseConnectionOptions | MongooseClientOptions;

/** Where the store's way to the server comes from. */
export type ConnectionSource =
  | { readonly connection: Connection }
  | { readonly client: mongo.MongoClient }
  | { readonly uri: string; readonly options: mongo.MongoClientOptions };

/** What a store works with: every field filled in and checked. */
export interface ResolvedOptions {
  readonly source: ConnectionSource;
  readonly database: string | undefined;
  readonly collection: string;
  readonly serializer: string | undefined;
  readonly connectRetry: ResolvedConnectRetry;
}

/** Every option that is not about the connection. */
export const SETTINGS = namesOf<keyof MongooseStoreSettings>({
  database: 0,
  collection: 0,
  serializer: 0,
  connectRetry: 0,
});

type OwnOption<T> = Exclude<keyof T, keyof MongooseStoreSettings>;

const CONNECTION_OPTIONS = [...SETTINGS, ...namesOf<OwnOption<MongooseConnectionOptions>>({ connection: 0 })];
const CLIENT_OPTIONS = [...SETTINGS, ...namesOf<OwnOption<MongooseClientOptions>>({ client: 0 })];

const DEFAULT_COLLECTION = 'asyncz_tasks';

/** MongoDB allows 255 bytes for the names of database and collection together. */
const MAX_NAME_LENGTH = 120;

/** What a client of the store's own differs in from the driver's defaults, where the options do not say otherwise. */
const OWN_DEFAULTS: mongo.MongoClientOptions = {
  appName: 'nestjs-asyncz',
  // An outage is an error soon, not a wait of half a minute in every call.
  serverSelectionTimeoutMS: 5_000,
  connectTimeoutMS: 5_000,
  // A server that does not answer is noticed by the driver's watch over it, after both of these times at the latest.
  heartbeatFrequencyMS: 5_000,
  socketTimeoutMS: 30_000,
};

/**
 * Checks the options and fills in what is missing.
 *
 * @throws UnknownOptionError For an option that there is not.
 * @throws InvalidOptionError For a value that is not allowed, and for options that contradict each other.
 */
export function resolveOptions(options: MongooseStoreOptions): ResolvedOptions {
  const { serializer } = options;
  return {
    source: sourceOf(options),
    ...resolveNames(options),
    serializer,
    connectRetry: resolveConnectRetry(options.connectRetry),
  };
}

/** Checks what is named by text. */
export function resolveNames(options: MongooseStoreSettings): Pick<ResolvedOptions, 'database' | 'collection'> {
  const { database, collection = DEFAULT_COLLECTION } = options;
  for (const [option, name, forbidden] of [
    ['database', database ?? 'x', /[\s\p{Cc}/\\."$*<>:|?]/u],
    ['collection', collection, /[\p{Cc}$]|^system\.|^\.|\.$|\.\./u],
  ] as const) {
    if (typeof name !== 'string' || name === '' || name.length > MAX_NAME_LENGTH || forbidden.test(name)) {
      throw new InvalidOptionError(
        option,
        name,
        `a name that MongoDB allows, of at most ${MAX_NAME_LENGTH} characters`,
      );
    }
  }
  return { database, collection };
}

function sourceOf(options: MongooseStoreOptions): ConnectionSource {
  const { url, uri, host, connection, client } = options as Partial<
    MongooseServerOptions & MongooseConnectionOptions & MongooseClientOptions
  >;
  const given = [url, uri, host, connection, client].filter((one) => one !== undefined).length;
  if (given !== 1)
    throw new InvalidOptionError('MongooseStore', `${given} of them`, 'one of url, host, connection and client');
  // Not instanceof: the application may have another copy of Mongoose or of the driver.
  if (connection !== undefined) {
    rejectUnknownOptions('MongooseStore with a connection', options, CONNECTION_OPTIONS);
    if (typeof connection?.getClient !== 'function') {
      throw new InvalidOptionError('connection', typeof connection, 'a Connection of Mongoose');
    }
    return { connection };
  }
  if (client !== undefined) {
    rejectUnknownOptions('MongooseStore with a client', options, CLIENT_OPTIONS);
    if (typeof client?.db !== 'function') {
      throw new InvalidOptionError('client', typeof client, 'a MongoClient, such as mongoose.mongo.MongoClient');
    }
    return { client };
  }
  return serverSource(options as MongooseServerOptions);
}

function serverSource(options: MongooseServerOptions): ConnectionSource {
  const { url, uri: alias, host, port, user, password, ...others } = options;
  const { database: _1, collection: _2, serializer: _3, connectRetry: _4, ...rest } = others;
  const parts = { port, user, password };
  const uri = url ?? alias ?? uriOf(host, parts);
  for (const [option, value] of Object.entries(parts)) {
    if (value !== undefined && host === undefined) {
      throw new InvalidOptionError(option, 'given', 'left out beside a url, which has its own');
    }
  }
  const source = { uri, options: { ...OWN_DEFAULTS, ...rest } };
  try {
    // It knows its own options best, and connects to nothing yet.
    createClient(source);
  } catch (error) {
    const shown = typeof uri === 'string' ? uri.replace(/\/\/.*@/, '//***@') : uri;
    const reason = error instanceof Error ? error.message : String(error);
    throw new InvalidOptionError(
      'url or an option beside it',
      shown,
      `mongodb://host:port/database and the options of MongoClient; the driver says: ${reason}`,
      { cause: error },
    );
  }
  return source;
}

/** The address that host, port, user and password stand for. */
function uriOf(
  host: unknown,
  { port = 27_017, user, password }: Pick<MongooseServerOptions, 'port' | 'user' | 'password'>,
): string {
  if (typeof host !== 'string' || !/^[^\s/@?#,]+$/.test(host)) {
    throw new InvalidOptionError('host', host, 'the name or address of one server; several belong into a url');
  }
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new InvalidOptionError('port', port, 'a whole number from 1 to 65535');
  }
  if (user !== undefined && (typeof user !== 'string' || user === '')) {
    throw new InvalidOptionError('user', user, 'a text that is not empty');
  }
  if (password !== undefined && (typeof password !== 'string' || user === undefined)) {
    throw new InvalidOptionError('password', typeof password, 'a text, beside a user');
  }
  const secret = password === undefined ? '' : `:${encodeURIComponent(password)}`;
  const login = user === undefined ? '' : `${encodeURIComponent(user)}${secret}@`;
  // Colons of an IPv6 address are not those of a port.
  const address = host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
  return `mongodb://${login}${address}:${port}/`;
}

/** Makes a client that is not connected. */
export function createClient({ uri, options }: { uri: string; options: mongo.MongoClientOptions }): mongo.MongoClient {
  return new mongoose.mongo.MongoClient(uri, options);
}
