import type { Duplex } from 'node:stream';
import type { QueryRunner } from 'typeorm';
import { isPipelined, queryPostgres, streamOf } from '../typeorm-compat.js';
import type { DriverError } from './driver.error.js';
import { PoolSession } from './pool.session.js';
import { drive } from './session.js';
import type { Rows, Script, Sql } from './sql.js';

/**
 * Errors that come of statements being kept prepared. A pool between here and the server, such as PgBouncer before 1.21,
 * may give each transaction another connection, where the statement is not known, or known already; or the type of a column
 * has changed. https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
const PREPARED_REFUSED = new Set(['26000', '42P05', '0A000']);

/**
 * Speaks to PostgreSQL by pg itself, which can do two things that TypeORM cannot ask it for. Repeated statements are kept
 * prepared by the connections. And where the client is one that sends without waiting (`pipeline: true`, pg 8.23 or later),
 * BEGIN travels with the first statement, and COMMIT with the last: to take tasks, or to write what is known, is one round trip
 * instead of four.
 */
export class PostgresSession extends PoolSession {
  #keepsPrepared = true;

  protected override run<T>(runner: QueryRunner, script: () => Script<T>): Promise<T> {
    return drive(script(), (statement) => this.#send(runner, statement));
  }

  protected override async runTransaction<T>(runner: QueryRunner, script: () => Script<T>): Promise<T> {
    const control = (text: string) => this.attempt(() => queryPostgres(runner, { text, values: [] }));
    if (!isPipelined(runner)) return this.#waiting(runner, script, control);
    const sent: Promise<unknown>[] = [];
    const packet = new Packet(runner);
    const sendOn = (answer: Promise<unknown>) => {
      // Reported below, not before.
      answer.catch(() => {});
      sent.push(answer);
    };
    const early: Promise<unknown>[] = [];
    packet.open();
    for (const text of this.dialect.begin ?? []) sendOn(control(text));
    let isOver = false;
    // After a write that failed, which is known only later, the server takes it for a ROLLBACK.
    const commit = () => {
      isOver = true;
      sendOn(control('COMMIT'));
    };
    let result: T;
    try {
      result = await drive(script(), (statement) => {
        packet.open();
        const answer = this.#send(runner, statement);
        if (!statement.isUnheeded) {
          if (statement.isLast) commit();
          packet.send();
          return early.length === 0 ? answer : Promise.all([answer, ...early]).then(([rows]) => rows);
        }
        const rows: Rows = { records: [], affected: 0 };
        const filled = answer.then((given) => Object.assign(rows, given));
        early.push(filled);
        sendOn(filled);
        return Promise.resolve(rows);
      });
    } catch (error) {
      packet.send();
      if (!isOver) await control('ROLLBACK').catch(() => {});
      throw await firstFailure(sent, error);
    }
    if (!isOver) commit();
    packet.send();
    const failure = await firstFailure(sent, null);
    if (failure !== null) throw failure;
    return result;
  }

  protected override isRetryable(cause: DriverError): boolean {
    if (!this.#keepsPrepared || !PREPARED_REFUSED.has(cause.code)) return super.isRetryable(cause);
    this.#keepsPrepared = false;
    return true;
  }

  async #waiting<T>(
    runner: QueryRunner,
    script: () => Script<T>,
    control: (text: string) => Promise<unknown>,
  ): Promise<T> {
    for (const text of this.dialect.begin ?? []) await control(text);
    let result: T;
    try {
      result = await this.run(runner, script);
    } catch (error) {
      // When even that fails the connection is broken, and the server rolls back by itself. The first error says why.
      await control('ROLLBACK').catch(() => {});
      throw error;
    }
    await control('COMMIT');
    return result;
  }

  /** It is on its way when this returns, so that what is sent later comes later. */
  async #send(runner: QueryRunner, statement: Sql): Promise<Rows> {
    const { text, parameters: values } = this.compile(statement);
    const isPrepared = statement.isRepeated && this.#keepsPrepared;
    const { rows, rowCount } = await this.attempt(() => queryPostgres(runner, { text, values, isPrepared }));
    return { records: rows, affected: rowCount ?? 0 };
  }
}

/** Holds back what is to be sent, so that it goes in one piece. */
class Packet {
  #isOpen = false;
  readonly #stream: Duplex;

  constructor(runner: QueryRunner) {
    this.#stream = streamOf(runner);
  }

  open(): void {
    if (this.#isOpen) return;
    this.#isOpen = true;
    this.#stream.cork();
  }

  send(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#stream.uncork();
  }
}

/** The failure of what was sent first, since what came after it failed for its sake; else the one given. */
async function firstFailure(sent: readonly Promise<unknown>[], otherwise: unknown): Promise<unknown> {
  const outcomes = await Promise.allSettled(sent);
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  return failed ? failed.reason : otherwise;
}
