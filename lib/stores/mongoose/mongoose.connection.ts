import type { Connection, mongo } from 'mongoose';
import { StoreUnavailableError } from '../../errors/store.errors.js';
import type { Clock } from '../../model/clock.js';
import { connectWithRetry } from '../connect-retry.js';
import type { StoreContext } from '../store.interface.js';
import { unavailable } from './mongoose.errors.js';
import { createClient } from './mongoose.options.js';
import type { ResolvedOptions } from './mongoose.options.js';
import { reopenWhenStuck } from './mongoose.stuck-monitor.js';

/** How long a connection of the application may take until it is open, in milliseconds. */
const OPEN_TIMEOUT_MS = 40_000;

/** What the store uses of the server's answer to `hello`. */
export interface Hello {
  readonly localTime: Date;
  /** The name of the replica set. */
  readonly setName?: string;
  /** `isdbgrid` for the router of a sharded cluster. */
  readonly msg?: string;
}

/** A store's way to MongoDB: its own client, or the application's, which it leaves open. */
export class MongooseConnection {
  private constructor(
    readonly client: mongo.MongoClient,
    readonly database: mongo.Db,
    /** Ends the watch over a client of the store's own; null for one of the application, which the store leaves alone. */
    private readonly stopWatch: (() => void) | null,
  ) {}

  /**
   * Connects, as often as the options say.
   *
   * @throws StoreUnavailableError With the address and the reason.
   */
  static open(options: ResolvedOptions, context: StoreContext): Promise<MongooseConnection> {
    return connectWithRetry(options.connectRetry, context, async () => {
      const connection = await MongooseConnection.#create(options, context.clock);
      try {
        await connection.hello();
        return connection;
      } catch (error) {
        await connection.close();
        throw error;
      }
    });
  }

  static async #create({ source, database }: ResolvedOptions, clock: Clock): Promise<MongooseConnection> {
    if ('uri' in source) {
      const client = createClient(source);
      return new MongooseConnection(client, client.db(database), reopenWhenStuck(client, clock));
    }
    if ('client' in source) return new MongooseConnection(source.client, source.client.db(database), null);
    const { connection } = source;
    await opened(connection, clock);
    const client = connection.getClient() as mongo.MongoClient;
    return new MongooseConnection(client, database === undefined ? connection.db! : client.db(database), null);
  }

  /** Its kind, where it is and which database, without names and passwords. */
  get address(): string {
    return `${addressOfClient(this.client)}, database "${this.database.databaseName}"`;
  }

  /** @throws StoreUnavailableError When the server does not answer. */
  async hello(): Promise<Hello> {
    try {
      return (await this.client.db('admin').command({ hello: 1 }, { readPreference: 'primary' })) as unknown as Hello;
    } catch (error) {
      throw unavailable(this.address, error);
    }
  }

  /** Closes what the store opened. */
  async close(): Promise<void> {
    if (this.stopWatch === null) return;
    this.stopWatch();
    await this.client.close();
  }
}

/** Where the options lead to, for messages: never a name or a password. */
export function addressOfOptions({ source, database }: Pick<ResolvedOptions, 'source' | 'database'>): string {
  const where =
    'connection' in source
      ? addressOfConnection(source.connection)
      : addressOfClient('uri' in source ? createClient(source) : source.client);
  return database === undefined ? where : `${where}, database "${database}"`;
}

function addressOfClient(client: mongo.MongoClient): string {
  return `MongoDB at ${hostsOf(client)}`;
}

function addressOfConnection({ host, port }: Connection): string {
  return `MongoDB at ${host ? `${host}:${port}` : 'a connection of Mongoose'}`;
}

function hostsOf({ options }: mongo.MongoClient): string {
  const { srvHost, hosts } = options;
  return srvHost ?? hosts.map(String).join(', ');
}

/** Waits until a connection of the application, which may still be connecting, can be used. */
async function opened(connection: Connection, clock: Clock): Promise<void> {
  const address = addressOfConnection(connection);
  let cancel = () => {};
  const late = new Promise<never>((_, reject) => {
    const reason = `its connection was not opened within ${OPEN_TIMEOUT_MS} ms`;
    cancel = clock.schedule(() => reject(new StoreUnavailableError(address, reason)), OPEN_TIMEOUT_MS);
  });
  try {
    await Promise.race([connection.asPromise(), late]);
  } catch (error) {
    throw unavailable(address, (error as Error).cause instanceof Error ? (error as Error).cause : error);
  } finally {
    cancel();
  }
  if (!connection.db) throw new StoreUnavailableError(address, 'the connection was never told to open: call openUri');
}
