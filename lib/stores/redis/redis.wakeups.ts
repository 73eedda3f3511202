import type { Logger } from '../../model/logger.js';
import { WakeListeners } from '../wake-listeners.js';
import { isCluster } from './redis.address.js';
import type { RedisClient } from './redis.address.js';
import { closeClient, ignore, subscriberOf } from './redis.connection.js';
import { renewStuckHandshakes } from './redis.handshake.js';

/** Wake-ups by PUBLISH. A connection that listens can do nothing else, so there is one more while somebody listens. */
export class RedisWakeUps {
  readonly #listeners = new WakeListeners();
  #subscriber: RedisClient | null = null;
  #endWatch = ignore;

  /**
   * @param sender Tells this store's own messages from those of others.
   */
  constructor(
    private readonly client: RedisClient,
    private readonly channel: string,
    private readonly sender: string,
    private readonly connectionName: string,
    private readonly logger: Logger,
  ) {}

  listen(listener: () => void): () => void {
    const end = this.#listeners.add(listener);
    if (!this.#subscriber) this.#subscribe();
    return () => {
      end();
      if (this.#listeners.size === 0) void this.close();
    };
  }

  /** The channel, and the message that something is due at `at`. */
  telling(at: number): [string, string] {
    return [this.channel, `${this.sender} ${at}`];
  }

  /** Tells the others. Never rejects: whoever misses it finds the task with the next poll. */
  async publish(at: number): Promise<void> {
    if (this.client.status !== 'ready') return;
    await this.client.publish(...this.telling(at)).catch(ignore);
  }

  /** Makes the connection that listens anew: it never finds out by itself that the network has lost it. */
  renew(): void {
    const subscriber = this.#subscriber;
    if (subscriber && !isCluster(subscriber)) subscriber.disconnect(true);
  }

  async close(): Promise<void> {
    const subscriber = this.#subscriber;
    this.#subscriber = null;
    this.#listeners.clear();
    this.#endWatch();
    if (subscriber) await closeClient(subscriber);
  }

  #subscribe(): void {
    const subscriber = subscriberOf(this.client, this.connectionName);
    this.#subscriber = subscriber;
    if (!isCluster(subscriber)) this.#endWatch = renewStuckHandshakes(subscriber);
    let told = false;
    const failed = (error: Error) => {
      if (told || this.#subscriber !== subscriber) return;
      told = true;
      this.logger.warn(
        `Wake-ups do not come in, so that tasks of other processes wait for the next poll: ${error.message}`,
      );
    };
    subscriber.on('error', failed);
    subscriber.on('message', (channel: string, message: string) => {
      if (channel === this.channel && !message.startsWith(`${this.sender} `)) this.#listeners.call(this.logger);
    });
    // ioredis subscribes again by itself. What was published while nobody listened is made up for by one look.
    subscriber.on('ready', () => {
      subscriber.subscribe(this.channel).then(() => {
        told = false;
        this.#listeners.call(this.logger);
      }, failed);
    });
    subscriber.connect().catch(ignore);
  }
}
