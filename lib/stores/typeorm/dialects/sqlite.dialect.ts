import type { RunRow, TaskRow, TaskStateRow } from '../../../persistence/codec.interface.js';
import type { PruneOptions, StoreCapabilities } from '../../store.interface.js';
import { quoteStandard } from '../schema/quote.js';
import type { TableNames } from '../schema/table.names.js';
import type { Values } from '../sql/batches.js';
import { STATE_COLUMNS, stateValues, TASK_COLUMNS, taskValues } from '../sql/columns.js';
import type { StorableExcept } from '../sql/columns.js';
import type { DriverError } from '../sql/driver.error.js';
import { EachRow, raw, sql } from '../sql/sql.js';
import type { Script, Sql } from '../sql/sql.js';
import type { KnownRow, Taker } from './known.row.js';
import { LevelledDialect } from './levelled.dialect.js';
import { insertRuns, places, takeLocked, textOf, writeKnown } from './sqlite.exchange.js';

const TASK_NAMES = TASK_COLUMNS.map(({ name }) => name);

/**
 * SQLite through better-sqlite3: an immediate transaction, which one process of the host has at a time. The file has no
 * clock of its own; its processes share the host's.
 */
export class SqliteDialect extends LevelledDialect {
  readonly label = 'SQLite';
  readonly capabilities: StoreCapabilities;
  readonly now = null;

  /**
   * @param inMemory Whether the database goes with the connection.
   * @param isPushed Whether schedulers are to wake each other.
   */
  constructor(names: TableNames, inMemory: boolean, isPushed: boolean) {
    super(names, quoteStandard);
    this.capabilities = {
      coordination: inMemory ? 'process' : 'host',
      wakeUp: isPushed && !inMemory ? 'pushed' : 'polled',
      transactionalAdds: true,
      transactionalChanges: true,
      durable: !inMemory,
      takes: true,
      journal: 'atomic',
    };
  }

  isRetryable({ code }: DriverError): boolean {
    return code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED');
  }

  isDuplicate({ code }: DriverError): boolean {
    return code === 'SQLITE_CONSTRAINT_PRIMARYKEY' || code === 'SQLITE_CONSTRAINT_UNIQUE';
  }

  contains(column: Sql, text: string): Sql {
    return sql`instr(${column}, ${text}) > 0`;
  }

  /** With statistics it takes the index by priority for a lane, and walks over the others. */
  protected override get laned(): Sql {
    return sql`${this.tasks} INDEXED BY ${raw(quoteStandard(this.names.laneIndex))}`;
  }

  /** Every group, then the keys of each, then their priorities, by one step into the index each: a GROUP BY reads all of it. */
  protected lanes({ group, key }: StorableExcept): Sql {
    const { tasks } = this;
    return sql`
      WITH RECURSIVE groups (task_group) AS (
        SELECT MIN(task_group) FROM ${tasks}
        UNION ALL
        SELECT (SELECT MIN(task_group) FROM ${tasks} WHERE task_group > groups.task_group)
        FROM groups WHERE task_group IS NOT NULL
      ), keys (task_group, limit_key) AS (
        SELECT task_group, (SELECT MIN(limit_key) FROM ${tasks} WHERE task_group = groups.task_group)
        FROM groups WHERE task_group IS NOT NULL AND ${this.noneOf(raw('task_group'), group)}
        UNION ALL
        SELECT task_group, (SELECT MIN(limit_key) FROM ${tasks} t
          WHERE t.task_group = keys.task_group AND t.limit_key > keys.limit_key)
        FROM keys WHERE limit_key IS NOT NULL
      ), levels (task_group, limit_key, priority) AS (
        SELECT task_group, limit_key, (SELECT MIN(priority) FROM ${tasks} t
          WHERE t.task_group = keys.task_group AND t.limit_key = keys.limit_key)
        FROM keys WHERE limit_key IS NOT NULL AND ${this.noneOf(raw('limit_key'), key)}
        UNION ALL
        SELECT task_group, limit_key, (SELECT MIN(priority) FROM ${tasks} t
          WHERE t.task_group = levels.task_group AND t.limit_key = levels.limit_key AND t.priority > levels.priority)
        FROM levels WHERE priority IS NOT NULL
      )
      SELECT task_group, limit_key, priority, (SELECT MIN(due_at) FROM ${tasks} t
        WHERE t.task_group = levels.task_group AND t.limit_key = levels.limit_key AND t.priority = levels.priority) AS due_at
      FROM levels WHERE priority IS NOT NULL`;
  }

