import { all, join, raw, sql, toNullableNumber, toNumber } from '../sql/sql.js';
import type { Rows, Script, Sql } from '../sql/sql.js';
import type { DueQuery, DueRows } from './dialect.js';
import type { KnownRow, Taker } from './known.row.js';
import { LanedDialect } from './laned.dialect.js';

/** A priority that some task has. */
interface Level {
  readonly priority: number;
  /** What the question asked for it gave. */
  readonly answer: number | null;
  /** When the first of its tasks has been due or will be, whoever can run it; null when none ever is. */
  readonly firstAt: number | null;
}

/** What one statement asks of every level. */
type Question = (priority: number) => Sql;

/** A priority; null for none, and for what somebody wrote that is no number. SQLite has that behind all numbers. */
function levelOf(value: unknown): number | null {
  const priority = toNullableNumber(value);
  return Number.isNaN(priority) ? null : priority;
}

/** Before all times. Where NOT NULL walks over what is never due, this begins behind it. */
const EVER = Number.MIN_SAFE_INTEGER;

/** Up to how many priorities one statement asks for each. With more, they are lanes like those of groups. */
const MAX_LEVELS = 200;

/** How often it is asked for priorities that turn up one after another, before all are read at once. */
const MAX_ASKED = 4;

/** How often it is asked at all: somebody might add new priorities faster than they are read. */
const MAX_ROUNDS = 20;

/**
 * A database that walks its index of priority and due time priority by priority. One statement over all priorities would
 * sort everything that is due for each claim, or read everything that is not; within one priority the index gives the
 * due tasks in their order, and stops.
 *
 * The priorities in use are remembered. Each statement asks for the next one above each of them, so that a new one is
 * found at once whoever made it, and asks again until the answer closes.
 */
export abstract class LevelledDialect extends LanedDialect {
  /**
   * Writes changes of tasks that are still what the changes were made from. Returns the ids of these.
   *
   * @param isContended Whether that has thrown {@link Contended} before.
   * @throws Contended When somebody was faster, and it cannot tell with which.
   */
  abstract writeKnown(changes: readonly KnownRow[], isContended: boolean): Script<ReadonlySet<string>>;
  /** Puts tasks that are locked under a lease, as `leaseOf` does. */
  abstract takeLocked(ids: readonly string[], storeNow: number, taker: Taker): Script<void>;

  /** In order. The default priority to begin with. */
  #known: readonly number[] = [0];

  protected *selectByPriority(query: DueQuery, limit: number, clock: () => number): Script<DueRows> {
    const first = yield* this.#selectFirst(query, limit, clock);
    if (first.records.length === limit) return first;
    const asked = yield* this.#ask(() => raw('NULL'));
    if (asked === null) return (yield* this.selectByLanes(query, 'priority', limit, clock))!;
    const storeNow = this.now === null ? clock() : toNumber(asked.answer.store_now);
    const records = [...first.records];
    for (const { priority, firstAt } of asked.levels) {
      const rest = limit - records.length;
      if (rest <= 0) break;
      if (priority === first.level || firstAt === null || firstAt > storeNow) continue;
      const found = yield this.#selectLevel(query, priority, sql`${storeNow}`, rest);
      records.push(...found.records);
    }
    return { storeNow, records };
  }

