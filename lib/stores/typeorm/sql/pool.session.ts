import type { DataSource, EntityManager, QueryRunner } from 'typeorm';
import { StoreUnavailableError } from '../../../errors/store.errors.js';
import type { Clock } from '../../../model/clock.js';
import { Mutex } from '../../mutex.js';
import type { Dialect } from '../dialects/dialect.js';
import { PooledConnections } from '../connection/pooled.connections.js';
import { discard } from '../typeorm-compat.js';
import { DriverError, driverErrorOf, unavailable } from './driver.error.js';
import { retrying } from './retry.js';
import { drive } from './session.js';
import type { Pace, Session } from './session.js';
import { compile } from './sql.js';
import type { Rows, Script, Sql } from './sql.js';

/** A deadlock is over at once; ten in a row mean something else. */
const RETRIES = { attempts: 10, firstMs: 4, longestMs: 200 };

/** How many times as long as a short script one may take that goes through a whole table. */
const LONG = 6;

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
    private readonly connections = new PooledConnections(dataSource, clock),
  ) {
    this.#lock = dialect.sharesConnection ? new Mutex() : null;
  }

  read<T>(script: () => Script<T>, pace?: Pace): Promise<T> {
    return this.write(script, pace);
  }

  write<T>(script: () => Script<T>, pace: Pace = 'short'): Promise<T> {
    return this.#alone(() => this.#withRunner((runner) => this.run(runner, script), pace));
  }

  transaction<T>(script: () => Script<T>, pace: Pace = 'short'): Promise<T> {
    return this.#alone(() => this.#withRunner((runner) => this.runTransaction(runner, script), pace));
  }

  callers<T>(work: (manager: EntityManager) => Promise<T>): Promise<T> {
    const { callersIsolation: level } = this.dialect;
    const begun = () => (level ? this.dataSource.transaction(level, work) : this.dataSource.transaction(work));
    return this.#lock === null ? begun() : this.#lock.run(begun);
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

  /**
   * Takes a connection for one script, and gives it up when no answer comes: the network may be gone without a word. The others
   * that were made before may be dead as well, and each would take as long to show it: they are replaced instead of used, unless
   * they have answered since.
   */
  async #withRunner<T>(work: (runner: QueryRunner) => Promise<T>, pace: Pace): Promise<T> {
    const timeoutMs = pace === 'long' ? LONG * this.timeoutMs : this.timeoutMs;
    let runner = await this.#createRunner();
    let isExpired = false;
    let cancel = (): void => {};
    const connect = async () => {
      for (;;) {
        await this.attempt(() => runner.connect());
        // Nobody waits for the answer any more: what is asked now must not be done later.
        if (isExpired) throw new Error('given up');
        if (!this.connections.isSuspect(runner)) return;
        discard(runner, new DriverError(new Error('it was made before the network was gone')));
        runner = await this.#createRunner();
      }
    };
    const timeout = new Promise<never>((_, reject) => {
      cancel = this.clock.schedule(() => {
        isExpired = true;
        const late = new DriverError(new Error(`no answer within ${timeoutMs} ms`));
        discard(runner, late);
        this.connections.suspect();
        reject(new StoreUnavailableError(this.address, late.message, { cause: late }));
      }, timeoutMs);
    });
    const answer = async () => {
      await connect();
      return work(runner);
    };
    try {
      const result = await Promise.race([answer(), timeout]);
      this.connections.hasAnswered(runner);
      return result;
    } finally {
      cancel();
      if (!isExpired) await runner.release();
    }
  }

  #createRunner(): Promise<QueryRunner> {
    return this.attempt(() => Promise.resolve(this.dataSource.createQueryRunner('master')));
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
