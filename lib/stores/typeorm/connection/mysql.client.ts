import type { DataSource } from 'typeorm';
import { MACHINE } from '../../../model/clock.js';

/** How long after the time that a statement takes its answer may come, in milliseconds. */
const GRACE_MS = 5_000;

/** What a {@link MysqlClient} needs of a connection of mysql2. */
interface MysqlConnection {
  query(text: string, values: unknown[], done: (error: Error | null, rows: Record<string, unknown>[]) => void): void;
  on(event: 'error', listener: (error: Error) => void): unknown;
  destroy(): void;
}

interface MysqlDriver {
  readonly mysql?: { readonly Connection?: new (options: object) => MysqlConnection };
  readonly pool?: { readonly config?: { readonly connectionConfig?: object } };
}

/** A connection of its own beside the data source's pool, with the same settings and by the same copy of mysql2. */
export class MysqlClient {
  readonly #connection: MysqlConnection;
  #abandon: (reason: Error) => void;
  /** Resolves, with the reason, when it has ended. */
  readonly ended: Promise<Error>;

  /** Whether a data source has a pool of mysql2; one with several servers has a cluster of pools. */
  static isPossible(dataSource: DataSource): boolean {
    const { mysql, pool } = dataSource.driver as unknown as MysqlDriver;
    return mysql?.Connection !== undefined && pool?.config?.connectionConfig !== undefined;
  }

  /** @param dataSource One of which that is possible. */
  constructor(dataSource: DataSource) {
    const { mysql, pool } = dataSource.driver as unknown as MysqlDriver;
    let abandon!: (reason: Error) => void;
    this.ended = new Promise((resolve) => (abandon = resolve));
    this.#abandon = abandon;
    this.#connection = new mysql!.Connection!({ config: pool!.config!.connectionConfig! });
    this.#connection.on('error', (error) => this.destroy(error));
  }

  /**
   * @param lastsMs How long the statement takes, in milliseconds.
   * @throws Error What the server says, and when it says nothing: the connection has ended then.
   */
  async query(text: string, values: unknown[] = [], lastsMs = 0): Promise<Readonly<Record<string, unknown>>[]> {
    const late = () => this.destroy(new Error(`no answer within ${lastsMs + GRACE_MS} ms`));
    const cancel = MACHINE.schedule(late, lastsMs + GRACE_MS);
    const answer = new Promise<Record<string, unknown>[]>((resolve, reject) => {
      this.#connection.query(text, values, (error, rows) => (error ? reject(error) : resolve(rows)));
    });
    const ended = this.ended.then((reason) => {
      throw reason;
    });
    try {
      return await Promise.race([answer, ended]);
    } finally {
      cancel();
    }
  }

  /** Ends it without a word to the server, which may be silent. */
  destroy(reason = new Error('closed')): void {
    this.#abandon(reason);
    this.#connection.destroy();
  }
}
