import type { RunRow, TaskRow, TaskStateRow } from '../../../persistence/codec.interface.js';
import type { PruneOptions, StoreCapabilities } from '../../store.interface.js';
import { quoteBackticks } from '../schema/quote.js';
import type { TableNames } from '../schema/table.names.js';
import { batches, tuples } from '../sql/batches.js';
import type { Values } from '../sql/batches.js';
import { RUN_COLUMNS, RUN_KEY, runValues, STATE_COLUMNS, TASK_COLUMNS } from '../sql/columns.js';
import type { StorableExcept } from '../sql/columns.js';
import { driverErrorOf } from '../sql/driver.error.js';
import { fixedStateValues, fixedTaskValues } from '../sql/fixed.lease.js';
import type { DriverError } from '../sql/driver.error.js';
import { join, raw, sql } from '../sql/sql.js';
import type { Script, Sql } from '../sql/sql.js';
import type { KnownRow, Taker } from './known.row.js';
import { LevelledDialect } from './levelled.dialect.js';
import { takeLocked, writeKnown } from './mysql.exchange.js';

const TASK_NAMES = TASK_COLUMNS.map(({ name }) => name);
const RUN_NAMES = RUN_COLUMNS.map(({ name }) => name);

/** The columns of a task that have no default and that a change of its state does not touch. */
const UNTOUCHED = TASK_COLUMNS.filter(({ name }) => !(STATE_COLUMNS as readonly string[]).includes(name));

/**
 * MySQL 8 and MariaDB 10.6 or newer: claims by `FOR UPDATE SKIP LOCKED` under READ COMMITTED. Under REPEATABLE READ the
 * gaps between rows are locked as well, and concurrent claims end in deadlocks (measured: slower on four connections than
 * on one). A batch of changes is one `INSERT … ON DUPLICATE KEY UPDATE`, which was measured to be the fastest of that,
 * JSON_TABLE, CASE and a join with a UNION.
 */
export class MysqlDialect extends LevelledDialect {
  readonly label = 'MySQL';
  readonly capabilities: StoreCapabilities;
  // Only the next transaction: the connection is the application's.
  override readonly begin = ['SET TRANSACTION ISOLATION LEVEL READ COMMITTED', 'START TRANSACTION'];
  /** Under REPEATABLE READ MariaDB refuses to lock a row that was changed since the transaction has read something. */
  override readonly callersIsolation = 'READ COMMITTED';
  // By UTC_TIMESTAMP: UNIX_TIMESTAMP(NOW(3)) goes through the session's zone and is an hour off in autumn.
  readonly now = raw("TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(3)) DIV 1000");
  override readonly lockRows = raw('FOR UPDATE');
  override readonly lockFreeRows = raw('FOR UPDATE SKIP LOCKED');

  /** @param isPushed Whether schedulers are to wake each other. */
  constructor(names: TableNames, isPushed: boolean) {
    super(names, quoteBackticks);
    this.capabilities = {
      coordination: 'cluster',
      wakeUp: isPushed ? 'pushed' : 'polled',
      transactionalAdds: true,
      transactionalChanges: true,
      durable: true,
      takes: true,
      journal: 'atomic',
    };
  }

  isRetryable({ code }: DriverError): boolean {
    // The third is MariaDB's failed serialisation; the last is two bulk adds of the same id.
    return ['ER_LOCK_DEADLOCK', 'ER_LOCK_WAIT_TIMEOUT', 'ER_CHECKREAD', 'ER_DUP_ENTRY'].includes(code);
  }

  isDuplicate({ code }: DriverError): boolean {
    return code === 'ER_DUP_ENTRY';
  }

  contains(column: Sql, text: string): Sql {
    return sql`LOCATE(${text}, ${column}) > 0`;
  }

  override get isUnleased(): Sql {
    return raw('lease_until = 0');
  }

  writeKnown(changes: readonly KnownRow[], isContended: boolean): Script<ReadonlySet<string>> {
    return writeKnown(this, changes, isContended);
  }

  takeLocked(ids: readonly string[], storeNow: number, taker: Taker): Script<void> {
    return takeLocked(this, ids, storeNow, taker);
  }

  /** Left to itself, it takes the index by priority for a lane that it thinks a large one, and walks over the others. */
  protected override get laned(): Sql {
    return sql`${this.tasks} FORCE INDEX (${raw(quoteBackticks(this.names.laneIndex))})`;
  }

  /** Walked from one lane to the next, as "Using index for group-by" says. */
  protected lanes({ group, key }: StorableExcept): Sql {
    return sql`
      SELECT task_group, limit_key, priority, MIN(due_at) AS due_at FROM ${this.laned}
      WHERE ${this.noneOf(raw('task_group'), group)} GROUP BY task_group, limit_key, priority
      HAVING ${this.noneOf(raw('limit_key'), key)}`;
  }

