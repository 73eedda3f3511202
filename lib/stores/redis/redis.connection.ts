import ioredis from 'ioredis';
import type { Redis, RedisOptions } from 'ioredis';
import { StoreUnavailableError } from '../../errors/store.errors.js';
import { MACHINE } from '../../model/clock.js';
import { pause } from '../../time/wait.js';
import { connectWithRetry } from '../connect-retry.js';
import type { StoreContext } from '../store.interface.js';
import { addressOf, isCluster } from './redis.address.js';
import type { RedisClient } from './redis.address.js';
import { renewStuckHandshakes } from './redis.handshake.js';
import type { ResolvedOptions } from './redis.options.js';

// Not by name: Node.js sees the name `Redis` in ioredis 5.1 and later only.
const { default: RedisClass } = ioredis;

/** How long one command may take before it is given up, in milliseconds. Whoever asked tries again later. */
const COMMAND_TIMEOUT_MS = 5_000;

/** How long a command waits for a lost connection to come back, in milliseconds. */
const RECONNECT_WAIT_MS = 3_000;

/** How long is waited before a server that has become a replica is asked again, in milliseconds. */
const REFUSED_WAIT_MS = 200;

/** How long the first connection may take, in milliseconds. */
const CONNECT_TIMEOUT_MS = 10_000;

/** How long a connection that is ended may take before it is cut, in milliseconds. */
const DISCONNECT_TIMEOUT_MS = 500;

/** How long a second connection may take to show that the server is there, in milliseconds. */
const PROBE_TIMEOUT_MS = 2_000;

/** After how long without a word the system asks whether the other end is there, in milliseconds. */
const KEEP_ALIVE_MS = 5_000;

/** How long a closing connection may take to say goodbye, in milliseconds. */
const QUIT_TIMEOUT_MS = 1_000;

/** What a connection of the store's own differs in from ioredis's defaults, where the options do not say otherwise. */
const OWN_DEFAULTS: RedisOptions = {
  // What was sent when the connection broke is sent again: scripts know a repetition by its nonce. But not for longer
  // than some three seconds, so that an outage is reported.
  maxRetriesPerRequest: 10,
  retryStrategy: (times) => Math.min(times * 50, 1_000),
  connectTimeout: CONNECT_TIMEOUT_MS,
  keepAlive: KEEP_ALIVE_MS,
  disconnectTimeout: DISCONNECT_TIMEOUT_MS,
};

/** Does nothing: for promises whose failure is reported elsewhere. */
export const ignore = (): void => {};

/**
 * A store's way to Redis: its own client, or the application's, which it leaves open.
 *
 * A connection that the network has lost without a word stays open here for a quarter of an hour, and every command on it
 * waits in vain. So one on which nothing is heard for as long as a command may take is made anew: the store's own at once, the
 * application's when a second one shows that the server is there, since others wait on it too.
 */
export class RedisConnection {
  readonly #owned: boolean;
  #lastError: Error | null = null;
  #waiting: Promise<void> | null = null;
  /** When the server last answered, on the monotonic clock. */
  #heardAt = -Infinity;
  /** When the connection was made, on the monotonic clock. */
  #connectedAt = -Infinity;
  #isProbing = false;
  readonly #renewalListeners = new Set<() => void>();
  #endWatch = ignore;

