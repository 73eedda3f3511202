import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DueFilter, DueOrder } from '../../../lib/stores/selection.interface.js';
import { mysql, postgres, sqlite } from './support/databases.js';
import type { TestDatabase } from './support/databases.js';
import { COUNT, FilledDatabase, medianMs } from './support/filled.database.js';

const PREFIX = `backlog_${process.pid}`;
const TASKS = `${PREFIX}_tasks`;

/** What a database calls reading the table, or an index of it, from one end to the other. */
const WHOLE = {
  postgres: /Seq Scan|Bitmap Index Scan on \S+_(lanes|due)/,
  mysql: new RegExp(`"table":"${TASKS}","type":"(ALL|index)"`),
  'better-sqlite3': new RegExp(`SCAN ${TASKS}`),
} as const;

/** How it says that it begins where a lane does, and goes on until it has enough: what is sorted then is few. */
const WALK = {
  postgres:
    /Index Scan using \S+_lanes on (?:(?!->).)*Index Cond: \(\(task_group = [^)]*\) AND \(limit_key = [^)]*\) AND \(priority = \d\) AND \(due_at [<>]=/s,
  mysql: /"type":"range"[^}]*_lanes[^}]*"Extra":"Using index condition; Using where"/,
  'better-sqlite3': /USING INDEX \S+_lanes \(task_group=\? AND limit_key=\? AND priority=\? AND due_at[<>]\?\)/,
} as const;

describe.each([postgres(), mysql(), sqlite()])('on $name with 100,000 due tasks', (database: TestDatabase) => {
  let filled: FilledDatabase;

  beforeAll(async () => {
    filled = await FilledDatabase.open(database, PREFIX, {
      // Nine in ten are of one group and stand in front of the others, whatever the order. Three priorities.
      tasks: (now) => ({
        due_at: `CASE WHEN numbers.i % 10 = 0 THEN ${now - COUNT} ELSE ${now - 3 * COUNT} END + numbers.i`,
        task_group: `CASE WHEN numbers.i % 20 = 0 THEN 'crm' WHEN numbers.i % 10 = 0 THEN '' ELSE 'erp' END`,
        executor: `CASE WHEN numbers.i % 10 = 0 THEN 'default' ELSE 'slow' END`,
        priority: 'numbers.i % 3',
      }),
    });
  });
  afterAll(() => filled.close());

  /** The ids of what a claim would be given. */
  const due = async (limit: number, order: DueOrder, except: DueFilter['except']) => {
    const ids: string[] = [];
    await filled.store.transact({ due: { limit, order, handlers: ['work'], except } }, ({ id }) => {
      ids.push(id);
      return null;
    });
    return ids;
  };

  const questions: Record<string, [order: DueOrder, full: readonly string[], first: readonly string[]]> = {
    'by age': ['age', [], ['t1', 't2', 't3', 't4']],
    'by priority, without a group that is full': ['priority', ['erp'], ['t0', 't30', 't60', 't90']],
    'by age, without a group that is full': ['age', ['erp'], ['t0', 't10', 't20', 't30']],
    'by priority, without all groups that there are': ['priority', ['erp', 'crm'], ['t30', 't90', 't150', 't210']],
  };

  it.each(Object.keys(questions))('takes the first %s, by an index and nothing as a whole', async (what) => {
    const [order, group, first] = questions[what]!;
    expect(await due(4, order, { group })).toEqual(first);
    const plans = await filled.plansOf(() => due(200, order, { group }));
    expect(plans.join('\n')).toMatch(WALK[filled.type]);
    for (const plan of plans) expect(plan).not.toMatch(WHOLE[filled.type]);
    const ms = await medianMs(() => due(1, order, { group }));
    console.log(`${database.name}: ${what} ${ms.toFixed(1)} ms with ${COUNT} due tasks`);
  });

  it('walks past 90,000 due tasks of an executor that is full', async () => {
    expect(await due(4, 'priority', { executor: ['slow'] })).toEqual(['t0', 't30', 't60', 't90']);
    const ms = await medianMs(() => due(4, 'priority', { executor: ['slow'] }));
    const filter: DueFilter = { handlers: ['work'], except: { executor: ['slow'] } };
    const askedMs = await medianMs(() => filled.store.nextDueFor(filter));
    console.log(`${database.name}: past a full executor ${ms.toFixed(1)} ms, a poll ${askedMs.toFixed(1)} ms`);
  });

  it('asks when something is due next, without a group that is full', async () => {
    const filter: DueFilter = { handlers: ['work'], except: { group: ['erp'] } };
    const plans = await filled.plansOf(() => filled.store.nextDueFor(filter));
    expect(plans.join('\n')).toMatch(WALK[filled.type]);
    for (const plan of plans) expect(plan).not.toMatch(WHOLE[filled.type]);
  });
});
