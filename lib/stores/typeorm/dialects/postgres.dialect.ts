import type { RunRow, TaskRow, TaskStateRow } from '../../../persistence/codec.interface.js';
import type { PruneOptions, StoreCapabilities } from '../../store.interface.js';
import { quoteStandard } from '../schema/quote.js';
import type { TableNames } from '../schema/table.names.js';
import { batches } from '../sql/batches.js';
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
import type { DriverError } from '../sql/driver.error.js';
import { all, last, raw, repeated, sql } from '../sql/sql.js';
import type { Script, Sql } from '../sql/sql.js';
import type { DueQuery, DueRows } from './dialect.js';
import { LanedDialect } from './laned.dialect.js';
import { assigned, dueRows, rowsAs } from './postgres.rows.js';

const TASK_NAMES = TASK_COLUMNS.map(({ name }) => name);
const RUN_NAMES = RUN_COLUMNS.map(({ name }) => name);

/** Error codes of PostgreSQL: https://www.postgresql.org/docs/current/errcodes-appendix.html */
const RETRYABLE = new Set(['40001', '40P01', '55P03']);
const UNIQUE_VIOLATION = '23505';

/** A condition of which the planner knows nothing. */
function hidden(condition: Sql): Sql {
  return sql`CASE WHEN ${condition} THEN true ELSE false END`;
}

/** PostgreSQL: claims by `FOR UPDATE SKIP LOCKED`. */
export class PostgresDialect extends LanedDialect {
  override readonly isStartTask = raw('start_task');
  readonly label = 'PostgreSQL';
  readonly capabilities: StoreCapabilities;
  // One round trip. Planning a claim takes longer than making it (measured: 1.6 ms, and 0.6 ms prepared), so plans are
  // kept, and one that is must be right for every size of the table: one for a table that was empty, read as
  // a whole, would be taken for one of a million tasks too. And above a million tasks the planner's guess of the cost
  // would have a claim compiled (measured: 94 ms instead of 1 ms).
  override readonly begin = [
    [
      'BEGIN ISOLATION LEVEL READ COMMITTED',
      'SET LOCAL jit = off',
      'SET LOCAL enable_seqscan = off',
      'SET LOCAL enable_hashjoin = off',
      'SET LOCAL enable_mergejoin = off',
    ].join('; '),
  ];
  override readonly walksInTransaction = true;
  // The statement's clock, not the transaction's: a transaction may have waited for a lock.
  readonly now = raw('floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint');
  override readonly lockRows = raw('FOR UPDATE');
  override readonly lockFreeRows = raw('FOR UPDATE SKIP LOCKED');

  constructor(names: TableNames, pushed: boolean) {
    super(names, quoteStandard);
    this.capabilities = {
      coordination: 'cluster',
      wakeUp: pushed ? 'pushed' : 'polled',
      transactionalAdds: true,
      transactionalChanges: true,
      durable: true,
      takes: true,
    };
  }

  override placeholder(index: number): string {
    return `$${index + 1}`;
  }

  override bind(value: unknown): unknown {
    return value;
  }

  isRetryable({ code }: DriverError): boolean {
    return RETRYABLE.has(code);
  }

  isDuplicate({ code }: DriverError): boolean {
    return code === UNIQUE_VIOLATION;
  }

  override oneOf(column: Sql, values: readonly unknown[]): Sql {
    return sql`${column} = ANY(${values}::text[])`;
  }

  override noneOf(column: Sql, values: readonly unknown[]): Sql {
    return sql`${column} <> ALL(${values}::text[])`;
  }

  contains(column: Sql, text: string): Sql {
    return sql`strpos(${column}, ${text}) > 0`;
  }

  /**
   * Every priority that some task has, in order, each found by one step into the index: PostgreSQL before 18 has no skip
   * scan, and without it either all that is due is sorted for each claim, or all that is not due is read.
   */
  get levels(): Sql {
    const { tasks } = this;
    return sql`levels (priority) AS (
      (SELECT priority FROM ${tasks} WHERE due_at IS NOT NULL ORDER BY priority LIMIT 1)
      UNION ALL
      SELECT (SELECT t.priority FROM ${tasks} t WHERE t.due_at IS NOT NULL AND t.priority > levels.priority
        ORDER BY t.priority LIMIT 1)
      FROM levels WHERE levels.priority IS NOT NULL
    )`;
  }

