import mongoose from 'mongoose';
import type { Connection, mongo } from 'mongoose';
import { InvalidOptionError, rejectUnknownOptions } from '../../errors/input.errors.js';
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
   * The collection of tasks. Those of ended runs, schedulers and wake-ups are named after it: `asyncz_runs`,
   * `asyncz_schedulers` and `asyncz_wakes` for `asyncz_tasks`, `jobs_runs` and so on for `jobs`.
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
 * A connection that the store opens and closes itself: a `uri`, and any option of the driver's `MongoClient` beside it.
 *
 * @publicApi
 */
export interface MongooseUriOptions extends MongooseStoreSettings, mongo.MongoClientOptions {
  /** `mongodb://user:password@host:port/database` or `mongodb+srv://…`. */
  readonly uri: string;
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

/** @publicApi */
export type MongooseStoreOptions = MongooseUriOptions | MongooseConnectionOptions | MongooseClientOptions;

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

/** Every option that is not about the connection. The type makes sure that none is missing. */
export const SETTINGS = Object.keys({
  database: true,
  collection: true,
  serializer: true,
  connectRetry: true,
} satisfies Record<keyof MongooseStoreSettings, true>);

const DEFAULT_COLLECTION = 'asyncz_tasks';

/** MongoDB allows 255 bytes for the names of database and collection together. */
const MAX_NAME_LENGTH = 120;

/** What a client of the store's own differs in from the driver's defaults, where the options do not say otherwise. */
const OWN_DEFAULTS: mongo.MongoClientOptions = {
  appName: 'nestjs-asyncz',
  // An outage is to be told of, not waited out for half a minute in every call.
  serverSelectionTimeoutMS: 5_000,
  connectTimeoutMS: 5_000,
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
  const { uri, connection, client } = options as Partial<
    MongooseUriOptions & MongooseConnectionOptions & MongooseClientOptions
  >;
  const given = [uri, connection, client].filter((one) => one !== undefined).length;
  if (given !== 1)
    throw new InvalidOptionError('MongooseStore', `${given} of them`, 'one of uri, connection and client');
  // Not instanceof: the application may have another copy of Mongoose or of the driver.
  if (connection !== undefined) {
    rejectUnknownOptions('MongooseStore with a connection', options, [...SETTINGS, 'connection']);
    if (typeof connection?.getClient !== 'function') {
      throw new InvalidOptionError('connection', typeof connection, 'a Connection of Mongoose');
    }
    return { connection };
  }
  if (client !== undefined) {
    rejectUnknownOptions('MongooseStore with a client', options, [...SETTINGS, 'client']);
    if (typeof client?.db !== 'function') {
      throw new InvalidOptionError('client', typeof client, 'a MongoClient, such as mongoose.mongo.MongoClient');
    }
    return { client };
  }
  return uriSource(options as MongooseUriOptions);
}

function uriSource(options: MongooseUriOptions): ConnectionSource {
  const { uri, database: _1, collection: _2, serializer: _3, connectRetry: _4, ...rest } = options;
  const source = { uri, options: { ...OWN_DEFAULTS, ...rest } };
  try {
    // It knows its own options best, and connects to nothing yet.
    createClient(source);
  } catch (error) {
    const shown = typeof uri === 'string' ? uri.replace(/\/\/.*@/, '//***@') : uri;
    const reason = error instanceof Error ? error.message : String(error);
    throw new InvalidOptionError(
      'uri or an option beside it',
      shown,
      `mongodb://host:port/database and the options of MongoClient; the driver says: ${reason}`,
      { cause: error },
    );
  }
  return source;
}

/** Makes a client that is not connected. */
export function createClient({ uri, options }: { uri: string; options: mongo.MongoClientOptions }): mongo.MongoClient {
  return new mongoose.mongo.MongoClient(uri, options);
}
