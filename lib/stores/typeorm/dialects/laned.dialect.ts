import type { DueOrder } from '../../selection.interface.js';
import { compareText } from '../../task-query.js';
import type { StorableExcept } from '../sql/columns.js';
import { all, join, raw, sql, toNullableNumber, toNumber } from '../sql/sql.js';
import type { Rows, Script, Sql } from '../sql/sql.js';
import { Dialect } from './dialect.js';
import type { DueQuery, DueRows } from './dialect.js';

/** What decides how early something is claimed, besides the id. */
interface Place {
  readonly priority: number;
  readonly dueAt: number;
}

/** The tasks that have group, key and priority in common. `dueAt` is that of the first, whoever can run it. */
interface Lane extends Place {
  readonly group: string;
  readonly key: string;
}

interface Key extends Place {
  readonly id: string;
}

/** How many lanes one statement looks into. */
const MAX_LANES = 50;

/**
 * With how many lanes it costs less to walk over the tasks of the keys that are left out. To find a lane is a step into the index,
 * also where nothing of it is due for long.
 */
const MOST_LANES = 5_000;

/** How often it is walked then, until the lanes are counted again. */
const WALKS = 100;

/** How many values one statement has: SQLite takes 32,766. */
const MAX_VALUES = 30_000;

/** How many tasks are asked for by id in one statement. */
const IDS = 1_000;

/**
 * A database that leaves out groups and keys, and takes the oldest whatever its priority, without a look at what it leaves out or
 * sorting all that is due: the index gives the tasks of one group, key and priority by due time, and of these lanes the first
 * tasks are merged. Where none of this is asked for, a subclass knows a way that costs less.
 *
 * A merge cannot lock as it goes, so it finds out which tasks come first and then locks them by id. What somebody else
 * holds is passed by, and more are looked for behind it.
 */
export abstract class LanedDialect extends Dialect {
  /** How often it is still walked over what is left out, since there were too many lanes. */
  #walksLeft = 0;

  *selectDue(query: DueQuery, order: DueOrder, limit: number, clock: () => number): Script<DueRows> {
    const walked = order === 'age' ? 'no' : this.#walks(query);
    if (walked === 'yes') return yield* this.selectByPriority(query, limit, clock);
    const found = yield* this.selectByLanes(query, order, limit, clock, walked === 'perhaps');
    return found ?? (yield* this.selectByPriority(query, limit, clock));
  }

  *nextDue(query: DueQuery, clock: () => number): Script<number | null> {
    const walked = this.#walks(query);
    if (walked === 'yes') return yield* this.nextDueOfAll(query, clock);
    const found = yield* this.nextDueByLanes(query, walked === 'perhaps');
    return found === undefined ? yield* this.nextDueOfAll(query, clock) : found;
  }

  /** Whether it is walked over what is left out: with keys, only where there are too many lanes. */
  #walks({ except }: DueQuery): 'yes' | 'no' | 'perhaps' {
    if (except.group.length > 0) return 'no';
    if (except.key.length === 0) return 'yes';
    if (this.#walksLeft === 0) return 'perhaps';
    this.#walksLeft -= 1;
    return 'yes';
  }

  /** {@link selectDue} by priority, and what is left out is walked over. */
  protected abstract selectByPriority(query: DueQuery, limit: number, clock: () => number): Script<DueRows>;
  /** {@link nextDue}, and what is left out is walked over. */
  protected abstract nextDueOfAll(query: DueQuery, clock: () => number): Script<number | null>;
  /**
   * `task_group`, `limit_key`, `priority` and the first `due_at` of every lane but those of some groups and keys; of idle lanes
   * perhaps too.
   */
  protected abstract lanes(except: StorableExcept): Sql;

  /** The tasks, for what the index of lanes is walked for. */
  protected get laned(): Sql {
    return this.tasks;
  }

  /** The limit of what an index is walked for. */
  protected walkLimit(count: number): Sql {
    return this.limit(count);
  }