  /**
   * The same, hidden from the planner together with the limits of what is walked for, so that it walks the index whatever
   * it knows. Without statistics, as in a table that has just been filled, it takes every condition for a rare one, and
   * sorts all that is due (measured: 44 ms instead of 0.5 ms a claim with 10,000 due).
   */
  override runnable(query: DueQuery): Sql[] {
    return super.runnable(query).map(hidden);
  }

  override isDueBy(time: Sql): Sql {
    return sql`due_at <= ${time}::bigint AND ${hidden(sql`COALESCE(lease_until, 0) <= ${time}::bigint`)}`;
  }

  protected override walkLimit(count: number): Sql {
    return sql`LIMIT (SELECT ${count}::integer)`;
  }

  /** As the priorities, by one step into the index each. */
  protected lanes(exceptGroups: readonly string[]): Sql {
    const first = (where: Sql) => sql`
      SELECT t.task_group, t.priority, t.due_at FROM ${this.tasks} t WHERE t.due_at IS NOT NULL AND ${where}
      ORDER BY t.task_group, t.priority, t.due_at LIMIT 1`;
    return sql`
      WITH RECURSIVE lanes AS (
        (${first(raw('true'))})
        UNION ALL
        SELECT next.* FROM lanes CROSS JOIN LATERAL (
          ${first(raw('(t.task_group, t.priority) > (lanes.task_group, lanes.priority)'))}
        ) next
      )
      SELECT * FROM lanes WHERE ${this.noneOf(raw('task_group'), exceptGroups)}`;
  }

  protected *selectByPriority(query: DueQuery, limit: number): Script<DueRows> {
    const { records } = yield repeated(sql`
      WITH RECURSIVE ${this.clock}, ${this.levels}
      SELECT clock.now AS store_now, due.* FROM clock LEFT JOIN LATERAL (${this.firstDue(query, limit)}) due ON true`);
    return dueRows(records);
  }

  /** The server's clock as a table, read once for the whole statement. */
  get clock(): Sql {
    return sql`clock AS MATERIALIZED (SELECT ${this.now} AS now)`;
  }

  /** The first tasks of all levels that are due by the clock, locked. */
  firstDue(query: DueQuery, limit: number): Sql {
    return sql`
      SELECT found.* FROM levels CROSS JOIN LATERAL (
        SELECT ${this.taskColumns} FROM ${this.tasks}
        WHERE priority = levels.priority AND ${this.isDueBy(raw('clock.now'))} AND ${all(this.runnable(query))}
        ORDER BY due_at, id ${this.walkLimit(limit)} ${this.lockFreeRows}
      ) found
      WHERE levels.priority IS NOT NULL ${this.walkLimit(limit)}`;
  }

  protected *nextDueOfAll(query: DueQuery): Script<number | null> {
    const runnable = all(this.runnable(query));
    const { records } = yield last(
      repeated(sql`
      WITH RECURSIVE ${this.levels}
      SELECT min(free.due_at) AS due_at, min(held.lease_until) AS lease_until FROM levels LEFT JOIN LATERAL (
        SELECT due_at FROM ${this.tasks}
        WHERE priority = levels.priority AND due_at IS NOT NULL AND ${hidden(raw('lease_until IS NULL'))} AND ${runnable}
        ORDER BY due_at LIMIT 1
      ) free ON true CROSS JOIN LATERAL (
        SELECT min(lease_until) AS lease_until FROM ${this.tasks}
        WHERE priority = levels.priority AND due_at <= COALESCE(free.due_at, ${Number.MAX_SAFE_INTEGER}::bigint)
          AND ${hidden(raw('lease_until IS NOT NULL'))} AND ${runnable}
      ) held`),
    );
    return this.earliest([records[0]?.due_at, records[0]?.lease_until]);
  }

  *insertTasks(rows: readonly TaskRow[]): Script<readonly string[]> {
    const conflicts: string[] = [];
    for (const batch of batches(rows.map(taskValues))) {
      const { records } = yield repeated(sql`
        INSERT INTO ${this.tasks} (${raw(TASK_NAMES.join(', '))})
        SELECT * FROM ${rowsAs(TASK_NAMES, batch, 'added')} ON CONFLICT (id) DO NOTHING RETURNING id`);
      if (records.length === batch.length) continue;
      const added = new Set(records.map(({ id }) => id));
      for (const [id] of batch) if (!added.has(id)) conflicts.push(String(id));
    }
    return conflicts;
  }

