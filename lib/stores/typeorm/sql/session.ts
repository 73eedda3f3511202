import type { EntityManager, QueryRunner } from 'typeorm';
import type { Rows, Script, Sql } from './sql.js';

/** How long a script may take: `long` for one that goes through a whole table. */
export type Pace = 'short' | 'long';

/** One way to run scripts in a database: over a pool of connections, or on the one connection of an SQLite file. */
export interface Session {
  /** Runs statements that only read, or a single one, outside a transaction. */
  read<T>(script: () => Script<T>, pace?: Pace): Promise<T>;
  /** Runs one statement that writes, outside the transactions of others. Tried again as {@link transaction} is. */
  write<T>(script: () => Script<T>, pace?: Pace): Promise<T>;
  /**
   * Runs all statements as one step, or none of them. Tried again, from the start of the script, after a deadlock or a
   * failed serialisation.
   */
  transaction<T>(script: () => Script<T>, pace?: Pace): Promise<T>;
  /** Runs `work` of the application in a transaction of its own, which no script gets into. */
  callers<T>(work: (manager: EntityManager) => Promise<T>): Promise<T>;
  /** Runs statements in a transaction that the caller began. */
  within<T>(runner: QueryRunner, script: () => Script<T>): Promise<T>;
}

/** Runs a script whose statements take time. What a statement throws, the script may catch. */
export async function drive<T>(script: Script<T>, execute: (statement: Sql) => Promise<Rows>): Promise<T> {
  let step = script.next();
  while (!step.done) {
    let rows: Rows;
    try {
      rows = await execute(step.value);
    } catch (error) {
      step = script.throw(error);
      continue;
    }
    step = script.next(rows);
  }
  return step.value;
}

/** Runs a script in one go. */
export function driveAtOnce<T>(script: Script<T>, execute: (statement: Sql) => Rows): T {
  let step = script.next();
  while (!step.done) {
    let rows: Rows;
    try {
      rows = execute(step.value);
    } catch (error) {
      step = script.throw(error);
      continue;
    }
    step = script.next(rows);
  }
  return step.value;
}
