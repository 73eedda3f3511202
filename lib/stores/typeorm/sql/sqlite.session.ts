import type { DataSource, EntityManager, QueryRunner } from 'typeorm';
import { StoreUnavailableError } from '../../../errors/store.errors.js';
import type { Clock } from '../../../model/clock.js';
import type { Dialect } from '../dialects/dialect.js';
import { sqliteConnection } from '../typeorm-compat.js';
import type { SqliteConnection } from '../typeorm-compat.js';
import { Mutex } from '../../mutex.js';
import { driverErrorOf, unavailable } from './driver.error.js';
import { pause } from '../../../time/wait.js';
import { drive, driveAtOnce } from './session.js';
import type { Session } from './session.js';
import { compile, EachRow } from './sql.js';
import type { Rows, Script, Sql } from './sql.js';
import { keep } from './sqlite.rows.js';
import type { PreparedStatement } from './sqlite.rows.js';

/** How many statements stay prepared. */
const CACHE_SIZE = 100;

/** The pauses between two tries to get hold of the file, in milliseconds: at random below this. */
const BUSY_PAUSE_MS = 8;

/**
 * Runs scripts on the one connection that TypeORM has to an SQLite file. better-sqlite3 answers at once, so a whole
 * transaction runs without giving way to anything else of the process: the application's statements on the same
 * connection never end up inside it, although they share it.
 *
 * What the application may have open is a transaction of its own. Writing in it would make the store's changes go with
 * its rollback, so a script that writes waits until it has ended.
 */
export class SqliteSession implements Session {
  readonly #callers = new Mutex();
  #cached: { connection: SqliteConnection; statements: Map<string, PreparedStatement> } | null = null;

  /** @param timeoutMs How long a script waits for the file, and for the application's transaction, in milliseconds. */
  constructor(
    readonly dataSource: DataSource,
    readonly dialect: Dialect,
    readonly address: string,
    readonly clock: Clock,
    readonly timeoutMs: number,
  ) {}

  read<T>(script: () => Script<T>): Promise<T> {
    return this.#patiently(() => this.#run(script));
  }

  /** Each statement is a transaction of its own. */
  write<T>(script: () => Script<T>): Promise<T> {
    return this.#patiently(() => (this.#connection().inTransaction ? WAIT : this.#run(script)));
  }

  transaction<T>(script: () => Script<T>): Promise<T> {
    return this.#patiently(() => {
      if (this.#connection().inTransaction) return WAIT;
      this.#attempt('BEGIN IMMEDIATE', []);
      try {
        const result = this.#run(script);
        this.#attempt('COMMIT', []);
        return result;
      } catch (error) {
        // SQLite has rolled back by itself after some errors, such as a full disk.
        if (this.#connection().inTransaction) this.#attempt('ROLLBACK', []);
        throw error;
      }
    });
  }