  override *insertTask(row: TaskRow, notification: Sql | null): Script<readonly string[]> {
    if (notification === null) return yield* this.insertTasks([row]);
    const { records } = yield repeated(sql`
      WITH added AS (
        INSERT INTO ${this.tasks} (${raw(TASK_NAMES.join(', '))})
        SELECT * FROM ${rowsAs(TASK_NAMES, [taskValues(row)], 'new')} ON CONFLICT (id) DO NOTHING RETURNING id
      )
      SELECT id, ${notification} FROM added`);
    return records.length > 0 ? [] : [row.id];
  }

  *updateStates(rows: readonly TaskStateRow[]): Script<number> {
    return yield* this.#update(STATE_COLUMNS, rows.map(stateValues));
  }

  *updateTasks(rows: readonly TaskRow[]): Script<number> {
    return yield* this.#update(TASK_NAMES, rows.map(taskValues));
  }

  *#update(columns: readonly string[], rows: readonly Values[]): Script<number> {
    let changed = 0;
    const assignments = assigned(columns.slice(1), 'changed');
    for (const batch of batches(rows)) {
      const { affected } = yield repeated(sql`
        UPDATE ${this.tasks} AS task SET ${assignments}
        FROM ${rowsAs(columns, batch, 'changed')} WHERE task.id = changed.id`);
      changed += affected;
    }
    return changed;
  }

  *saveRuns(rows: readonly RunRow[]): Script<void> {
    for (const batch of batches(rows.map(runValues))) yield repeated(this.insertRuns(batch, raw('true')));
  }

  /** @param where Which of them. */
  insertRuns(rows: readonly Values[], where: Sql): Sql {
    return sql`
      INSERT INTO ${this.runs} (${raw(RUN_NAMES.join(', '))})
      SELECT * FROM ${rowsAs(RUN_NAMES, rows, 'ran')} WHERE ${where}
      ON CONFLICT (${raw(RUN_KEY.join(', '))}) DO UPDATE SET ${assigned(RUN_NAMES.slice(RUN_KEY.length), 'EXCLUDED')}`;
  }

  *saveScheduler(identity: string, heartbeatAt: Sql | number, data: string): Script<void> {
    yield sql`
      INSERT INTO ${this.schedulers} (scheduler, heartbeat_at, data) VALUES (${identity}, ${heartbeatAt}, ${data})
      ON CONFLICT (scheduler) DO UPDATE SET heartbeat_at = EXCLUDED.heartbeat_at, data = EXCLUDED.data`;
  }

  *pruneRuns(options: PruneOptions): Script<number> {
    const { keep, limit } = options;
    const tooOld = this.tooOld(options);
    let removed = 0;
    if (tooOld !== null) {
      const { affected } = yield sql`
        DELETE FROM ${this.runs} WHERE ctid = ANY(ARRAY(
          SELECT ctid FROM ${this.runs} WHERE ${tooOld} ORDER BY ended_at LIMIT ${limit}
        ))`;
      removed += affected;
    }
    if (keep !== null && removed < limit) {
      const { affected } = yield sql`
        DELETE FROM ${this.runs} WHERE ctid = ANY(ARRAY(
          SELECT ctid FROM (
            SELECT ctid, ended_at,
              row_number() OVER (PARTITION BY task_id ORDER BY ended_at DESC, id, attempt DESC) AS place
            FROM ${this.runs}
            WHERE task_id IN (SELECT task_id FROM ${this.runs} GROUP BY task_id HAVING count(*) > ${keep})
              AND ${this.counted(options)}
          ) ranked WHERE place > ${keep} ORDER BY ended_at LIMIT ${limit - removed}
        ))`;
      removed += affected;
    }
    return removed;
  }

  /** Delivered with the commit. */
  override notify(channel: string, payload: string): Sql | null {
    return this.capabilities.wakeUp === 'pushed' ? sql`pg_notify(${channel}, ${payload})` : null;
  }
}