  *insertTasks(rows: readonly TaskRow[]): Script<readonly string[]> {
    const conflicts: string[] = [];
    for (const batch of batches(rows.map(fixedTaskValues))) {
      if (yield* this.#insert(batch)) continue;
      // Not INSERT IGNORE, which cuts what does not fit; and whether an upsert inserted anything is told differently by
      // connections with and without FOUND_ROWS.
      const there = batch.length > 1 ? yield* this.#there(batch) : new Set([batch[0]![0]]);
      for (const [id] of batch) if (there.has(id)) conflicts.push(String(id));
      const missing = batch.filter(([id]) => !there.has(id));
      // What somebody else adds in this moment makes it a failure that is tried again.
      if (missing.length > 0) yield this.#insertion(missing);
    }
    return conflicts;
  }

  /** Returns whether none of them was there: then, and only then, they now are. */
  *#insert(rows: readonly Values[]): Script<boolean> {
    try {
      yield this.#insertion(rows);
      return true;
    } catch (error) {
      const cause = driverErrorOf(error);
      if (cause && this.isDuplicate(cause)) return false;
      throw error;
    }
  }

  *#there(rows: readonly Values[]): Script<ReadonlySet<unknown>> {
    const ids = rows.map(([id]) => id);
    const { records } = yield sql`SELECT id FROM ${this.tasks} WHERE ${this.oneOf(raw('id'), ids)}`;
    return new Set(records.map(({ id }) => String(id)));
  }

  #insertion(rows: readonly Values[]): Sql {
    return sql`INSERT INTO ${this.tasks} (${raw(TASK_NAMES.join(', '))}) VALUES ${tuples(rows)}`;
  }

  /** The rows are there and locked, so this never inserts: what it gives for the columns it leaves alone goes nowhere. */
  *updateStates(rows: readonly TaskStateRow[]): Script<number> {
    const columns = [...STATE_COLUMNS, ...UNTOUCHED.map(({ name }) => name)];
    const filler = UNTOUCHED.map(({ kind }) => (kind === 'integer' || kind === 'flag' ? 0 : ''));
    const values = rows.map((row) => [...fixedStateValues(row), ...filler]);
    yield* this.#upsert(this.tasks, columns, values, STATE_COLUMNS.slice(1));
    return rows.length;
  }

  *updateTasks(rows: readonly TaskRow[]): Script<number> {
    yield* this.#upsert(this.tasks, TASK_NAMES, rows.map(fixedTaskValues), TASK_NAMES.slice(1));
    return rows.length;
  }

  *saveRuns(rows: readonly RunRow[]): Script<void> {
    yield* this.#upsert(this.runs, RUN_NAMES, rows.map(runValues), RUN_NAMES.slice(RUN_KEY.length));
  }

  *saveScheduler(identity: string, heartbeatAt: Sql | number, data: string): Script<void> {
    yield sql`
      INSERT INTO ${this.schedulers} (scheduler, heartbeat_at, data) VALUES (${identity}, ${heartbeatAt}, ${data})
      ON DUPLICATE KEY UPDATE heartbeat_at = VALUES(heartbeat_at), data = VALUES(data)`;
  }

  *#upsert(table: Sql, columns: readonly string[], rows: readonly Values[], changed: readonly string[]): Script<void> {
    // VALUES() is what MySQL and MariaDB both know.
    const assignments = raw(changed.map((name) => `${name} = VALUES(${name})`).join(', '));
    for (const batch of batches(rows)) {
      yield sql`
        INSERT INTO ${table} (${raw(columns.join(', '))}) VALUES ${tuples(batch)}
        ON DUPLICATE KEY UPDATE ${assignments}`;
    }
  }

  *pruneRuns(options: PruneOptions): Script<number> {
    const { keep, limit } = options;
    const tooOld = this.tooOld(options);
    let removed = 0;
    if (tooOld !== null) {
      const { affected } = yield sql`
        DELETE FROM ${this.runs} WHERE ${tooOld} ORDER BY ended_at ${this.limit(limit)}`;
      removed += affected;
    }
    if (keep !== null && removed < limit) {
      const key = raw(RUN_KEY.join(', '));
      const { affected } = yield sql`
        DELETE run FROM ${this.runs} AS run JOIN (
          SELECT ${key} FROM (
            SELECT ${key},
              ROW_NUMBER() OVER (PARTITION BY task_id ORDER BY ended_at DESC, id, attempt DESC) AS place
            FROM ${this.runs}
            WHERE task_id IN (SELECT task_id FROM ${this.runs} GROUP BY task_id HAVING COUNT(*) > ${keep})
              AND ${this.counted(options)}
          ) ranked WHERE place > ${keep} ORDER BY ended_at ${this.limit(limit - removed)}
        ) old ON ${join(
          RUN_KEY.map((name) => raw(`run.${name} = old.${name}`)),
          ' AND ',
        )}`;
      removed += affected;
    }
    return removed;
  }
}