  // A partial index serves a condition that says literally what its own does.
  override readonly isStartTask = raw('start_task = 1');

  override isDead(dead: boolean): Sql {
    return raw(dead ? 'dead = 1' : 'dead = 0');
  }

  *insertTasks(rows: readonly TaskRow[]): Script<readonly string[]> {
    const text = `
      INSERT INTO ${textOf(this.tasks)} (${TASK_NAMES.join(', ')}) VALUES (${places(TASK_NAMES.length)})
      ON CONFLICT (id) DO NOTHING`;
    const { affectedBy } = yield new EachRow(text, rows.map(taskValues));
    return rows.filter((_, at) => affectedBy![at] === 0).map(({ id }) => id);
  }

  *updateStates(rows: readonly TaskStateRow[]): Script<number> {
    return yield* this.#update(STATE_COLUMNS, rows.map(stateValues));
  }

  *updateTasks(rows: readonly TaskRow[]): Script<number> {
    return yield* this.#update(TASK_NAMES, rows.map(taskValues));
  }

  /** @param columns The first is the id. */
  *#update(columns: readonly string[], rows: readonly Values[]): Script<number> {
    const assignments = columns.slice(1).map((name) => `${name} = ?`);
    const text = `UPDATE ${textOf(this.tasks)} SET ${assignments.join(', ')} WHERE id = ?`;
    const { affected } = yield new EachRow(
      text,
      rows.map(([id, ...values]) => [...values, id]),
    );
    return affected;
  }

  writeKnown(changes: readonly KnownRow[]): Script<ReadonlySet<string>> {
    return writeKnown(this, changes);
  }

  takeLocked(ids: readonly string[], storeNow: number, taker: Taker): Script<void> {
    return takeLocked(this, ids, storeNow, taker);
  }

  override *removeRuns(rows: readonly RunRow[]): Script<void> {
    const text = `DELETE FROM ${textOf(this.runs)} WHERE task_id = ? AND id = ? AND attempt = ? AND token = ?`;
    yield new EachRow(
      text,
      rows.map(({ taskId, id, attempt, token }) => [taskId, id, attempt, token]),
    );
  }

  saveRuns(rows: readonly RunRow[]): Script<void> {
    return insertRuns(this.runs, rows);
  }

  *saveScheduler(identity: string, heartbeatAt: Sql | number, data: string): Script<void> {
    yield sql`
      INSERT OR REPLACE INTO ${this.schedulers} (scheduler, heartbeat_at, data)
      VALUES (${identity}, ${heartbeatAt}, ${data})`;
  }

  *pruneRuns(options: PruneOptions): Script<number> {
    const { keep, limit } = options;
    const tooOld = this.tooOld(options);
    let removed = 0;
    if (tooOld !== null) {
      const { affected } = yield sql`
        DELETE FROM ${this.runs} WHERE rowid IN (
          SELECT rowid FROM ${this.runs} WHERE ${tooOld} ORDER BY ended_at LIMIT ${limit}
        )`;
      removed += affected;
    }
    if (keep !== null && removed < limit) {
      const { affected } = yield sql`
        DELETE FROM ${this.runs} WHERE rowid IN (
          SELECT run FROM (
            SELECT rowid AS run, ended_at,
              row_number() OVER (PARTITION BY task_id ORDER BY ended_at DESC, id, attempt DESC) AS place
            FROM ${this.runs}
            WHERE task_id IN (SELECT task_id FROM ${this.runs} GROUP BY task_id HAVING count(*) > ${keep})
              AND ${this.counted(options)}
          ) WHERE place > ${keep} ORDER BY ended_at LIMIT ${limit - removed}
        )`;
      removed += affected;
    }
    return removed;
  }
}
