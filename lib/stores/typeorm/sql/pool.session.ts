import type { DataSource, QueryRunner } from 'typeorm';
import { StoreUnavailableError } from '../../../errors/store.errors.js';
import type { Clock } from '../../../model/clock.js';
import { Mutex } from '../../mutex.js';
import type { Dialect } from '../dialects/dialect.js';
import { discard } from '../typeorm-compat.js';
import { DriverError, driverErrorOf, unavailable } from './driver.error.js';
import { retrying } from './retry.js';
import { drive } from './session.js';
import type { Session } from './session.js';
import { compile } from './sql.js';
import type { Rows, Script, Sql } from './sql.js';

/** A deadlock is over at once; ten in a row mean something else. */
const RETRIES = { attempts: 10, firstMs: 4, longestMs: 200 };

/**
 * Runs scripts on connections of the data source's pool. Where the data source has one connection for everything, they run
 * one after another, or their transactions would mix.
 */
export class PoolSession implements Session {
  readonly #lock: Mutex | null;

  /**
   * @param address Where the server is, for messages.
   * @param timeoutMs How long one script may take, in milliseconds, before its connection is given up.
   */
  constructor(
    readonly dataSource: DataSource,
    readonly dialect: Dialect,
    readonly address: string,
    readonly clock: Clock,
    readonly timeoutMs: number,
  ) {
    this.#lock = dialect.sharesConnection ? new Mutex() : null;
  }

  read<T>(script: () => Script<T>): Promise<T> {
    return this.write(script);
  }

  write<T>(script: () => Script<T>): Promise<T> {
    return this.#alone(() => this.#withRunner((runner) => this.run(runner, script)));
  }

  transaction<T>(script: () => Script<T>): Promise<T> {
    return this.#alone(() => this.#withRunner((runner) => this.runTransaction(runner, script)));
  }

  within<T>(runner: QueryRunner, script: () => Script<T>): Promise<T> {
    return drive(script(), (statement) => this.#execute(runner, statement));
  }

  /** Runs a script on a connection of one's own. */
  protected run<T>(runner: QueryRunner, script: () => Script<T>): Promise<T> {
    return this.within(runner, script);
  }

  /** The same in a transaction. */
  protected async runTransaction<T>(runner: QueryRunner, script: () => Script<T>): Promise<T> {
    await this.#begin(runner);
    let result: T;
    try {
      result = await this.run(runner, script);
    } catch (error) {
      // When even that fails the connection is broken, and the server rolls back by itself. The first error says why.
      await this.#end(runner, 'ROLLBACK').catch(() => {});
      throw error;
    }
    await this.#end(runner, 'COMMIT');
    return result;
  }

  async #begin(runner: QueryRunner): Promise<void> {
    const { begin } = this.dialect;
    if (begin === null) await this.attempt(() => runner.startTransaction());
    else for (const text of begin) await this.attempt(() => runner.query(text));
  }

  async #end(runner: QueryRunner, how: 'COMMIT' | 'ROLLBACK'): Promise<void> {
    if (this.dialect.begin !== null) await this.attempt(() => runner.query(how));
    else if (how === 'COMMIT') await this.attempt(() => runner.commitTransaction());
    else await this.attempt(() => runner.rollbackTransaction());
  }

  async #execute(runner: QueryRunner, statement: Sql): Promise<Rows> {
    const { text, parameters } = this.compile(statement);
    const result = await this.attempt(() => runner.query(text, parameters, true));
    return { records: result.records ?? [], affected: result.affected ?? 0 };
  }

  protected compile(statement: Sql): { text: string; parameters: unknown[] } {
    const { text, parameters } = compile(statement, (index) => this.dialect.placeholder(index));
    return { text, parameters: parameters.map((value) => this.dialect.bind(value)) };
  }

  /** What the driver throws comes out as the store has it. */
  protected async attempt<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw unavailable(this.address, error);
    }
  }

  /** Takes a connection for one script, and gives it up when no answer comes: the network may be gone without a word. */
  async #withRunner<T>(work: (runner: QueryRunner) => Promise<T>): Promise<T> {
    const runner = await this.attempt(() => Promise.resolve(this.dataSource.createQueryRunner('master')));
    let expired = false;
    let cancel = (): void => {};
    const timeout = new Promise<never>((_, reject) => {
      cancel = this.clock.schedule(() => {
        expired = true;
        const late = new DriverError(new Error(`no answer within ${this.timeoutMs} ms`));
        discard(runner, late);
        reject(new StoreUnavailableError(this.address, late.message, { cause: late }));
      }, this.timeoutMs);
    });
    try {
      return await Promise.race([this.#connected(runner, work), timeout]);
    } finally {
      cancel();
      if (!expired) await runner.release();
    }
  }

  async #connected<T>(runner: QueryRunner, work: (runner: QueryRunner) => Promise<T>): Promise<T> {
    await this.attempt(() => runner.connect());
    return work(runner);
  }

  protected isRetryable(cause: DriverError): boolean {
    return this.dialect.isRetryable(cause);
  }

  #alone<T>(work: () => Promise<T>): Promise<T> {
    return this.#retrying(() => (this.#lock === null ? work() : this.#lock.run(work)));
  }

  #retrying<T>(work: () => Promise<T>): Promise<T> {
    const isRetryable = (error: unknown) => {
      const cause = driverErrorOf(error);
      return cause !== null && this.isRetryable(cause);
    };
    return retrying(this.clock, RETRIES, isRetryable, work);
  }
}
