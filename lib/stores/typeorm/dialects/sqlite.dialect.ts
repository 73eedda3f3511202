import type { RunRow, TaskRow, TaskStateRow } from '../../../persistence/codec.interface.js';
import type { StoreCapabilities } from '../../store.interface.js';
import { quoteStandard } from '../schema/quote.js';
import type { TableNames } from '../schema/table.names.js';
import { batches, tuples } from '../sql/batches.js';
import type { Values } from '../sql/batches.js';
import { RUN_COLUMNS, runValues, STATE_COLUMNS, stateValues, TASK_COLUMNS, taskValues } from '../sql/columns.js';
import type { DriverError } from '../sql/driver.error.js';
import { raw, sql } from '../sql/sql.js';
import type { Script, Sql } from '../sql/sql.js';
import type { Pruning } from './dialect.js';
import { LevelledDialect } from './levelled.dialect.js';

const TASK_NAMES = TASK_COLUMNS.map(({ name }) => name);
const RUN_NAMES = RUN_COLUMNS.map(({ name }) => name);

/**
 * SQLite through better-sqlite3: an immediate transaction, which one process of the host has at a time. The file has no
 * clock of its own; its processes share the host's.
 */
export class SqliteDialect extends LevelledDialect {
  readonly label = 'SQLite';
  readonly capabilities: StoreCapabilities;
  readonly now = null;

  /** @param inMemory Whether the database goes with the connection. */
  constructor(names: TableNames, inMemory: boolean) {
    super(names, quoteStandard);
    this.capabilities = {
      coordination: inMemory ? 'process' : 'host',
      wakeUp: 'polled',
      transactionalAdds: true,
      durable: !inMemory,
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

  *insertTasks(rows: readonly TaskRow[]): Script<readonly string[]> {
    const conflicts: string[] = [];
    for (const batch of batches(rows.map(taskValues))) {
      const { records } = yield sql`
        INSERT INTO ${this.tasks} (${raw(TASK_NAMES.join(', '))}) VALUES ${tuples(batch)}
        ON CONFLICT (id) DO NOTHING RETURNING id`;
      if (records.length === batch.length) continue;
      const added = new Set(records.map(({ id }) => id));
      for (const [id] of batch) if (!added.has(id)) conflicts.push(String(id));
    }
    return conflicts;
  }

  *updateStates(rows: readonly TaskStateRow[]): Script<number> {
    return yield* this.#update(STATE_COLUMNS, rows.map(stateValues));
  }

  *updateTasks(rows: readonly TaskRow[]): Script<number> {
    return yield* this.#update(TASK_NAMES, rows.map(taskValues));
  }

  *#update(columns: readonly string[], rows: readonly Values[]): Script<number> {
    let changed = 0;
    const assignments = columns.filter((name) => name !== 'id').map((name) => `${name} = changed.${name}`);
    for (const batch of batches(rows)) {
      const { affected } = yield sql`
        WITH changed (${raw(columns.join(', '))}) AS (VALUES ${tuples(batch)})
        UPDATE ${this.tasks} SET ${raw(assignments.join(', '))}
        FROM changed WHERE ${this.tasks}.id = changed.id`;
      changed += affected;
    }
    return changed;
  }

  *saveRuns(rows: readonly RunRow[]): Script<void> {
    for (const batch of batches(rows.map(runValues))) {
      yield sql`INSERT OR REPLACE INTO ${this.runs} (${raw(RUN_NAMES.join(', '))}) VALUES ${tuples(batch)}`;
    }
  }

  *saveScheduler(identity: string, heartbeatAt: number, data: string): Script<void> {
    yield sql`
      INSERT OR REPLACE INTO ${this.schedulers} (scheduler, heartbeat_at, data)
      VALUES (${identity}, ${heartbeatAt}, ${data})`;
  }

  *pruneRuns({ before, keep, limit }: Pruning): Script<number> {
    let removed = 0;
    if (before !== null) {
      const { affected } = yield sql`
        DELETE FROM ${this.runs} WHERE rowid IN (
          SELECT rowid FROM ${this.runs} WHERE ended_at < ${before} ORDER BY ended_at LIMIT ${limit}
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
          ) WHERE place > ${keep} ORDER BY ended_at LIMIT ${limit - removed}
        )`;
      removed += affected;
    }
    return removed;
  }
}