  /** @returns null where there are too many lanes. */
  protected *selectByLanes(
    query: DueQuery,
    order: DueOrder,
    limit: number,
    clock: () => number,
    isBounded = false,
  ): Script<DueRows | null> {
    const read = yield* this.#readLanes(query, isBounded);
    if (read === null) return null;
    const { lanes, told } = read;
    const storeNow = told ?? (yield* this.readNow(clock));
    const due = lanes.filter(({ dueAt }) => dueAt <= storeNow).sort((a, b) => comparePlaces(order, a, b));
    if (due.length <= 1)
      return { storeNow, records: due[0] ? yield* this.#lockFirst(query, due[0], storeNow, limit) : [] };
    const records: Rows['records'][number][] = [];
    const tried = new Set<string>();
    for (let count = limit; ; count *= 2) {
      const keys = yield* this.#firstOf(query, order, due, storeNow, count);
      const fresh = keys.map(({ id }) => id).filter((id) => !tried.has(id));
      const size = Math.min(limit, IDS);
      for (let at = 0; at < fresh.length && records.length < limit; at += size) {
        const ids = fresh.slice(at, at + size);
        for (const id of ids) tried.add(id);
        records.push(...(yield* this.#lock(query, order, ids, storeNow, limit - records.length)));
      }
      if (records.length >= limit || keys.length < count) return { storeNow, records };
    }
  }

  /** @returns undefined where there are too many lanes. */
  protected *nextDueByLanes(query: DueQuery, isBounded = false): Script<number | null | undefined> {
    const read = yield* this.#readLanes(query, isBounded);
    if (read === null) return undefined;
    const lanes = read.lanes.sort((a, b) => comparePlaces('age', a, b));
    const [free] = yield* this.#firstOf(query, 'age', lanes, null, 1);
    const lease = yield* this.#firstLease(query, lanes, free?.dueAt ?? Number.MAX_SAFE_INTEGER);
    return this.earliest([free?.dueAt, lease]);
  }

  /**
   * Reads the lanes, and the server's clock where it has one and there is a lane to be told with.
   *
   * @returns null where there are too many, if they are to be bounded.
   */
  *#readLanes({ except }: DueQuery, isBounded: boolean): Script<{ lanes: Lane[]; told: number | null } | null> {
    const clock = this.now === null ? raw('') : sql`, ${this.now} AS store_now`;
    const bound = isBounded ? this.limit(MOST_LANES + 1) : raw('');
    const { records } = yield sql`SELECT lanes.*${clock} FROM (${this.lanes(except)} ${bound}) AS lanes`;
    if (isBounded && records.length > MOST_LANES) {
      this.#walksLeft = WALKS;
      return null;
    }
    const lanes: Lane[] = [];
    for (const { task_group: group, limit_key: key, priority, due_at } of records) {
      const dueAt = toNullableNumber(due_at);
      if (dueAt !== null) lanes.push({ group: String(group), key: String(key), priority: toNumber(priority), dueAt });
    }
    return { lanes, told: toNullableNumber(records[0]?.store_now) };
  }

  /** When the first lease expires of the tasks in front of the first one that has none. @param lanes By age. */
  *#firstLease(query: DueQuery, lanes: readonly Lane[], before: number): Script<number | null> {
    const runnable = all(this.#ofAnyLane(query));
    const found: unknown[] = [];
    const inFront = lanes.filter(({ dueAt }) => dueAt <= before);
    for (let at = 0; at < inFront.length; at += MAX_LANES) {
      const walks = inFront.slice(at, at + MAX_LANES).map(
        (lane) => sql`
          SELECT MIN(lease_until) AS lease_until FROM ${this.laned}
          WHERE ${ofLane(lane)} AND due_at <= ${before} AND NOT (${this.isUnleased}) AND ${runnable}`,
      );
      const { records } = yield join(walks, ' UNION ALL ');
      for (const { lease_until } of records) found.push(lease_until);
    }
    return this.earliest(found);
  }

  /** {@link runnable} where the lanes say which groups and keys. */
  #ofAnyLane(query: DueQuery): Sql[] {
    return this.runnable({ ...query, except: { ...query.except, group: [], key: [] } });
  }

  /** One lane needs no merge. */
  *#lockFirst(query: DueQuery, lane: Lane, until: number, limit: number): Script<Rows['records']> {
    const { records } = yield sql`
      SELECT ${this.taskColumns} FROM ${this.laned}
      WHERE ${ofLane(lane)} AND ${this.isDueBy(sql`${until}`)} AND ${all(this.runnable(query))}
      ORDER BY due_at, id ${this.walkLimit(limit)} ${this.lockFreeRows}`;
    return records;
  }

  /** Of some tasks those that are still due and that nobody holds. */
  *#lock(
    query: DueQuery,
    order: DueOrder,
    ids: readonly string[],
    until: number,
    limit: number,
  ): Script<Rows['records']> {
    const { records } = yield sql`
      SELECT ${this.taskColumns} FROM ${this.tasks}
      WHERE ${this.oneOf(raw('id'), ids)} AND ${this.isDueBy(sql`${until}`)} AND ${all(this.runnable(query))}
      ORDER BY ${this.inOrder(order)} ${this.limit(limit)} ${this.lockFreeRows}`;
    return records;
  }

  /**
   * The first tasks of lanes, which are in the order themselves, as far as it takes to have so many.
   *
   * @param until Only what is due by then; null for all that is ever due.
   */
  *#firstOf(
    query: DueQuery,
    order: DueOrder,
    lanes: readonly Lane[],
    until: number | null,
    count: number,
  ): Script<readonly Key[]> {
    const runnable = all(this.#ofAnyLane(query));
    const step = Math.max(1, Math.min(MAX_LANES, Math.floor(MAX_VALUES / (runnable.values.length + 5))));
    let found: Key[] = [];
    for (let at = 0; at < lanes.length; at += step) {
      if (found.length >= count && comparePlaces(order, lanes[at]!, found[count - 1]!) > 0) break;
      const walks = lanes.slice(at, at + step).map((lane, index) => {
        const due = until === null ? sql`due_at >= ${lane.dueAt} AND ${this.isUnleased}` : this.isDueBy(sql`${until}`);
        return sql`SELECT * FROM (
          SELECT id, priority, due_at FROM ${this.laned} WHERE ${ofLane(lane)} AND ${due} AND ${runnable}
          ORDER BY due_at, id ${this.walkLimit(count)}) AS ${raw(`lane_${index}`)}`;
      });
      const { records } = yield sql`${join(walks, ' UNION ALL ')} ORDER BY ${this.inOrder(order)} ${this.limit(count)}`;
      const keys = records.map(({ id, priority, due_at }) => ({
        id: String(id),
        priority: toNumber(priority),
        dueAt: toNumber(due_at),
      }));
      found = at === 0 ? keys : [...found, ...keys].sort((a, b) => compareKeys(order, a, b)).slice(0, count);
    }
    return found;
  }
}

function ofLane({ group, key, priority }: Lane): Sql {
  return sql`task_group = ${group} AND limit_key = ${key} AND priority = ${priority}`;
}

function comparePlaces(order: DueOrder, a: Place, b: Place): number {
  return (order === 'age' ? 0 : a.priority - b.priority) || a.dueAt - b.dueAt;
}

function compareKeys(order: DueOrder, a: Key, b: Key): number {
  return comparePlaces(order, a, b) || compareText(a.id, b.id);
}
