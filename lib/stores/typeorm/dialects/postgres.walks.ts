import type { StorableExcept } from '../sql/columns.js';
import { all, last, raw, repeated, sql } from '../sql/sql.js';
import type { Script, Sql } from '../sql/sql.js';
import type { DueQuery, DueRows } from './dialect.js';
import { LanedDialect } from './laned.dialect.js';
import { dueRows } from './postgres.rows.js';

/** A condition of which the planner knows nothing. */
function hidden(condition: Sql): Sql {
  return sql`CASE WHEN ${condition} THEN true ELSE false END`;
}

/** Behind all keys of a group, which begin with letters, digits, "-" or "_": see `keyLaneOf`. */
const BEHIND_KEYS = '~';

/** Among how many tasks that are under a lease the first lease to expire is looked for: more than all schedulers take in a second. */
const MAX_LEASES = 100_000;

/** How PostgreSQL finds what is due: one walk along an index for each priority, in one statement for all. */
export abstract class PostgresWalks extends LanedDialect {
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

  /** As the priorities, by one step into the index each, and one for each group that is left out. */
  protected lanes({ group, key }: StorableExcept): Sql {
    const first = (where: Sql) => sql`
      SELECT t.task_group, t.limit_key, t.priority, t.due_at FROM ${this.tasks} t WHERE t.due_at IS NOT NULL AND ${where}
      ORDER BY t.task_group, t.limit_key, t.priority, t.due_at LIMIT 1`;
    const isIn = this.noneOf(raw('lanes.task_group'), group);
    return sql`
      WITH RECURSIVE lanes AS (
        (${first(raw('true'))})
        UNION ALL
        SELECT next.* FROM lanes CROSS JOIN LATERAL (
          ${first(sql`(t.task_group, t.limit_key, t.priority) >
            (lanes.task_group, CASE WHEN ${isIn} THEN lanes.limit_key ELSE ${BEHIND_KEYS} END, lanes.priority)`)}
        ) next
      )
      SELECT * FROM lanes WHERE ${isIn} AND ${this.noneOf(raw('lanes.limit_key'), key)}`;
  }

  protected *selectByPriority(query: DueQuery, limit: number): Script<DueRows> {
    const { records } = yield repeated(sql`
      WITH RECURSIVE ${this.clock}, ${this.levels}
      SELECT clock.now AS store_now, due.*
      FROM clock LEFT JOIN LATERAL (${this.firstDue(query, this.taskColumns, limit)}) due ON true`);
    return dueRows(records);
  }

  /** The server's clock as a table, read once for the whole statement. */
  get clock(): Sql {
    return sql`clock AS MATERIALIZED (SELECT ${this.now} AS now)`;
  }

  /** The first tasks of all levels that are due by the clock, locked. @param columns What of them. */
  firstDue(query: DueQuery, columns: Sql, limit: number): Sql {
    return sql`
      SELECT found.* FROM levels CROSS JOIN LATERAL (
        ${this.#dueOf('levels', query, columns)} ${this.walkLimit(limit)} ${this.lockFreeRows}
      ) found
      WHERE levels.priority IS NOT NULL ${this.walkLimit(limit)}`;
  }

  /** The oldest of all levels. How many of each these are is found out before one is locked. */
  oldestDue(query: DueQuery, columns: Sql, limit: number): Sql {
    return sql`
      SELECT found.* FROM (
        SELECT priority, count(*) AS tasks FROM (
          SELECT near.priority FROM levels CROSS JOIN LATERAL (
            ${this.#dueOf('levels', query, raw('priority, due_at, id'))} ${this.walkLimit(limit)}
          ) near
          WHERE levels.priority IS NOT NULL ORDER BY near.due_at, near.id ${this.walkLimit(limit)}
        ) oldest GROUP BY priority
      ) share CROSS JOIN LATERAL (
        ${this.#dueOf('share', query, columns)} LIMIT share.tasks ${this.lockFreeRows}
      ) found`;
  }

  #dueOf(level: string, query: DueQuery, columns: Sql): Sql {
    return sql`
      SELECT ${columns} FROM ${this.tasks}
      WHERE priority = ${raw(level)}.priority AND ${this.isDueBy(raw('clock.now'))} AND ${all(this.runnable(query))}
      ORDER BY due_at, id`;
  }

  /** When the first task is due that is not by the clock, or the first lease expires that holds by it. */
  nextAfter(query: DueQuery): Sql {
    const runnable = all(this.runnable(query));
    return sql`
      SELECT min(next.due_at) FROM clock CROSS JOIN levels CROSS JOIN LATERAL (
        (SELECT due_at FROM ${this.tasks}
          WHERE priority = levels.priority AND due_at > clock.now AND ${runnable}
          ORDER BY due_at LIMIT 1)
        UNION ALL
        (${this.#firstLease(raw('clock.now'), sql`${hidden(raw('lease_until > clock.now'))} AND ${runnable}`)})
      ) next`;
  }

  /** When the first lease of a level expires. What is due by then is walked over, and not the index of lanes as a whole. */
  #firstLease(until: Sql, where: Sql): Sql {
    return sql`
      SELECT min(held.lease_until) AS lease_until FROM (
        SELECT lease_until FROM ${this.tasks} WHERE priority = levels.priority AND due_at <= ${until} AND ${where}
        ORDER BY due_at, id ${this.walkLimit(MAX_LEASES)}
      ) held`;
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
        ${this.#firstLease(
          sql`COALESCE(free.due_at, ${Number.MAX_SAFE_INTEGER}::bigint)`,
          sql`${hidden(raw('lease_until IS NOT NULL'))} AND ${runnable}`,
        )}
      ) held`),
    );
    return this.earliest([records[0]?.due_at, records[0]?.lease_until]);
  }
}
