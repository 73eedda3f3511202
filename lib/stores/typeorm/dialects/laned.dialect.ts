import type { DueOrder } from '../../selection.interface.js';
import { compareText } from '../../task-query.js';
import { all, join, raw, sql, toNullableNumber, toNumber } from '../sql/sql.js';
import type { Rows, Script, Sql } from '../sql/sql.js';
import { Dialect } from './dialect.js';
import type { DueQuery, DueRows } from './dialect.js';

/** What decides how early something is claimed, besides the id. */
interface Place {
  readonly priority: number;
  readonly dueAt: number;
}

/** The tasks that have their group and their priority in common. `dueAt` is that of the first, whoever can run it. */
interface Lane extends Place {
  readonly group: string;
}

interface Key extends Place {
  readonly id: string;
}

/** How many lanes one statement looks into. */
const MAX_LANES = 50;

/** How many values one statement has: SQLite takes 32,766. */
const MAX_VALUES = 30_000;

/** How many tasks are asked for by id in one statement. */
const IDS = 1_000;

/**
 * A database that leaves out groups, and takes the oldest whatever its priority, without a look at what it leaves out or
 * sorting all that is due: the index gives the tasks of one group and priority by due time, and of these lanes the first
 * tasks are merged. Where neither is asked for, a subclass knows a way that costs less.
 *
 * A merge cannot lock as it goes, so it finds out which tasks come first and then locks them by id. What somebody else
 * holds is passed by, and more are looked for behind it.
 */
export abstract class LanedDialect extends Dialect {
  *selectDue(query: DueQuery, order: DueOrder, limit: number, clock: () => number): Script<DueRows> {
    return order === 'priority' && query.except.group.length === 0
      ? yield* this.selectByPriority(query, limit, clock)
      : yield* this.selectByLanes(query, order, limit, clock);
  }

  *nextDue(query: DueQuery, clock: () => number): Script<number | null> {
    return query.except.group.length === 0 ? yield* this.nextDueOfAll(query, clock) : yield* this.nextDueByLanes(query);
  }

  /** {@link selectDue} by priority, no group left out. */
  protected abstract selectByPriority(query: DueQuery, limit: number, clock: () => number): Script<DueRows>;
  /** {@link nextDue}, no group left out. */
  protected abstract nextDueOfAll(query: DueQuery, clock: () => number): Script<number | null>;
  /** `task_group`, `priority` and the first `due_at` of every lane but those of some groups; of idle lanes perhaps too. */
  protected abstract lanes(exceptGroups: readonly string[]): Sql;

  /** The tasks, for what the index of lanes is walked for. */
  protected get laned(): Sql {
    return this.tasks;
  }

  /** The limit of what an index is walked for. */
  protected walkLimit(count: number): Sql {
    return this.limit(count);
  }

  protected *selectByLanes(query: DueQuery, order: DueOrder, limit: number, clock: () => number): Script<DueRows> {
    const { lanes, told } = yield* this.#readLanes(query);
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

  protected *nextDueByLanes(query: DueQuery): Script<number | null> {
    const lanes = (yield* this.#readLanes(query)).lanes.sort((a, b) => comparePlaces('age', a, b));
    const [free] = yield* this.#firstOf(query, 'age', lanes, null, 1);
    const lease = yield* this.#firstLease(query, lanes, free?.dueAt ?? Number.MAX_SAFE_INTEGER);
    return this.earliest([free?.dueAt, lease]);
  }

  /** Reads the lanes, and the server's clock where it has one and there is a lane to be told with. */
  *#readLanes({ except }: DueQuery): Script<{ lanes: Lane[]; told: number | null }> {
    const clock = this.now === null ? raw('') : sql`, ${this.now} AS store_now`;
    const { records } = yield sql`SELECT lanes.*${clock} FROM (${this.lanes(except.group)}) AS lanes`;
    const lanes: Lane[] = [];
    for (const { task_group: group, priority, due_at } of records) {
      const dueAt = toNullableNumber(due_at);
      if (dueAt !== null) lanes.push({ group: String(group), priority: toNumber(priority), dueAt });
    }
    return { lanes, told: toNullableNumber(records[0]?.store_now) };
  }

  /** When the first lease expires of the tasks in front of the first one that has none. @param lanes By age. */
  *#firstLease(query: DueQuery, lanes: readonly Lane[], before: number): Script<number | null> {
    const runnable = all(this.#ofAnyGroup(query));
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

  /** {@link runnable} where the lanes say which groups. */
  #ofAnyGroup(query: DueQuery): Sql[] {
    return this.runnable({ ...query, except: { ...query.except, group: [] } });
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
    const runnable = all(this.#ofAnyGroup(query));
    const step = Math.max(1, Math.min(MAX_LANES, Math.floor(MAX_VALUES / (runnable.values.length + 4))));
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

function ofLane({ group, priority }: Lane): Sql {
  return sql`task_group = ${group} AND priority = ${priority}`;
}

function comparePlaces(order: DueOrder, a: Place, b: Place): number {
  return (order === 'age' ? 0 : a.priority - b.priority) || a.dueAt - b.dueAt;
}

function compareKeys(order: DueOrder, a: Key, b: Key): number {
  return comparePlaces(order, a, b) || compareText(a.id, b.id);
}