  private constructor(
    readonly client: RedisClient,
    owned: boolean,
  ) {
    this.#owned = owned;
    if (owned) client.on('error', (error: Error) => (this.#lastError = error));
    if (isCluster(client)) return;
    const connected = () => (this.#connectedAt = MACHINE.monotonic());
    const endWatch = renewStuckHandshakes(client);
    client.on('connect', connected);
    this.#endWatch = () => {
      endWatch();
      client.off('connect', connected);
    };
  }

  /** Calls `listener` when the connection is made anew, since the network may have lost others as well. */
  onRenewal(listener: () => void): void {
    this.#renewalListeners.add(listener);
  }

  /**
   * Connects, as often as the options say.
   *
   * @param connectionName How the server lists the connection.
   * @throws StoreUnavailableError With the address and the reason.
   */
  static open(options: ResolvedOptions, connectionName: string, context: StoreContext): Promise<RedisConnection> {
    return connectWithRetry(options.connectRetry, context, async () => {
      const connection = RedisConnection.#create(options, connectionName);
      try {
        await connection.#connect();
        return connection;
      } catch (error) {
        await connection.close();
        throw error;
      }
    });
  }

  static #create({ connection }: ResolvedOptions, connectionName: string): RedisConnection {
    if ('client' in connection) return new RedisConnection(connection.client, false);
    // A master that has become a replica refuses every write until the client asks again where the master is. ioredis must not
    // send the command again itself: it would do so for as long as it takes, when whoever asked has long given up.
    const defaults = { connectionName, ...OWN_DEFAULTS, reconnectOnError: isRefusal };
    const redis: RedisOptions = { ...defaults, ...connection.redis, lazyConnect: true };
    const client = connection.url === undefined ? new RedisClass(redis) : new RedisClass(connection.url, redis);
    return new RedisConnection(client, true);
  }

  get address(): string {
    return addressOf(this.client);
  }

  get isReady(): boolean {
    return this.client.status === 'ready';
  }

  async #connect(): Promise<void> {
    if (!this.isReady) await this.#ready(CONNECT_TIMEOUT_MS, true);
  }

  /**
   * Runs one command on a connection that is there, or comes back soon. Where the server has become a replica, it is run again
   * for a moment: another one may be the master by then.
   *
   * @throws StoreUnavailableError When there is none, it breaks, or no answer comes in time.
   */
  async run<T>(command: (client: RedisClient) => Promise<T>): Promise<T> {
    const lastAt = MACHINE.monotonic() + RECONNECT_WAIT_MS;
    for (;;) {
      try {
        return await this.#runOnce(command);
      } catch (error) {
        const isTriedAgain = this.#owned && isRefusal(error) && MACHINE.monotonic() < lastAt;
        if (!isTriedAgain) throw this.#unavailable(error);
      }
      await pause(MACHINE, REFUSED_WAIT_MS);
    }
  }

