import type { RunRow, TaskRow, TaskStateRow } from '../../../persistence/codec.interface.js';
import type { PruneOptions, StoreCapabilities } from '../../store.interface.js';
import type { DueOrder } from '../../selection.interface.js';
import type { TableNames } from '../schema/table.names.js';
import { batches, tuples } from '../sql/batches.js';
import type { Values } from '../sql/batches.js';
import {
  RUN_COLUMNS,
  RUN_KEY,
  runValues,
  STATE_COLUMNS,
  stateValues,
  TASK_COLUMNS,
  taskValues,
} from '../sql/columns.js';
import { fixedStateValues, fixedTaskValues } from '../sql/fixed.lease.js';
import type { DriverError } from '../sql/driver.error.js';
import { all, join, raw, sql, toNullableNumber } from '../sql/sql.js';
import type { Script, Sql } from '../sql/sql.js';
import { Dialect } from './dialect.js';
import type { DueQuery, DueRows } from './dialect.js';

/** What the general path has to know of a driver. */
export interface PortableDriver {
  /** TypeORM's type of database. */
  readonly type: string;
  readonly isSqlite: boolean;
  readonly coordination: StoreCapabilities['coordination'];
  readonly durable: boolean;
  quote(name: string): string;
  /** The parameter of an index, counted from 0. */
  parameter(index: number): string;
}

const TASK_NAMES = TASK_COLUMNS.map(({ name }) => name);
const RUN_KEY_NAMES = raw(RUN_KEY.join(', '));
const RUN_NAMES = RUN_COLUMNS.map(({ name }) => name);

/** How many rows one statement changes. Not more, since each value is looked for among as many. */
const ROWS = 200;

/** The same where a statement takes no more than 2,100 parameters. */
const FEW_ROWS = 50;

/** How a server tells its time in milliseconds since the epoch. Where it is not known the processes' clocks decide. */
const CLOCKS: Readonly<Record<string, string>> = {
  postgres: 'CAST(floor(extract(epoch FROM clock_timestamp()) * 1000) AS bigint)',
  cockroachdb: 'CAST(floor(extract(epoch FROM clock_timestamp()) * 1000) AS bigint)',
  mysql: "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(3)) DIV 1000",
  mariadb: "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(3)) DIV 1000",
  mssql: "DATEDIFF_BIG(millisecond, '1970-01-01', SYSUTCDATETIME())",
};

const RETRYABLE =
  /\b40001\b|\b40P01\b|deadlock|serializ|serialis|lock wait timeout|record has changed|SQLITE_(BUSY|LOCKED)/i;
const DUPLICATE = /\b23505\b|ER_DUP_ENTRY|duplicate|unique constraint|SQLITE_CONSTRAINT/i;

/**
 * Any database, in SQL that all of them know: compare-and-set on the version in one statement a batch. Each claimer may
 * lose against another one at the head of the queue, so the databases with a dialect of their own do better.
 */
export class PortableDialect extends Dialect {
  readonly label: string;
  readonly capabilities: StoreCapabilities;
  readonly now: Sql | null;
  override readonly sharesConnection: boolean;
  readonly #rows: number;
  readonly #taskValues: (row: TaskRow) => Values;
  readonly #stateValues: (row: TaskStateRow) => Values;

  constructor(
    names: TableNames,
    readonly driver: PortableDriver,
  ) {
    super(names, (name) => driver.quote(name));
    this.label = driver.type;
    this.sharesConnection = driver.isSqlite;
    this.#rows = driver.type === 'mssql' ? FEW_ROWS : ROWS;
    const isMysql = driver.type === 'mysql' || driver.type === 'mariadb';
    this.#taskValues = isMysql ? fixedTaskValues : taskValues;
    this.#stateValues = isMysql ? fixedStateValues : stateValues;
    const clock = CLOCKS[driver.type];
    this.now = clock === undefined ? null : raw(clock);
    this.capabilities = {
      coordination: driver.coordination,
      wakeUp: 'polled',
      transactionalAdds: true,
      transactionalChanges: true,
      durable: driver.durable,
      journal: 'atomic',
    };
  }

