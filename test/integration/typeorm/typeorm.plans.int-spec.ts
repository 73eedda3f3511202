import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { standUnder } from '../../../lib/model/change.js';
import { makeRun } from '../../../lib/testing/task.fixtures.js';
import type { Taken, Written } from '../../../lib/stores/exchange.interface.js';
import { mysql, postgres, sqlite } from './support/databases.js';
import type { TestDatabase } from './support/databases.js';
import { COUNT, FilledDatabase, medianMs } from './support/filled.database.js';

const PREFIX = `plan_${process.pid}`;

/**
 * What a database calls reading a table or an index from one end to the other, and sorting what it found. Walking an index
 * in its order and stopping at a limit is something else, although MySQL and SQLite call it a scan too; SQLite sorts ties.
 */
const WHOLE = {
  postgres: /Seq Scan|Bitmap|Sort/,
  mysql: /"type":"ALL"|"type":"index"[^}]*"rows":"\d{4,}"|filesort/,
  'better-sqlite3': /SCAN \S+"|SCAN \S+ USING COVERING INDEX|TEMP B-TREE FOR ORDER BY/,
} as const;

/** What a database calls the index of the key of the tasks. */
const TASK_KEY = {
  postgres: `${PREFIX}_tasks_key`,
  mysql: 'PRIMARY',
  'better-sqlite3': `sqlite_autoindex_${PREFIX}_tasks_1`,
} as const;

/** What a database calls the index of the key of the runs. */
const RUN_KEY = {
  postgres: `${PREFIX}_runs_key`,
  mysql: 'PRIMARY',
  'better-sqlite3': `sqlite_autoindex_${PREFIX}_runs_1`,
} as const;

describe.each([postgres(), mysql(), sqlite()])('on $name with 100,000 tasks and runs', (database: TestDatabase) => {
  let filled: FilledDatabase;

  beforeAll(async () => {
    filled = await FilledDatabase.open(database, PREFIX, {
      // Five priorities; one in ten is never due, one in fifty is due.
      tasks: (now) => {
        const due = `CASE WHEN numbers.i % 10 = 3 THEN NULL WHEN numbers.i % 50 < 5 AND numbers.i % 5 = 0 THEN ${now} - numbers.i
          ELSE ${now} + 60000 + numbers.i END`;
        // One in ten thousand is one that a start looks for.
        const start = `CASE WHEN numbers.i % 10000 = 9 THEN ${database.name === 'PostgreSQL' ? 'TRUE' : '1'} ELSE old.start_task END`;
        return { due_at: due, next_run_time: due, priority: 'numbers.i % 5', start_task: start };
      },
      // One in a thousand is dead.
      runs: (yes, no) => ({
        ended_at: 'old.ended_at + numbers.i',
        dead: `CASE WHEN numbers.i % 1000 = 7 THEN ${yes} ELSE ${no} END`,
      }),
    });
  });
  afterAll(() => filled.close());

  const questions: Record<string, [index: string, ask: () => Promise<unknown>]> = {
    'what is due': [
      `${PREFIX}_tasks_due`,
      () => filled.store.transact({ due: { limit: 200, handlers: ['work'] } }, () => null),
    ],
    'what is due, with few of it': [
      `${PREFIX}_tasks_due`,
      () => filled.store.transact({ due: { limit: 100_000, handlers: ['other'] } }, () => null),
    ],
    'when something is due next': [`${PREFIX}_tasks_due`, () => filled.store.nextDueFor({ handlers: ['work'] })],
    'what a start looks for': [`${PREFIX}_tasks_start`, () => filled.store.startTasks('declared', { limit: 500 })],
    'the next page of what a start looks for': [
      `${PREFIX}_tasks_start`,
      () => filled.store.startTasks('startup', { limit: 500, cursor: 't5' }),
    ],
    'the last runs': ['the key of the runs', () => filled.store.runs({}, { limit: 50 })],
    'the next page of runs': [
      'the key of the runs',
      async () => {
        const { next } = await filled.store.runs({}, { limit: 50 });
        filled.logger.clear();
        await filled.store.runs({}, { limit: 50, cursor: next! });
      },
    ],
    'the last runs of a task': [`${PREFIX}_runs_task`, () => filled.store.runs({ taskId: 't7' }, { limit: 50 })],
    'the dead runs': [`${PREFIX}_runs_dead`, () => filled.store.runs({ dead: true }, { limit: 50 })],
    'the next page of dead runs': [
      `${PREFIX}_runs_dead`,
      async () => {
        const { next } = await filled.store.runs({ dead: true }, { limit: 50 });
        filled.logger.clear();
        await filled.store.runs({ dead: true }, { limit: 50, cursor: next! });
      },
    ],
  };

  it.each(Object.keys(questions))('asks for %s by an index, and reads nothing as a whole', async (what) => {
    const [name, ask] = questions[what]!;
    const index = name === 'the key of the runs' ? RUN_KEY[filled.type] : name;
    const plans = await filled.plansOf(ask);
    expect(plans.length).toBeGreaterThan(0);
    expect(plans.join('\n')).toContain(index);
    // Of runs PostgreSQL sorts ties, and all that it expects where that is little.
    const isSorted = filled.type === 'postgres' && index.startsWith(`${PREFIX}_runs`);
    for (const plan of plans) expect(plan).not.toMatch(isSorted ? /Seq Scan|Bitmap/ : WHOLE[filled.type]);
    await tell(what, ask);
  });

  it('finds tasks by id through the key', async () => {
    const [plan] = await filled.plansOf(() => filled.store.lookupTask('t7'));
    expect(plan).not.toMatch(WHOLE[filled.type]);
  });

  it('lists the first tasks by the key, and reads as a whole only in order to count', async () => {
    const list = () => filled.store.query({}, { by: 'id', descending: false }, { offset: 0, limit: 20 });
    const plans = await filled.plansOf(list);
    expect(plans.filter((plan) => WHOLE[filled.type].test(plan)).length).toBeLessThanOrEqual(1);
    await tell('a page of the list', list);
  });

  it('takes what is due by an index, and writes what is known through the key', async ({ skip }) => {
    skip(!filled.store.capabilities.takes, 'it does not take');
    const take = { handlers: ['work'], limit: 200, owner: 'me', leaseMs: 60_000 };
    let taken: Taken | null = null;
    const taking = await filled.plansOf(async () => ({ taken } = await filled.store.exchange({ take })));
    expect(taken!.tasks).toHaveLength(take.limit);
    const write = taken!.tasks.map((one, at) => {
      const from = standUnder(one);
      return at % 2 === 0 ? { from, task: one.task, history: [makeRun(from.id)] } : { from, task: null };
    });
    let written: Written | null = null;
    const writing = await filled.plansOf(async () => ({ written } = await filled.store.exchange({ write })));
    expect(written).toEqual({ lost: [], failed: [] });
    expect(taking.join('\n')).toContain(`${PREFIX}_tasks_due`);
    expect(writing.join('\n')).toContain(TASK_KEY[filled.type]);
    expect(taking.join('\n')).toContain(filled.type === 'postgres' ? 'TID Cond' : TASK_KEY[filled.type]);
    expect(taking.join('\n')).not.toContain(`${PREFIX}_tasks_lanes`);
    for (const plans of [taking, writing]) {
      for (const plan of plans) expect(plan).not.toMatch(WHOLE[filled.type]);
    }
  });

  /** Prints how long something takes. */
  const tell = async (what: string, ask: () => Promise<unknown>) => {
    console.log(`${database.name}: ${what} ${(await medianMs(ask)).toFixed(1)} ms with ${COUNT} tasks`);
  };
});
