import { createHash } from 'node:crypto';
import type { DataSource } from 'typeorm';
import { spreadBackoffMs } from '../../../model/backoff.js';
import { MACHINE } from '../../../model/clock.js';
import type { Clock } from '../../../model/clock.js';
import type { Logger } from '../../../model/logger.js';
import { pause } from '../../../time/wait.js';
import { CoalescedWork } from '../../coalesced-work.js';
import { DriverError } from '../sql/driver.error.js';
import type { Bell } from './bell.interface.js';
import { MysqlClient } from './mysql.client.js';

/** How often the server looks whether the lock is held, in milliseconds. */
const LOOK_MS = 50;

/** So many looks are one statement: a little less than a second, from which on many servers log a statement as slow. */
const LOOKS = 19;

/** How long a statement that listens takes at the most, in milliseconds. */
const LISTENS_MS = LOOKS * LOOK_MS;

/** How long whoever rings holds the lock, in milliseconds: everybody looks meanwhile. */
const HELD_MS = 200;

/** How long nobody looks after a ring, in milliseconds: most would hear the same one again, and the next one still is heard. */
const DEAF_MS = 110;

/** How long nobody may look, in milliseconds. Longer, and a ring may have gone unheard. */
const MISSED_MS = HELD_MS - LOOK_MS;

/** How long a ring waits for another one's, in seconds. While one is held everybody hears it. */
const QUEUE_S = 1;

/** How long after it was rung the first time that may be heard, in milliseconds. */
const ECHO_TIMEOUT_MS = 2_000;

/** The pauses until it listens again. */
const PAUSE = { firstMs: 400, longestMs: 5_000 };

/** Who holds the lock. RAND keeps the server from finding that out once for the whole statement. */
const HOLDER = 'IS_USED_LOCK(CONCAT(?, LEFT(RAND(), 0)))';

/** Returns as soon as the lock is held, with a row, or after all looks, with none. */
const LISTEN = `
  SELECT ${HOLDER} AS holder FROM (${Array.from({ length: LOOKS }, (_, at) => `SELECT ${at} AS look`).join(' UNION ALL ')}) AS looks
  WHERE CASE WHEN SLEEP(${LOOK_MS / 1_000}) = 0 THEN ${HOLDER} IS NOT NULL END LIMIT 1`;

const RING = `SELECT GET_LOCK(?, ${QUEUE_S}) AS got, SLEEP(${HELD_MS / 1_000}) AS held, RELEASE_LOCK(?) AS let_go`;

/** What a {@link MysqlBell} is told. */
export interface MysqlBellOptions {
  readonly dataSource: DataSource;
  /** Of the tables, in whichever database. */
  readonly channel: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onRing: () => void;
}

/**
 * Wakes the other processes by a lock of a name (`GET_LOCK`), the one thing that a session of MySQL can see of another one
 * while a statement runs. Who rings holds it for a moment. Who listens has a statement under way that looks at it twenty
 * times a second within the server, and returns as soon as it is held, or after a second. Each has a connection of its own.
 */
export class MysqlBell implements Bell {
  #listener: MysqlClient | null = null;
  #ringer: { readonly client: MysqlClient; readonly id: number } | null = null;
  #name = '';
  #isClosed = false;
  #failures = 0;
  #cancelRetry = (): void => {};
  #heardItself = (): void => {};
  readonly #rings = new CoalescedWork(() => this.#ringOnce());

  constructor(readonly options: MysqlBellOptions) {}

  get isHeard(): boolean {
    return this.#listener !== null;
  }

  async open(): Promise<void> {
    if (!MysqlClient.isPossible(this.options.dataSource)) {
      return this.#giveUp('the data source has no single pool, whose settings a connection could have');
    }
    await this.#connect();
    if (!this.#listener || (await this.#hearsItself())) return;
    // A proxy may give the connections of a process to several servers, of which each has locks of its own.
    await this.#giveUp('locks of other connections are not seen, as through a proxy');
  }

  #giveUp(reason: string): Promise<void> {
    this.options.logger.warn(
      `No wake-ups by MySQL: ${reason}. Tasks of other processes are found by polling. Turn it off with notify: false.`,
    );
    return this.close();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelRetry();
    this.#listener?.destroy();
    this.#listener = null;
    await this.#rings.drained();
    this.#ringer?.client.destroy();
    this.#ringer = null;
  }

