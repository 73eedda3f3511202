import { DUE_KEY_NAMES } from '../../../model/due-keys.js';
import type { PruneOptions, StoreCapabilities } from '../../store.interface.js';
import type { DueOrder } from '../../selection.interface.js';
import type { RunRow, TaskRow, TaskStateRow } from '../../../persistence/codec.interface.js';
import type { TableNames } from '../schema/table.names.js';
import { BYTES, DUE_KEY_COLUMNS, JOURNAL_COLUMNS, RUN_COLUMNS, TAKEN_COLUMNS, TASK_COLUMNS } from '../sql/columns.js';
import type { StorableExcept } from '../sql/columns.js';
import { batches } from '../sql/batches.js';
import type { DriverError } from '../sql/driver.error.js';
import { join, list, raw, repeated, sql, toNullableNumber, toNumber } from '../sql/sql.js';
import type { Rows, Script, Sql } from '../sql/sql.js';

/** Which due tasks. */
export interface DueQuery {
  /** Only tasks of these handlers; null for all. */
  readonly handlers: readonly string[] | null;
  /** No tasks of these handlers. */
  readonly notHandlers: readonly string[];
  /** No tasks that have one of these values, by key. */
  readonly except: StorableExcept;
  /** Only what was written in one of these ways: the rest cannot be read here and must not be in the way. */
  readonly codecs: readonly string[];
  /** Not these: they are known to be damaged. */
  readonly excluded: readonly string[];
}

/** What {@link Dialect.selectDue} finds. */
export interface DueRows {
  /** The server's clock, in milliseconds since the epoch. */
  readonly storeNow: number;
  readonly records: Rows['records'];
}

/** The names of the columns of a task that are read back. */
const READ_BACK = TASK_COLUMNS.map(({ name }) => name).filter((name) => name !== 'search' && name !== 'start_task');

function takenColumns(columnOf: (name: string) => string): string[] {
  const taken = new Set<string>(TAKEN_COLUMNS.map(({ name }) => name));
  return READ_BACK.map((name) => (taken.has(name) ? `due.${name}` : columnOf(name)));
}

/** Columns of any length that are read back. */
const TEXTS: ReadonlySet<string> = new Set(['tags', 'definition', 'state', 'outcome', 'body']);

/** How many attempts one statement looks for. */
const ATTEMPTS = 100;

/** The runs that `failedBefore` is about: see `PruneOptions`. */
const FAILURES = ['failed', 'lost'];

/**
 * What differs from database to database: one subclass each, in a file of its own. All statements of it are written here
 * and in the subclasses; what is the same everywhere is in `sql/`.
 */
export abstract class Dialect {
  /** The kind of database, for messages. */
  abstract readonly label: string;
  abstract readonly capabilities: StoreCapabilities;
  /** Whether the data source has one connection, which everything that is done at the same time has a share in. */
  readonly sharesConnection: boolean = false;
  /** Whether what walks an index belongs into a transaction, for what {@link begin} sets. */
  readonly walksInTransaction: boolean = false;
  /** The statements that open a transaction; null to let TypeORM do it. */
  readonly begin: readonly string[] | null = null;
  /** The isolation of transactions that the store opens for the application; the database's own when left out. */
  readonly callersIsolation: 'READ COMMITTED' | null = null;

  /** The tables' names, quoted. */
  readonly tasks: Sql;
  readonly runs: Sql;
  readonly journal: Sql;
  readonly schedulers: Sql;
  #taskColumns: Sql;
  #takenColumns: Sql;
  #runColumns: Sql;
  #journalColumns: Sql;

  constructor(
    readonly names: TableNames,
    quote: (name: string) => string,
  ) {
    const path = (name: string) => raw(names.schema === null ? quote(name) : `${quote(names.schema)}.${quote(name)}`);
    this.tasks = path(names.tasks);
    this.runs = path(names.runs);
    this.journal = path(names.journal);
    this.schedulers = path(names.schedulers);
    this.#taskColumns = raw(READ_BACK.join(', '));
    this.#takenColumns = raw(takenColumns((name) => name).join(', '));
    this.#runColumns = raw(RUN_COLUMNS.map(({ name }) => name).join(', '));
    this.#journalColumns = raw(JOURNAL_COLUMNS.map(({ name }) => name).join(', '));
  }

  /** The columns of a task that are read back. */
  get taskColumns(): Sql {
    return this.#taskColumns;
  }

  /** The same of the table `task` in a statement that takes, where `due` has what a taking writes as it was. */
  get takenColumns(): Sql {
    return this.#takenColumns;
  }

