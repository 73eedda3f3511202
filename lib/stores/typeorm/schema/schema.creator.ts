import type { DataSource } from 'typeorm';
import { StoreUnavailableError } from '../../../errors/store.errors.js';
import type { Dialect } from '../dialects/dialect.js';
import { driverErrorOf } from '../sql/driver.error.js';
import type { Session } from '../sql/session.js';
import { raw, sql } from '../sql/sql.js';
import type { Sql } from '../sql/sql.js';
import { JOURNAL_COLUMNS, RUN_COLUMNS, SCHEDULER_COLUMNS, TASK_COLUMNS } from '../sql/columns.js';
import { createPortableTables } from './portable.tables.js';
import { schemaStatements } from './schema.sql.js';
import type { SchemaDialect } from './schema.sql.js';
import type { TableNames } from './table.names.js';

/** How long a replica waits for another one that makes the tables, in seconds. */
const LOCK_TIMEOUT_S = 60;

/** Makes the tables. Ten replicas that start together do it once: the first locks the others out. */
export class SchemaCreator {
  /** @param schemaDialect The database's own statements; null to let TypeORM write them. */
  constructor(
    readonly dataSource: DataSource,
    readonly session: Session,
    readonly dialect: Dialect,
    readonly schemaDialect: SchemaDialect | null,
    readonly address: string,
  ) {}

  /**
   * Sees to it that the tables are there.
   *
   * @throws StoreUnavailableError When they are not, and are not to be made or cannot be.
   */
  async ensure(createSchema: boolean | 'if-missing'): Promise<void> {
    const missing = await this.missing();
    if (createSchema === true || (createSchema === 'if-missing' && missing)) await this.#create();
    const still = await this.missing();
    if (still === null) return;
    const hint =
      this.schemaDialect === null
        ? 'Make them with a migration of the entities of asynczEntities()'
        : `Make them with a migration (asynczMigrations) or by hand (generateSchemaSql('${this.schemaDialect}'))`;
    throw new StoreUnavailableError(
      this.address,
      `its tables are not there, or not as they should be: ${still}. ${hint}, or set createSchema to 'if-missing'`,
    );
  }

  /** What the database says when it is asked for every column of every table; null when they are there. */
  async missing(): Promise<string | null> {
    const { tasks, runs, schedulers, journal } = this.dialect;
    const columns = [
      ...TASK_COLUMNS.map(({ name }) => `t.${name}`),
      ...RUN_COLUMNS.map(({ name }) => `r.${name} AS r_${name}`),
      ...SCHEDULER_COLUMNS.map(({ name }) => `s.${name} AS s_${name}`),
      ...JOURNAL_COLUMNS.map(({ name }) => `j.${name} AS j_${name}`),
    ];
    try {
      await this.session.read(function* () {
        yield sql`
        SELECT ${raw(columns.join(', '))} FROM ${tasks} t, ${runs} r, ${schedulers} s, ${journal} j WHERE 1 = 0`;
      });
    } catch (error) {
      const cause = driverErrorOf(error);
      if (cause === null || !isMissing(cause.code, cause.message)) throw error;
      return cause.message;
    }
    return null;
  }

  async #create(): Promise<void> {
    const { dialect, schemaDialect } = this;
    if (schemaDialect === null) return createPortableTables(this.dataSource, dialect.names, this.address);
    const statements = schemaStatements(schemaDialect, dialect.names).map(raw);
    if (schemaDialect === 'mysql' || schemaDialect === 'mariadb') return this.#createUnderNamedLock(statements);
    const lock = schemaDialect === 'postgres' ? [sql`SELECT pg_advisory_xact_lock(${lockKey(dialect.names)})`] : [];
    await this.session.transaction(function* () {
      for (const statement of [...lock, ...statements]) yield statement;
    }, 'long');
  }

  /** MySQL commits before and after each of these statements, so the lock is the session's. */
  async #createUnderNamedLock(statements: readonly Sql[]): Promise<void> {
    const name = `asyncz:${lockKey(this.dialect.names)}`;
    await this.session.read(function* () {
      const { records } = yield sql`SELECT GET_LOCK(${name}, ${LOCK_TIMEOUT_S}) AS locked`;
      try {
        for (const statement of statements) yield statement;
      } finally {
        if (Number(records[0]?.locked) === 1) yield sql`SELECT RELEASE_LOCK(${name}) AS released`;
      }
    }, 'long');
  }
}

/** Whether an error says that a table, a column or a schema is not there. */
function isMissing(code: string, message: string): boolean {
  const codes = ['42P01', '42703', '3F000', 'ER_NO_SUCH_TABLE', 'ER_BAD_FIELD_ERROR', 'ER_BAD_DB_ERROR'];
  return codes.includes(code) || /no such (table|column)|does not exist|invalid (object|column) name/i.test(message);
}

/** A number for the lock of these tables: FNV-1a, since any number will do that other names do not have. */
function lockKey({ prefix, schema }: TableNames): number {
  let hash = 0x811c9dc5;
  for (const character of `asyncz/${schema ?? ''}/${prefix}`) {
    hash = Math.imul(hash ^ character.codePointAt(0)!, 0x01000193);
  }
  return hash;
}
