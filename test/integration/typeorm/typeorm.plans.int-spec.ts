import type { DataSource } from 'typeorm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TypeormStore } from '../../../lib/stores/typeorm/typeorm.store.js';
import { createStoreContext } from '../../../lib/testing/store-context.js';
import { makeRun, makeTask } from '../../../lib/testing/task.fixtures.js';
import { dropTables, mysql, postgres, sqlite } from './support/databases.js';
import type { TestDatabase } from './support/databases.js';
import { RecordingLogger } from './support/recording.logger.js';

const PREFIX = `plan_${process.pid}`;
const COUNT = 100_000;

/**
 * What a database calls reading a table or an index from one end to the other, and sorting what it found. Walking an index
 * in its order and stopping at a limit is something else, although MySQL and SQLite call it a scan too.
 */
const WHOLE = {
  postgres: /Seq Scan|Bitmap|Sort/,
  mysql: /"type":"ALL"|"type":"index"[^}]*"rows":"\d{4,}"|filesort/,
  'better-sqlite3': /SCAN \S+"|SCAN \S+ USING COVERING INDEX|TEMP B-TREE/,
} as const;

type Type = keyof typeof WHOLE;

/** The numbers from 0 on. */
const NUMBERS: Readonly<Record<Type, string>> = {
  postgres: `SELECT i FROM generate_series(0, ${COUNT - 1}) AS n(i)`,
  mysql: `SELECT seq AS i FROM seq_0_to_${COUNT - 1}`,
  'better-sqlite3': `WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ${COUNT - 1}) SELECT i FROM n`,
};

describe.each([postgres(), mysql(), sqlite()])('on $name with 100,000 tasks and runs', (database: TestDatabase) => {
  const logger = new RecordingLogger();
  let dataSource: DataSource;
  let store: TypeormStore;
  let type: Type;
  let now: number;

  /** The plans of what is asked of the tables in the meantime. */
  const plansOf = async (work: () => Promise<unknown>): Promise<string[]> => {
    logger.clear();
    await work();
    const questions = logger.statements.filter(({ text }) => /^(SELECT|WITH)/.test(text) && text.includes(PREFIX));
    const verb = type === 'better-sqlite3' ? 'EXPLAIN QUERY PLAN' : 'EXPLAIN';
    const plans: string[] = [];
    for (const { text, parameters } of questions) {
      const rows = (await dataSource.query(`${verb} ${text}`, parameters)) as object[];
      plans.push(rows.map((row) => JSON.stringify(row)).join('\n'));
    }
    return plans;
  };

  /** Puts rows beside the one that is there, by one statement: writing them one by one would take minutes. */
  const multiply = async (table: string, replaced: Record<string, string>) => {
    const [row] = (await dataSource.query(`SELECT * FROM ${PREFIX}_${table}`)) as object[];
    const columns = Object.keys(row!);
    await dataSource.query(
      `INSERT INTO ${PREFIX}_${table} (${columns.join(', ')})
       SELECT ${columns.map((column) => replaced[column] ?? `old.${column}`).join(', ')}
       FROM ${PREFIX}_${table} AS old CROSS JOIN (${NUMBERS[type]}) AS numbers`,
    );
  };

  beforeAll(async () => {
    dataSource = await database.open({ logging: true, logger });
    type = dataSource.options.type as Type;
    store = new TypeormStore({ dataSource, tableName: PREFIX });
    await store.start(createStoreContext());
    now = await store.now();
    await store.addTask(makeTask('first', { nextRunTime: now - 1 }));
    await store.saveRuns([makeRun('first', { taskId: 'first' })]);
    const id = type === 'mysql' ? "CONCAT('t', numbers.i)" : "'t' || numbers.i";
    // Five priorities; one in ten is never due, one in fifty is due.
    const due = `CASE WHEN numbers.i % 10 = 3 THEN NULL WHEN numbers.i % 50 < 5 AND numbers.i % 5 = 0 THEN ${now} - numbers.i
      ELSE ${now} + 60000 + numbers.i END`;
    const definition = `REPLACE(old.definition, 'first', ${id})`;
    await multiply('tasks', { id, definition, due_at: due, next_run_time: due, priority: 'numbers.i % 5' });
    await multiply('runs', { id, task_id: id, ended_at: 'old.ended_at + numbers.i' });
    // Servers do this by themselves after a while.
    const analyze = type === 'mysql' ? 'ANALYZE TABLE' : 'ANALYZE';
    for (const table of ['tasks', 'runs']) await dataSource.query(`${analyze} ${PREFIX}_${table}`);
    // The store finds out which priorities there are.
    await store.nextDueFor(['work']);
  });

  afterAll(async () => {
    await store.shutdown();
    await dropTables(dataSource, PREFIX);
    await dataSource.destroy();
    database.remove();
  });

  const questions: Record<string, [index: string, ask: () => Promise<unknown>]> = {
    'what is due': [
      `${PREFIX}_tasks_due`,
      () => store.transact({ due: { limit: 200, handlers: ['work'] } }, () => null),
    ],
    'what is due, with few of it': [
      `${PREFIX}_tasks_due`,
      () => store.transact({ due: { limit: 100_000, handlers: ['other'] } }, () => null),
    ],
    'when something is due next': [`${PREFIX}_tasks_due`, () => store.nextDueFor(['work'])],
    'the last runs': [`${PREFIX}_runs_ended`, () => store.runs({}, { limit: 50 })],
    'the next page of runs': [
      `${PREFIX}_runs_ended`,
      async () => {
        const { next } = await store.runs({}, { limit: 50 });
        logger.clear();
        await store.runs({}, { limit: 50, cursor: next! });
      },
    ],
    'the last runs of a task': [`${PREFIX}_runs_task`, () => store.runs({ taskId: 't7' }, { limit: 50 })],
  };

  it.each(Object.keys(questions))('asks for %s by an index, and reads nothing as a whole', async (what) => {
    const [index, ask] = questions[what]!;
    const plans = await plansOf(ask);
    expect(plans.length).toBeGreaterThan(0);
    expect(plans.join('\n')).toContain(index);
    for (const plan of plans) expect(plan).not.toMatch(WHOLE[type]);
  });

  it('finds tasks by id through the key', async () => {
    const [plan] = await plansOf(() => store.lookupTask('t7'));
    expect(plan).not.toMatch(WHOLE[type]);
  });

  it('claims and asks for the next due time in a few milliseconds', async () => {
    const timed = async (work: () => Promise<unknown>) => {
      const times: number[] = [];
      for (let round = 0; round < 7; round += 1) {
        const start = performance.now();
        await work();
        times.push(performance.now() - start);
      }
      return times.sort((a, b) => a - b)[3]!;
    };
    const claim = await timed(() => store.transact({ due: { limit: 1, handlers: ['work'] } }, () => null));
    const next = await timed(() => store.nextDueFor(['work']));
    console.log(`${database.name}: claim ${claim.toFixed(1)} ms, next due ${next.toFixed(1)} ms with ${COUNT} tasks`);
    // A scan of the table takes 30 ms and more on an idle machine; this one may be busy.
    expect(next).toBeLessThan(100);
    expect(claim).toBeLessThan(100);
  });
});