  get runColumns(): Sql {
    return this.#runColumns;
  }

  get journalColumns(): Sql {
    return this.#journalColumns;
  }

  /**
   * From now on, texts that are longer are not read back: the database tells their length instead. It asks for that without
   * reading them, where it can.
   */
  limitReads(maxBytes: number): void {
    const limited = (name: string) => {
      const isText = TEXTS.has(name);
      return isText ? `CASE WHEN ${this.bytesOf(name)} > ${maxBytes} THEN '' ELSE ${name} END AS ${name}` : name;
    };
    const bytes = (names: readonly string[]) => `${names.map((name) => this.bytesOf(name)).join(' + ')} AS ${BYTES}`;
    this.#taskColumns = raw([...READ_BACK.map(limited), bytes(['definition', 'state'])].join(', '));
    this.#takenColumns = raw([...takenColumns(limited), bytes(['definition', 'state'])].join(', '));
    this.#runColumns = raw([...RUN_COLUMNS.map(({ name }) => limited(name)), bytes(['outcome'])].join(', '));
    this.#journalColumns = raw([...JOURNAL_COLUMNS.map(({ name }) => limited(name)), bytes(['body'])].join(', '));
  }

  /** An expression for how many bytes a column of text has. */
  protected bytesOf(column: string): string {
    return `OCTET_LENGTH(${column})`;
  }

  /** The parameter of an index, counted from 0. */
  placeholder(_index: number): string {
    return '?';
  }

  /** What the driver is to bind for a value. */
  bind(value: unknown): unknown {
    return typeof value === 'boolean' ? Number(value) : value;
  }

  /** The server's clock in milliseconds since the epoch; null where the process's own clock is the one. */
  abstract readonly now: Sql | null;
  /** Locks what is selected, waiting for others that hold it. */
  readonly lockRows: Sql = raw('');
  /** Locks what is selected, leaving out what others hold. */
  readonly lockFreeRows: Sql = raw('');

  /** Whether the statement may succeed when it is tried again: a deadlock, a failed serialisation, a busy file. */
  abstract isRetryable(error: DriverError): boolean;
  /** Whether a row with that key was there already. */
  abstract isDuplicate(error: DriverError): boolean;

  limit(count: number): Sql {
    return sql`LIMIT ${count}`;
  }

  page(offset: number, count: number): Sql {
    return sql`LIMIT ${count} OFFSET ${offset}`;
  }

  oneOf(column: Sql, values: readonly unknown[]): Sql {
    return values.length === 0 ? raw('1 = 0') : sql`${column} IN (${list(values)})`;
  }

  noneOf(column: Sql, values: readonly unknown[]): Sql {
    return values.length === 0 ? raw('1 = 1') : sql`${column} NOT IN (${list(values)})`;
  }

  /** Whether a column has a text somewhere in it, upper and lower case told apart. */
  abstract contains(column: Sql, text: string): Sql;

  /** The conditions of {@link DueQuery}. */
  runnable({ handlers, notHandlers, except, codecs, excluded }: DueQuery): Sql[] {
    const conditions = [this.oneOf(raw('codec'), codecs)];
    if (handlers !== null) conditions.push(this.oneOf(raw('handler'), handlers));
    if (notHandlers.length > 0) conditions.push(this.noneOf(raw('handler'), notHandlers));
    for (const key of DUE_KEY_NAMES) {
      if (except[key].length > 0) conditions.push(this.noneOf(raw(DUE_KEY_COLUMNS[key].name), except[key]));
    }
    if (excluded.length > 0) conditions.push(this.noneOf(raw('id'), excluded));
    return conditions;
  }

  /** Whether a task is under no lease. */
  get isUnleased(): Sql {
    return raw('lease_until IS NULL');
  }

  /** Whether a task is due by a time, and under no lease then: a taking leaves `due_at` as it was. */
  isDueBy(time: Sql): Sql {
    return sql`due_at <= ${time} AND COALESCE(lease_until, 0) <= ${time}`;
  }

  /** What due tasks are sorted by. */
  protected inOrder(order: DueOrder): Sql {
    return raw(order === 'age' ? 'due_at, id' : 'priority, due_at, id');
  }

  /** Whether a run is dead. */
  isDead(dead: boolean): Sql {
    return sql`dead = ${dead}`;
  }

  /** Whether a task is one that schedulers look for at their starts and stops. */
  readonly isStartTask: Sql = sql`start_task = ${true}`;

