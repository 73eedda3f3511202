import type { DataSource } from 'typeorm';
import { spreadBackoffMs } from '../../../model/backoff.js';
import type { Clock } from '../../../model/clock.js';
import type { Logger } from '../../../model/logger.js';
import { quoteStandard } from '../schema/quote.js';
import { DriverError } from '../sql/driver.error.js';
import { createPostgresClient } from '../typeorm-compat.js';
import type { PostgresClient } from '../typeorm-compat.js';

/** The pauses until it listens again. */
const PAUSE = { firstMs: 400, longestMs: 30_000 };

/** What a {@link PostgresListener} is told. */
export interface ListenerOptions {
  readonly dataSource: DataSource;
  readonly channel: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Called with the payload of a notification; with null when some may have been missed. */
  readonly onNotification: (payload: string | null) => void;
}

/**
 * Listens on a connection of its own, which a pool cannot give: it would hand it to others. When the connection breaks it
 * is made again, with growing pauses; until then the scheduler finds what is due with its polls.
 */
export class PostgresListener {
  #client: PostgresClient | null = null;
  #cancelRetry = (): void => {};
  #failures = 0;
  #stopped = false;

  constructor(readonly options: ListenerOptions) {}

  /** Returns when it listens, or has found that it cannot for now. */
  async start(): Promise<void> {
    const { dataSource, channel, logger, onNotification } = this.options;
    const client = createPostgresClient(dataSource);
    this.#client = client;
    client.on('notification', (message) => onNotification(message.payload ?? null));
    client.on('error', (error) => this.#lost(client, error));
    client.on('end', () => this.#lost(client, new Error('the server closed the connection')));
    try {
      await client.connect();
      await client.query(`LISTEN ${quoteStandard(channel)}`);
    } catch (error) {
      this.#lost(client, error);
      return;
    }
    if (this.#client !== client) return;
    if (this.#failures > 0) {
      logger.info(`Listening for wake-ups on PostgreSQL again.`);
      // Nobody heard what was said in the meantime.
      onNotification(null);
    }
    this.#failures = 0;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelRetry();
    const client = this.#client;
    this.#client = null;
    await client?.end().catch(() => {});
  }

  #lost(client: PostgresClient, error: unknown): void {
    if (this.#client !== client || this.#stopped) return;
    this.#client = null;
    client.end().catch(() => {});
    const { clock, logger } = this.options;
    const reason = new DriverError(error).message;
    if (this.#failures === 0) {
      logger.warn(
        `Wake-ups from other processes by PostgreSQL are interrupted: ${reason}. Polling until they are back.`,
      );
    }
    this.#failures += 1;
    this.#cancelRetry = clock.schedule(() => void this.start(), spreadBackoffMs(PAUSE, this.#failures, 0.5));
  }
}