  /** One after another: TypeORM makes savepoints of one of transactions that are begun beside each other on a connection. */
  callers<T>(work: (manager: EntityManager) => Promise<T>): Promise<T> {
    return this.#callers.run(async () => {
      const end = this.clock.monotonic() + this.timeoutMs;
      for (;;) {
        await this.#patiently(() => (this.#connection().inTransaction ? WAIT : null));
        let isBegun = false;
        try {
          return await this.dataSource.transaction(async (manager) => {
            // TypeORM begins one that reads first. A write that comes later would fail if another process wrote in between.
            await manager.query(`DELETE FROM ${compile(this.dialect.tasks, () => '').text} WHERE 1 = 0`);
            isBegun = true;
            return work(manager);
          });
        } catch (error) {
          if (isBegun || this.clock.monotonic() >= end || !this.#isBusy(error)) throw error;
          await pause(this.clock, Math.random() * BUSY_PAUSE_MS);
        }
      }
    });
  }

  #isBusy(error: unknown): boolean {
    const cause = driverErrorOf(unavailable(this.address, error));
    return cause !== null && this.dialect.isRetryable(cause);
  }

  within<T>(runner: QueryRunner, script: () => Script<T>): Promise<T> {
    const ask = async (text: string, parameters: unknown[]): Promise<Rows> => {
      try {
        const { records, affected } = await runner.query(text, parameters, true);
        return { records: records ?? [], affected: affected ?? 0 };
      } catch (error) {
        throw unavailable(this.address, error);
      }
    };
    return drive(script(), async (statement) => {
      const { text, parameters } = this.#compile(statement);
      if (!(statement instanceof EachRow)) return ask(text, parameters);
      const affectedBy: number[] = [];
      for (const row of statement.rows) affectedBy.push((await ask(text, this.#bound(row))).affected);
      return eachAffected(affectedBy);
    });
  }

  /**
   * Tries again while another process has the file or the application a transaction. Waits here and not in SQLite, whose
   * busy timeout would hold up the whole process.
   */
  async #patiently<T>(work: () => T | typeof WAIT): Promise<T> {
    const end = this.clock.monotonic() + this.timeoutMs;
    for (;;) {
      let reason: unknown;
      try {
        const result = work();
        if (result !== WAIT) return result as T;
        reason = new StoreUnavailableError(
          this.address,
          `the application has had a transaction open on this connection for ${this.timeoutMs} ms. ` +
            'Within a transaction, add tasks with the option transaction: entityManager',
        );
      } catch (error) {
        const cause = driverErrorOf(error);
        if (cause === null || !this.dialect.isRetryable(cause)) throw error;
        reason = error;
      }
      if (this.clock.monotonic() >= end) throw reason;
      await pause(this.clock, Math.random() * BUSY_PAUSE_MS);
    }
  }

  #run<T>(script: () => Script<T>): T {
    return driveAtOnce(script(), (statement) => {
      const { text, parameters } = this.#compile(statement);
      return statement instanceof EachRow ? this.#attemptEach(text, statement.rows) : this.#attempt(text, parameters);
    });
  }

  #compile(statement: Sql): { text: string; parameters: unknown[] } {
    const { text, parameters } = compile(statement, (index) => this.dialect.placeholder(index));
    return { text, parameters: this.#bound([...parameters]) };
  }

  /** Binds in place: there are many. */
  #bound(values: unknown[]): unknown[] {
    for (let at = 0; at < values.length; at += 1) values[at] = this.dialect.bind(values[at]);
    return values;
  }

  #attempt(text: string, parameters: readonly unknown[]): Rows {
    this.dataSource.logger.logQuery(text, [...parameters]);
    try {
      const { statement, recordOf } = this.#prepare(text);
      if (recordOf === null) return { records: [], affected: statement.run(...parameters).changes };
      const records = (statement.all(...parameters) as unknown[][]).map(recordOf);
      return { records, affected: records.length };
    } catch (error) {
      this.dataSource.logger.logQueryError(error as Error, text, [...parameters]);
      throw unavailable(this.address, error);
    }
  }

  #attemptEach(text: string, rows: readonly unknown[][]): Rows {
    const affectedBy: number[] = [];
    let parameters: unknown[] = [];
    try {
      const { statement } = this.#prepare(text);
      for (const [at, row] of rows.entries()) {
        parameters = this.#bound(row);
        // Once, with the first: to log each costs more than what is logged.
        if (at === 0) this.dataSource.logger.logQuery(text, parameters);
        affectedBy.push(statement.run(...parameters).changes);
      }
    } catch (error) {
      this.dataSource.logger.logQueryError(error as Error, text, parameters);
      throw unavailable(this.address, error);
    }
    return eachAffected(affectedBy);
  }

  #prepare(text: string): PreparedStatement {
    const connection = this.#connection();
    if (this.#cached?.connection !== connection) this.#cached = { connection, statements: new Map() };
    const { statements } = this.#cached;
    const known = statements.get(text);
    if (known) return known;
    const prepared = keep(connection.prepare(text));
    statements.set(text, prepared);
    for (const oldest of statements.keys()) {
      if (statements.size <= CACHE_SIZE) break;
      statements.delete(oldest);
    }
    return prepared;
  }

  /** The application may have closed and opened it anew. */
  #connection(): SqliteConnection {
    return sqliteConnection(this.dataSource);
  }
}

function eachAffected(affectedBy: readonly number[]): Rows {
  return { records: [], affected: affectedBy.reduce((sum, count) => sum + count, 0), affectedBy };
}

/** Says that the time has not come yet. */
const WAIT = Symbol('wait');