  async #runOnce<T>(command: (client: RedisClient) => Promise<T>): Promise<T> {
    if (!this.isReady) {
      this.#waiting ??= this.#ready(RECONNECT_WAIT_MS, false).finally(() => (this.#waiting = null));
      await this.#waiting;
    }
    const askedAt = MACHINE.monotonic();
    let cancel = (): void => {};
    const timeout = new Promise<never>((_, reject) => {
      const late = () => {
        reject(new Error(`no answer within ${COMMAND_TIMEOUT_MS} ms`));
        if (Math.max(this.#heardAt, this.#connectedAt) < askedAt) this.#renew();
      };
      cancel = MACHINE.schedule(late, COMMAND_TIMEOUT_MS);
    });
    try {
      const answer = await Promise.race([command(this.client), timeout]);
      this.#heardAt = MACHINE.monotonic();
      return answer;
    } finally {
      cancel();
    }
  }

  /** Closes what the store opened. */
  async close(): Promise<void> {
    this.#endWatch();
    if (this.#owned) await closeClient(this.client);
  }

  /** Nothing is heard on the connection. A cluster looks after the connections to its nodes itself. */
  #renew(): void {
    const { client } = this;
    if (isCluster(client)) return;
    if (this.#owned) this.#disconnect(client);
    else if (!this.#isProbing) void this.#renewIfServerAnswers(client);
  }

  async #renewIfServerAnswers(client: Redis): Promise<void> {
    this.#isProbing = true;
    const askedAt = MACHINE.monotonic();
    const probe = client.duplicate({ lazyConnect: true, retryStrategy: () => null, connectTimeout: PROBE_TIMEOUT_MS });
    probe.on('error', ignore);
    const cancel = MACHINE.schedule(() => probe.disconnect(), PROBE_TIMEOUT_MS);
    try {
      await probe.ping();
      if (this.#heardAt < askedAt) this.#disconnect(client);
    } catch {
      // The server is away or busy, and a new connection would be no better.
    } finally {
      cancel();
      probe.disconnect();
      this.#isProbing = false;
    }
  }

  /**
   * Ends the connection. On the store's own nothing is sent again: whoever asked has given up, and a claim that nobody waits for
   * would keep its tasks to itself. The next command makes another connection; a client of the application does so by itself.
   */
  #disconnect(client: Redis): void {
    client.disconnect(!this.#owned);
    for (const listener of this.#renewalListeners) listener();
  }

  /** @param failFast Whether the first error is the end, or a connection that is being tried again is waited for. */
  #ready(timeoutMs: number, failFast: boolean): Promise<void> {
    const { client } = this;
    return new Promise<void>((resolve, reject) => {
      let reason: Error | null = null;
      const done = (error?: unknown) => {
        cancel();
        client.off('ready', ready).off('error', failed).off('end', ended);
        if (error === undefined) resolve();
        else reject(this.#unavailable(error));
      };
      const ready = () => done();
      const failed = (error: Error) => {
        reason = error;
        if (failFast) done(error);
      };
      const ended = () => done(reason ?? this.#lastError ?? new Error('the connection is closed'));
      const late = () => done(reason ?? this.#lastError ?? new Error(`no connection within ${timeoutMs} ms`));
      const cancel = MACHINE.schedule(late, timeoutMs);
      client.on('ready', ready).on('error', failed).on('end', ended);
      const { status } = client;
      if (status === 'ready') done();
      else if (status === 'end' && !this.#owned) ended();
      else if (status === 'wait' || status === 'end') client.connect().catch(ignore);
    });
  }

  /** Never with the error of ioredis as the cause: that holds the arguments of the command, which are the user's data. */
  #unavailable(error: unknown): StoreUnavailableError {
    if (error instanceof StoreUnavailableError) return error;
    const { message: said } = reasonOf(error, this.#lastError);
    const message = said.includes('READONLY') ? `it has become a read-only replica, and is no primary: ${said}` : said;
    return new StoreUnavailableError(this.address, message);
  }
}

/** Whether a server does not write, since it is a replica. */
function isRefusal(error: unknown): boolean {
  return error instanceof Error && error.message.includes('READONLY');
}

/** Says goodbye where there is a connection, and ends it in any case. */
export async function closeClient(client: RedisClient): Promise<void> {
  if (client.status === 'ready') {
    let cancel = ignore;
    const timeout = new Promise<void>((resolve) => (cancel = MACHINE.schedule(resolve, QUIT_TIMEOUT_MS)));
    await Promise.race([client.quit().catch(ignore), timeout]);
    cancel();
  }
  if (client.status !== 'end') client.disconnect();
}

/** A connection like this one that does nothing but listen. */
export function subscriberOf(client: RedisClient, connectionName: string): RedisClient {
  if (isCluster(client)) return client.duplicate([], { lazyConnect: true });
  return client.duplicate({
    connectionName,
    lazyConnect: true,
    autoResubscribe: true,
    enableOfflineQueue: true,
    maxRetriesPerRequest: null,
    commandTimeout: undefined,
    monitor: false,
  });
}

/** The error that says why: ioredis reports a broken connection in one and a used-up number of tries in another. */
function reasonOf(error: unknown, last: Error | null): Error {
  if (!(error instanceof Error)) return new Error(String(error));
  const tells = !/max retries per request|Connection is closed|isn't writeable/.test(error.message);
  // What a cluster says is in the node's own error.
  const { lastNodeError } = error as { lastNodeError?: unknown };
  if (lastNodeError instanceof Error) return lastNodeError;
  return tells || last === null ? error : last;
}