  override placeholder(index: number): string {
    return this.driver.parameter(index);
  }

  /** By what the message says: every driver has codes of its own. An id that is suddenly there is seen the next time. */
  isRetryable(error: DriverError): boolean {
    return RETRYABLE.test(`${error.code} ${error.message}`) || this.isDuplicate(error);
  }

  isDuplicate(error: DriverError): boolean {
    return DUPLICATE.test(`${error.code} ${error.message}`);
  }

  override limit(count: number): Sql {
    return this.page(0, count);
  }

  override page(offset: number, count: number): Sql {
    return ['mssql', 'oracle'].includes(this.driver.type)
      ? sql`OFFSET ${offset} ROWS FETCH NEXT ${count} ROWS ONLY`
      : sql`LIMIT ${count} OFFSET ${offset}`;
  }

  protected override bytesOf(column: string): string {
    // In characters, where that is all that every driver's database can tell.
    return this.driver.type === 'mssql' ? `DATALENGTH(${column})` : `LENGTH(${column})`;
  }

  contains(column: Sql, text: string): Sql {
    // LIKE takes "a" for "A" there.
    if (this.driver.isSqlite) return sql`instr(${column}, ${text}) > 0`;
    const special = this.driver.type === 'mssql' ? /[!%_[]/g : /[!%_]/g;
    return sql`${column} LIKE ${`%${text.replace(special, '!$&')}%`} ESCAPE '!'`;
  }

  *selectDue(query: DueQuery, order: DueOrder, limit: number, clock: () => number): Script<DueRows> {
    const storeNow = yield* this.readNow(clock);
    const { records } = yield sql`
      SELECT ${this.taskColumns} FROM ${this.tasks} WHERE ${this.isDueBy(sql`${storeNow}`)} AND ${all(this.runnable(query))}
      ORDER BY ${this.inOrder(order)} ${this.limit(limit)}`;
    return { storeNow, records };
  }

  *nextDue(query: DueQuery): Script<number | null> {
    const { records } = yield sql`
      SELECT MIN(due_at) AS due_at FROM ${this.tasks} WHERE due_at IS NOT NULL AND ${all(this.runnable(query))}`;
    return toNullableNumber(records[0]?.due_at);
  }

  *insertTasks(rows: readonly TaskRow[]): Script<readonly string[]> {
    const conflicts: string[] = [];
    for (const batch of batches(rows.map(this.#taskValues), this.#rows)) {
      const ids = batch.map(([id]) => id);
      const { records } = yield sql`SELECT id FROM ${this.tasks} WHERE ${this.oneOf(raw('id'), ids)}`;
      const there = new Set(records.map(({ id }) => String(id)));
      for (const id of ids) if (there.has(String(id))) conflicts.push(String(id));
      const missing = batch.filter(([id]) => !there.has(String(id)));
      if (missing.length > 0) {
        yield sql`INSERT INTO ${this.tasks} (${raw(TASK_NAMES.join(', '))}) VALUES ${tuples(missing)}`;
      }
    }
    return conflicts;
  }

  *updateStates(rows: readonly TaskStateRow[]): Script<number> {
    return yield* this.#updateAll(STATE_COLUMNS, rows.map(this.#stateValues));
  }

  *updateTasks(rows: readonly TaskRow[]): Script<number> {
    return yield* this.#updateAll(TASK_NAMES, rows.map(this.#taskValues));
  }

  *#updateAll(columns: readonly string[], rows: readonly Values[]): Script<number> {
    let changed = 0;
    const version = columns.indexOf('version');
    for (const batch of batches(rows, this.#rows)) {
      // Each new version is one more than the version that was read.
      const unchanged = sameVersions(batch.map((row) => [row[0], Number(row[version]) - 1]));
      const assignments = columns.flatMap((name, at) =>
        name === 'id' ? [] : [sql`${raw(name)} = CASE id ${whens(batch, at)} ELSE ${raw(name)} END`],
      );
      const { affected } = yield sql`
        UPDATE ${this.tasks} SET ${join(assignments, ', ')} WHERE ${unchanged}`;
      changed += affected;
    }
    return changed;
  }

  /** Removes tasks that still have their version. Returns how many that was. */
  *deleteVersions(tasks: readonly Pick<TaskRow, 'id' | 'version'>[]): Script<number> {
    let deleted = 0;
    for (const batch of batches(
      tasks.map(({ id, version }) => [id, version]),
      ROWS,
    )) {
      const { affected } = yield sql`DELETE FROM ${this.tasks} WHERE ${sameVersions(batch)}`;
      deleted += affected;
    }
    return deleted;
  }

  /** Writes a mark into the state of tasks that still have their version. Returns the ids of these. */
  *mark(tasks: readonly Pick<TaskRow, 'id' | 'version'>[], mark: string): Script<ReadonlySet<string>> {
    const marked = new Set<string>();
    for (const batch of batches(
      tasks.map(({ id, version }) => [id, version]),
      ROWS,
    )) {
      yield sql`UPDATE ${this.tasks} SET state = ${mark} WHERE ${sameVersions(batch)}`;
      const { records } = yield sql`SELECT id, state FROM ${this.tasks} WHERE ${sameVersions(batch)}`;
      for (const { id, state } of records) if (state === mark) marked.add(String(id));
    }
    return marked;
  }

  *saveRuns(rows: readonly RunRow[]): Script<void> {
    for (const batch of batches(rows.map(runValues), this.#rows)) {
      yield sql`DELETE FROM ${this.runs} WHERE ${sameRuns(batch)}`;
      yield sql`INSERT INTO ${this.runs} (${raw(RUN_NAMES.join(', '))}) VALUES ${tuples(batch)}`;
    }
  }

  *saveScheduler(identity: string, heartbeatAt: Sql | number, data: string): Script<void> {
    const { affected } = yield sql`
      UPDATE ${this.schedulers} SET heartbeat_at = ${heartbeatAt}, data = ${data} WHERE scheduler = ${identity}`;
    if (affected > 0) return;
    yield sql`
      INSERT INTO ${this.schedulers} (scheduler, heartbeat_at, data) VALUES (${identity}, ${heartbeatAt}, ${data})`;
  }

  *pruneRuns(options: PruneOptions): Script<number> {
    const { keep, limit } = options;
    const tooOld = this.tooOld(options);
    let removed = 0;
    if (tooOld !== null) {
      removed += yield* this.#deleteRuns(sql`
        SELECT ${RUN_KEY_NAMES} FROM ${this.runs} WHERE ${tooOld}
        ORDER BY ended_at ${this.limit(limit)}`);
    }
    if (keep !== null && removed < limit) {
      removed += yield* this.#deleteRuns(sql`
        SELECT ${RUN_KEY_NAMES} FROM (
          SELECT ${RUN_KEY_NAMES},
            ROW_NUMBER() OVER (PARTITION BY task_id ORDER BY ended_at DESC, id, attempt DESC) AS place
          FROM ${this.runs} WHERE ${this.counted(options)}
        ) ranked WHERE place > ${keep} ORDER BY ended_at ${this.limit(limit - removed)}`);
    }
    return removed;
  }

  *#deleteRuns(selection: Sql): Script<number> {
    const { records } = yield selection;
    let removed = 0;
    const keys = records.map((record) => RUN_KEY.map((name) => record[name]));
    for (const batch of batches(keys, this.#rows)) {
      yield sql`DELETE FROM ${this.runs} WHERE ${sameRuns(batch)}`;
      removed += batch.length;
    }
    return removed;
  }
}

function sameVersions(rows: readonly Values[]): Sql {
  return join(
    rows.map(([id, version]) => sql`(id = ${id} AND version = ${version})`),
    ' OR ',
  );
}

/** @param rows Begin with what {@link RUN_KEY} names. */
function sameRuns(rows: readonly Values[]): Sql {
  const same = rows.map((row) => all(RUN_KEY.map((name, at) => sql`${raw(name)} = ${row[at]}`)));
  return join(
    same.map((one) => sql`(${one})`),
    ' OR ',
  );
}

function whens(rows: readonly Values[], at: number): Sql {
  return join(
    rows.map((row) => sql`WHEN ${row[0]} THEN ${row[at]}`),
    ' ',
  );
}
