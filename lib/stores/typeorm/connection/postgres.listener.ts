import type { DataSource } from 'typeorm';
import { spreadBackoffMs } from '../../../model/backoff.js';
import { MACHINE } from '../../../model/clock.js';
import type { Clock } from '../../../model/clock.js';
import type { Logger } from '../../../model/logger.js';
import { quoteStandard } from '../schema/quote.js';
import { DriverError } from '../sql/driver.error.js';
import { createPostgresClient } from '../typeorm-compat.js';
import type { PostgresClient } from '../typeorm-compat.js';

/** The pauses until it listens again. */
const PAUSE = { firstMs: 400, longestMs: 5_000 };

/** How long it may take until it listens, in milliseconds. */
const LISTEN_TIMEOUT_MS = 10_000;

/** How long a connection may take to say goodbye, in milliseconds. */
const CLOSE_TIMEOUT_MS = 1_000;

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
  #isListening = false;

  constructor(readonly options: ListenerOptions) {}

  /** Whether the server was told that it listens, as far as is known. */
  get isListening(): boolean {
    return this.#isListening;
  }

  /** Returns when it listens, or has found that it cannot for now. */
  async start(): Promise<void> {
    const { dataSource, channel, logger, onNotification } = this.options;
    const client = createPostgresClient(dataSource);
    this.#client = client;
    client.on('notification', (message) => onNotification(message.payload ?? null));
    client.on('error', (error) => this.#lost(client, error));
    client.on('end', () => this.#lost(client, new Error('the server closed the connection')));
    const late = () => this.#lost(client, new Error(`no answer within ${LISTEN_TIMEOUT_MS} ms`));
    const cancel = MACHINE.schedule(late, LISTEN_TIMEOUT_MS);
    try {
      await client.connect();
      await client.query(`LISTEN ${quoteStandard(channel)}`);
    } catch (error) {
      this.#lost(client, error);
      return;
    } finally {
      cancel();
    }
    if (this.#client !== client) return;
    this.#isListening = true;
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
    if (client) await close(client);
  }

  /** The network may be gone: makes the connection again, since one that only listens never finds out. */
  renew(): void {
    if (this.#client) this.#lost(this.#client, new Error('the server did not answer on another connection'));
  }

  #lost(client: PostgresClient, error: unknown): void {
    if (this.#client !== client || this.#stopped) return;
    this.#client = null;
    this.#isListening = false;
    void close(client);
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

/** Says goodbye where somebody listens, and ends the connection in any case. Never rejects. */
async function close(client: PostgresClient): Promise<void> {
  let destroy = () => {};
  const late = new Promise<void>((resolve) => (destroy = resolve));
  const cancel = MACHINE.schedule(destroy, CLOSE_TIMEOUT_MS);
  await Promise.race([client.end().catch(() => {}), late]);
  cancel();
  client.connection.stream.destroy();
}