  /** Takes the lowest priority that is known for the lowest that there is, and finds out in the same statement. */
  *#selectFirst(query: DueQuery, limit: number, clock: () => number): Script<DueRows & { level: number | null }> {
    const storeNow = clock();
    const level = this.#known[0] ?? 0;
    const lowest = sql`, (SELECT MIN(priority) FROM ${this.tasks}) AS first_level, ${this.now ?? storeNow} AS store_now`;
    const { records } = yield this.#selectLevel(query, level, this.now ?? sql`${storeNow}`, limit, lowest);
    const [record] = records;
    if (!record || toNumber(record.first_level) !== level) return { storeNow, records: [], level: null };
    return { storeNow: toNumber(record.store_now), records, level };
  }

  #selectLevel(query: DueQuery, priority: number, until: Sql, limit: number, more = raw('')): Sql {
    const due = sql`priority = ${priority} AND ${this.isDueBy(until)}`;
    return sql`
      SELECT ${this.taskColumns}${more} FROM ${this.tasks} WHERE ${all([due, ...this.runnable(query)])}
      ORDER BY due_at, id ${this.limit(limit)} ${this.lockFreeRows}`;
  }

  protected *nextDueOfAll(query: DueQuery, clock: () => number): Script<number | null> {
    const runnable = all(this.runnable(query));
    const free: Question = (priority) => sql`
      SELECT due_at FROM ${this.tasks}
      WHERE priority = ${priority} AND due_at >= ${EVER} AND ${this.isUnleased} AND ${runnable}
      ORDER BY due_at ${this.limit(1)}`;
    const asked = yield* this.#ask(free);
    if (asked === null) return (yield* this.nextDueByLanes(query))!;
    const first = this.earliest(asked.levels.map(({ answer }) => answer));
    const storeNow = this.now === null ? clock() : toNumber(asked.answer.store_now);
    const isFirst = asked.levels.every(({ answer, firstAt }) => firstAt === answer);
    if (isFirst || (first !== null && first <= storeNow)) return first;
    // Something is in front, such as what was taken: only that is to be looked at.
    const leased: Question = (priority) => sql`
      SELECT MIN(lease_until) FROM ${this.tasks}
      WHERE priority = ${priority} AND due_at >= ${EVER} AND due_at <= ${first ?? Number.MAX_SAFE_INTEGER}
        AND NOT (${this.isUnleased}) AND ${runnable}`;
    const leases = yield* this.#ask(leased);
    return this.earliest([first, ...(leases?.levels ?? []).map(({ answer }) => answer)]);
  }

  /** @returns null when there are too many priorities to ask for each. */
  *#ask(question: Question): Script<{ levels: readonly Level[]; answer: Rows['records'][number] } | null> {
    for (let asked = 1; asked <= MAX_ROUNDS && this.#known.length <= MAX_LEVELS; asked += 1) {
      const known = this.#known;
      const { records } = yield this.#statement(known, question);
      const answer = records[0]!;
      const levels: Level[] = [];
      let priority = levelOf(answer.first_level);
      while (priority !== null) {
        const at = known.indexOf(priority);
        if (at < 0) break;
        const [given, firstAt] = [answer[`given_${at}`], answer[`first_${at}`]];
        levels.push({ priority, answer: toNullableNumber(given), firstAt: toNullableNumber(firstAt) });
        priority = levelOf(answer[`next_${at}`]);
      }
      if (priority === null) {
        // Only what is still there is remembered, so that the question does not grow.
        this.#known = levels.map((level) => level.priority);
        return { levels, answer };
      }
      const found = asked < MAX_ASKED ? [...known, priority] : yield* this.#allLevels();
      this.#known = found.sort((a, b) => a - b);
    }
    this.#known = [0];
    return null;
  }

  /** Reads the whole index, which asking for each takes one step into. */
  *#allLevels(): Script<number[]> {
    const { records } = yield sql`SELECT DISTINCT priority FROM ${this.tasks}`;
    return records.map(({ priority }) => toNumber(priority));
  }

  #statement(known: readonly number[], question: Question): Sql {
    const columns = [sql`(SELECT MIN(priority) FROM ${this.tasks}) AS first_level`];
    if (this.now !== null) columns.push(sql`${this.now} AS store_now`);
    for (const [at, priority] of known.entries()) {
      columns.push(
        sql`(SELECT MIN(priority) FROM ${this.tasks} WHERE priority > ${priority}) AS ${raw(`next_${at}`)}`,
        sql`(${question(priority)}) AS ${raw(`given_${at}`)}`,
        sql`(SELECT MIN(due_at) FROM ${this.tasks} WHERE priority = ${priority}) AS ${raw(`first_${at}`)}`,
      );
    }
    return sql`SELECT ${join(columns, ', ')}`;
  }
}