  renew(): void {
    this.#listener?.destroy(new Error('the server did not answer on another connection'));
    this.#ringer?.client.destroy();
  }

  ring(): void {
    if (!this.#isClosed) void this.#rings.ask();
  }

  async #connect(): Promise<void> {
    const { dataSource, channel, logger, onRing } = this.options;
    let client: MysqlClient | null = null;
    try {
      client = new MysqlClient(dataSource);
      const [row] = await client.query('SELECT DATABASE() AS db');
      const hash = createHash('sha256').update(`${String(row?.db)} ${channel}`);
      this.#name = `asyncz:${hash.digest('hex').slice(0, 32)}`;
    } catch (error) {
      client?.destroy();
      return this.#lost(error);
    }
    if (this.#isClosed) return client.destroy();
    this.#listener = client;
    if (this.#failures > 0) {
      logger.info('Listening for wake-ups on MySQL again.');
      // Nobody heard what was said in the meantime.
      onRing();
    }
    this.#failures = 0;
    void this.#listen(client);
  }

  async #listen(client: MysqlClient): Promise<void> {
    const { clock, onRing } = this.options;
    try {
      // Until when it has looked for certain: the answer may have lain here for a while.
      let lookedAt = clock.monotonic();
      while (!this.#isClosed) {
        const askedAt = clock.monotonic();
        const answer = client.query(LISTEN, [this.#name, this.#name], LISTENS_MS);
        if (askedAt - lookedAt > MISSED_MS) onRing();
        const [row] = await answer;
        lookedAt = Math.min(clock.monotonic(), askedAt + LISTENS_MS);
        if (!row) {
          // A server that took it for a constant would be asked without end.
          await pause(clock, askedAt + LISTENS_MS - lookedAt);
          continue;
        }
        // It may have been let go between the two looks: then who it was is not known, and not needed.
        if (row.holder !== null && Number(row.holder) === this.#ringer?.id) this.#heardItself();
        else onRing();
        lookedAt = clock.monotonic();
        await pause(clock, DEAF_MS);
      }
    } catch (error) {
      client.destroy();
      this.#listener = null;
      this.#lost(error);
    }
  }

  #lost(error: unknown): void {
    if (this.#isClosed) return;
    const { clock, logger } = this.options;
    if (this.#failures === 0) {
      const reason = new DriverError(error).message;
      logger.warn(`Wake-ups from other processes by MySQL are interrupted: ${reason}. Polling until they are back.`);
    }
    this.#failures += 1;
    this.#cancelRetry = clock.schedule(() => void this.#connect(), spreadBackoffMs(PAUSE, this.#failures, 0.5));
  }

  /** Never rejects: the others find out with their next poll. */
  async #ringOnce(): Promise<void> {
    const { logger } = this.options;
    try {
      this.#ringer ??= await this.#connectRinger();
      await this.#ringer.client.query(RING, [this.#name, this.#name], QUEUE_S * 1_000 + HELD_MS);
    } catch (error) {
      this.#ringer?.client.destroy();
      this.#ringer = null;
      logger.debug(`A wake-up was not sent: ${new DriverError(error).message}`);
    }
  }

  async #connectRinger() {
    const client = new MysqlClient(this.options.dataSource);
    try {
      const [row] = await client.query('SELECT CONNECTION_ID() AS id');
      return { client, id: Number(row?.id) };
    } catch (error) {
      client.destroy();
      throw error;
    }
  }

  /** Whether what is done on one connection is seen on the one that listens. */
  async #hearsItself(): Promise<boolean> {
    let cancel = () => {};
    const heard = new Promise<boolean>((resolve) => (this.#heardItself = () => resolve(true)));
    // The time counts from when it has rung, however long it takes to connect for it.
    let isOver = false;
    const late = this.#rings.ask().then(
      () =>
        new Promise<boolean>((resolve) => {
          if (!isOver) cancel = MACHINE.schedule(() => resolve(false), ECHO_TIMEOUT_MS);
        }),
    );
    try {
      return await Promise.race([heard, late]);
    } finally {
      isOver = true;
      cancel();
      this.#heardItself = () => {};
    }
  }
}