  /** The runs that end too early to be kept; null when none does. Its first condition is one for an index. */
  protected tooOld({ before, failedBefore }: PruneOptions): Sql | null {
    if (failedBefore === null) return before === null ? null : sql`ended_at < ${before}`;
    const status = raw('status');
    const failures = sql`(ended_at < ${failedBefore} AND ${this.oneOf(status, FAILURES)})`;
    if (before === null) return sql`ended_at < ${failedBefore} AND ${failures}`;
    const others = sql`(ended_at < ${before} AND ${this.noneOf(status, FAILURES)})`;
    return sql`ended_at < ${Math.max(before, failedBefore)} AND (${failures} OR ${others})`;
  }

  /** The runs of which only the latest of each task are kept. */
  protected counted({ failedBefore }: PruneOptions): Sql {
    return failedBefore === null ? raw('1 = 1') : this.noneOf(raw('status'), FAILURES);
  }

  /** The server's clock, or the process's. */
  *readNow(clock: () => number): Script<number> {
    if (this.now === null) return clock();
    const { records } = yield sql`SELECT ${this.now} AS store_now`;
    return toNumber(records[0]!.store_now);
  }

  /** The due tasks, the first in the order, locked where the dialect locks. */
  abstract selectDue(query: DueQuery, order: DueOrder, limit: number, clock: () => number): Script<DueRows>;
  /** When the next task is due, in milliseconds since the epoch. Of what is due already it need not be the first. */
  abstract nextDue(query: DueQuery, clock: () => number): Script<number | null>;

  /** Adds tasks; returns the ids that were there already. Each id comes once. */
  abstract insertTasks(rows: readonly TaskRow[]): Script<readonly string[]>;

  /**
   * Adds tasks of which none is likely to be there; returns the ids that were there already, or fails as {@link isDuplicate} says.
   */
  insertNew(rows: readonly TaskRow[]): Script<readonly string[]> {
    return this.insertTasks(rows);
  }

  /**
   * Adds a task, in the statement that also tells other processes of it where there is one to tell them.
   *
   * @param _notification What {@link notify} gave, or null.
   */
  insertTask(row: TaskRow, _notification: Sql | null): Script<readonly string[]> {
    return this.insertTasks([row]);
  }

  /** An expression that tells other processes that something is due; null where that cannot be said. */
  notify(_channel: string, _payload: string): Sql | null {
    return null;
  }

  /** Writes the state of tasks that are locked, or whose version is one less. Returns how many it changed. */
  abstract updateStates(rows: readonly TaskStateRow[]): Script<number>;
  /** The same for all columns. */
  abstract updateTasks(rows: readonly TaskRow[]): Script<number>;
  /** Keeps ended runs, each replacing the one with the same key, which has the time too. Each key comes once. */
  abstract saveRuns(rows: readonly RunRow[]): Script<void>;
  /** Removes what there is of some attempts, whenever they ended. */
  *removeRuns(rows: readonly RunRow[]): Script<void> {
    const keys = rows.map(({ taskId, id, attempt, token }) => [taskId, id, attempt, token]);
    for (const batch of batches(keys, ATTEMPTS)) {
      const same = batch.map(
        // By the index of the task.
        ([taskId, id, attempt, token]) =>
          sql`(task_id = ${taskId} AND id = ${id} AND attempt = ${attempt} AND token = ${token})`,
      );
      yield sql`DELETE FROM ${this.runs} WHERE ${join(same, ' OR ')}`;
    }
  }

  /** @param heartbeatAt In milliseconds since the epoch, or {@link now}. */
  abstract saveScheduler(identity: string, heartbeatAt: Sql | number, data: string): Script<void>;
  abstract pruneRuns(options: PruneOptions): Script<number>;

  /** Tasks by id, locked where the dialect locks, with the server's clock in each row. */
  selectByIds(ids: readonly string[]): Sql {
    const clock = this.now === null ? raw('') : sql`, ${this.now} AS store_now`;
    return repeated(sql`
      SELECT ${this.taskColumns}${clock} FROM ${this.tasks} WHERE ${this.oneOf(raw('id'), ids)}
      ORDER BY id ${this.lockRows}`);
  }

  *deleteTasks(ids: readonly string[]): Script<number> {
    const { affected } = yield sql`DELETE FROM ${this.tasks} WHERE ${this.oneOf(raw('id'), ids)}`;
    return affected;
  }

  /** The earliest of some numbers; null when there is none. */
  protected earliest(values: readonly unknown[]): number | null {
    const numbers = values.map(toNullableNumber).filter((value) => value !== null);
    return numbers.length === 0 ? null : Math.min(...numbers);
  }
}
