import { all, join, raw, sql, toNullableNumber, toNumber } from '../sql/sql.js';
import type { Rows, Script, Sql } from '../sql/sql.js';
import { Dialect } from './dialect.js';
import type { DueQuery, DueRows } from './dialect.js';

/** A priority that some task has. */
interface Level {
  readonly priority: number;
  /** What the question asked for it gave. */
  readonly dueAt: number | null;
}

/** What one statement asks of every level. */
type Question = (priority: number) => Sql;

/** Up to how many priorities one statement asks for each. With more, all tasks are looked at together. */
const MAX_LEVELS = 200;

/**
 * A database that walks its index of priority and due time priority by priority. One statement over all priorities would
 * sort everything that is due for each claim, or read everything that is not; within one priority the index gives the
 * due tasks in their order, and stops.
 *
 * The priorities in use are remembered. Each statement asks for the next one above each of them, so that a new one is
 * found at once whoever made it, and asks again until the answer closes.
 */
export abstract class LevelledDialect extends Dialect {
  /** Null before the first question. */
  #known: readonly number[] | null = null;

  *selectDue(query: DueQuery, limit: number, clock: () => number): Script<DueRows> {
    const earliest: Question = (priority) => sql`SELECT MIN(due_at) FROM ${this.tasks} WHERE priority = ${priority}`;
    const asked = yield* this.#ask(earliest);
    if (asked === null) return yield* this.#selectFromAll(query, limit, clock);
    const { levels, answer } = asked;
    const storeNow = this.now === null ? clock() : toNumber(answer.store_now);
    const records: Rows['records'][number][] = [];
    for (const { priority, dueAt } of levels) {
      const rest = limit - records.length;
      if (rest <= 0) break;
      if (dueAt === null || dueAt > storeNow) continue;
      const due = sql`priority = ${priority} AND due_at <= ${storeNow}`;
      const found = yield sql`
        SELECT ${this.taskColumns} FROM ${this.tasks} WHERE ${all([due, ...this.runnable(query)])}
        ORDER BY due_at, id ${this.limit(rest)} ${this.lockFreeRows}`;
      records.push(...found.records);
    }
    return { storeNow, records };
  }

  *nextDue(query: DueQuery): Script<number | null> {
    const runnable = all(this.runnable(query));
    const earliest: Question = (priority) => sql`
      SELECT due_at FROM ${this.tasks} WHERE priority = ${priority} AND due_at IS NOT NULL AND ${runnable}
      ORDER BY due_at ${this.limit(1)}`;
    const asked = yield* this.#ask(earliest);
    if (asked) return this.earliest(asked.levels.map(({ dueAt }) => dueAt));
    const { records } = yield sql`SELECT MIN(due_at) AS due_at FROM ${this.tasks} WHERE ${runnable}`;
    return toNullableNumber(records[0]?.due_at);
  }

  *#selectFromAll(query: DueQuery, limit: number, clock: () => number): Script<DueRows> {
    const storeNow = yield* this.readNow(clock);
    const { records } = yield sql`
      SELECT ${this.taskColumns} FROM ${this.tasks} WHERE due_at <= ${storeNow} AND ${all(this.runnable(query))}
      ORDER BY priority, due_at, id ${this.limit(limit)} ${this.lockFreeRows}`;
    return { storeNow, records };
  }

  /** @returns null when there are too many priorities to ask for each. */
  *#ask(question: Question): Script<{ levels: readonly Level[]; answer: Rows['records'][number] } | null> {
    // Reads the whole index once; everything later takes one step into it per priority.
    if (this.#known === null) {
      const { records } = yield sql`SELECT DISTINCT priority FROM ${this.tasks}`;
      this.#known = records.map(({ priority }) => toNumber(priority)).sort((a, b) => a - b);
    }
    for (let known = this.#known; known.length <= MAX_LEVELS; known = this.#known) {
      const { records } = yield this.#statement(known, question);
      const answer = records[0]!;
      const levels: Level[] = [];
      let priority = toNullableNumber(answer.first_level);
      while (priority !== null) {
        const at = known.indexOf(priority);
        if (at < 0) break;
        levels.push({ priority, dueAt: toNullableNumber(answer[`due_${at}`]) });
        priority = toNullableNumber(answer[`next_${at}`]);
      }
      // Only what is still there is remembered, so that the question does not grow.
      this.#known = levels.map((level) => level.priority);
      if (priority === null) return { levels, answer };
      this.#known = [...known, priority].sort((a, b) => a - b);
    }
    this.#known = null;
    return null;
  }

  #statement(known: readonly number[], question: Question): Sql {
    const columns = [sql`(SELECT MIN(priority) FROM ${this.tasks}) AS first_level`];
    if (this.now !== null) columns.push(sql`${this.now} AS store_now`);
    for (const [at, priority] of known.entries()) {
      columns.push(
        sql`(SELECT MIN(priority) FROM ${this.tasks} WHERE priority > ${priority}) AS ${raw(`next_${at}`)}`,
        sql`(${question(priority)}) AS ${raw(`due_${at}`)}`,
      );
    }
    return sql`SELECT ${join(columns, ', ')}`;
  }
}
