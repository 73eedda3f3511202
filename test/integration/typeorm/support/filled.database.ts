import type { DataSource } from 'typeorm';
import { TypeormStore } from '../../../../lib/stores/typeorm/typeorm.store.js';
import { keyLaneOf } from '../../../../lib/model/limits.js';
import { createStoreContext } from '../../../../lib/testing/store-context.js';
import { makeRun, makeTask } from '../../../../lib/testing/task.fixtures.js';
import { dropTables } from './databases.js';
import type { TestDatabase } from './databases.js';
import { RecordingLogger } from './recording.logger.js';

/** How many rows are put beside the first one in each table. */
export const COUNT = 100_000;

export type Type = 'postgres' | 'mysql' | 'better-sqlite3';

const DIGITS = Array.from({ length: 10 }, (_, digit) => `SELECT ${digit} AS d`).join(' UNION ALL ');

/** The numbers from 0 on. */
const NUMBERS: Readonly<Record<Type, string>> = {
  postgres: `SELECT i FROM generate_series(0, ${COUNT - 1}) AS n(i)`,
  // MySQL has no sequences, and both end a recursion after a thousand rows.
  mysql: `SELECT a.d + 10 * b.d + 100 * c.d + 1000 * e.d + 10000 * f.d AS i
          FROM ${['a', 'b', 'c', 'e', 'f'].map((name) => `(${DIGITS}) AS ${name}`).join(' CROSS JOIN ')}`,
  'better-sqlite3': `WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ${COUNT - 1}) SELECT i FROM n`,
};

/** How to ask for a plan. MySQL has had another form of it by default since 9. */
const EXPLAIN: Readonly<Record<Type, string>> = {
  postgres: 'EXPLAIN',
  mysql: 'EXPLAIN FORMAT=TRADITIONAL',
  'better-sqlite3': 'EXPLAIN QUERY PLAN',
};

/** The limit of tasks whose filling says `limit_key`: of one group, with a key behind {@link KEY_PREFIX}. */
const BY_KEY = { group: 'tenants', groupLimit: 1_000, limitKey: 'args.0', keyLimit: 1 } as const;

/** How many characters of `limit_key` are a digest, before a space and the key. */
const DIGEST = 12;

/** What `limit_key` begins with for these tasks. */
export const KEY_PREFIX = keyLaneOf(makeTask('first', { args: ['k'], policies: BY_KEY }).definition)!.slice(0, -1);

/** What columns hold in row `numbers.i`, as SQL; the rest is as in the first row. */
export interface Filling {
  tasks(now: number): Record<string, string>;
  /** @param yes How the database writes true. @param no How it writes false. */
  runs?(yes: string, no: string): Record<string, string>;
}

/** A part of a plan of PostgreSQL, and what was counted in it. */
interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Actual Rows': number;
  readonly 'Actual Loops': number;
  readonly 'Rows Removed by Filter'?: number;
  readonly Plans?: readonly PlanNode[];
}

interface Explained {
  readonly 'QUERY PLAN': readonly [{ readonly Plan: PlanNode }];
}

/** How many rows the scans of a plan have read. */
function rowsOf(node: PlanNode): number {
  const isOfTable = /^(Seq|Index|Index Only|Bitmap Heap) Scan$/.test(node['Node Type']);
  const own = isOfTable ? (node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0)) * node['Actual Loops'] : 0;
  return own + (node.Plans ?? []).reduce((sum, part) => sum + rowsOf(part), 0);
}

/** A store with many tasks and runs, and what the database says of how it is asked. */
export class FilledDatabase {
  private constructor(
    readonly database: TestDatabase,
    readonly dataSource: DataSource,
    readonly store: TypeormStore,
    readonly prefix: string,
    readonly logger: RecordingLogger,
  ) {}

  static async open(database: TestDatabase, prefix: string, filling: Filling): Promise<FilledDatabase> {
    const logger = new RecordingLogger();
    const dataSource = await database.open({ logging: true, logger });
    const store = new TypeormStore({ dataSource, tableName: prefix });
    await store.start(createStoreContext());
    const filled = new FilledDatabase(database, dataSource, store, prefix, logger);
    const now = await store.now();
    const id = filled.type === 'mysql' ? "CONCAT('t', numbers.i)" : "'t' || numbers.i";
    const columns: Record<string, string> = { id, name: id, ...filling.tasks(now) };
    const { priority, executor, task_group: group, limit_key: key } = columns;
    // What columns replace has to stand in the record, which leaves out what is as usual.
    const policies = { ...(priority && { priority: 9 }), ...(group && { group: 'nine' }), ...(key && BY_KEY) };
    const more = { ...(executor && { executor: 'nine' }), ...(key && { args: ['nine'] }) };
    await store.addTask(makeTask('first', { nextRunTime: now - 1, policies, ...more }));
    await store.saveRuns([makeRun('first', { taskId: 'first' })]);
    await filled.#multiply('tasks', { ...columns, ...filled.#recordOf(columns, now - 1) });
    const [yes, no] = filled.type === 'postgres' ? ['TRUE', 'FALSE'] : ['1', '0'];
    if (filling.runs) await filled.#multiply('runs', { id, task_id: id, ...filling.runs(yes!, no!) });
    // Servers do this by themselves after a while.
    const analyze = filled.type === 'mysql' ? 'ANALYZE TABLE' : 'ANALYZE';
    for (const table of ['tasks', 'runs']) await dataSource.query(`${analyze} ${prefix}_${table}`);
    // The store finds out which priorities there are.
    await store.nextDueFor({ handlers: ['work'] });
    return filled;
  }

  get type(): Type {
    return this.dataSource.options.type as Type;
  }

  /** The plans of what is asked of the tables in the meantime. */
  async plansOf(work: () => Promise<unknown>): Promise<string[]> {
    const questions = await this.#questionsOf(work);
    const verb = EXPLAIN[this.type];
    const plans: string[] = [];
    for (const { text, parameters } of questions) {
      const rows = (await this.dataSource.query(`${verb} ${text}`, parameters)) as object[];
      plans.push(rows.map((row) => JSON.stringify(row)).join('\n'));
    }
    return plans;
  }

  /**
   * How many rows, or entries of indexes, are read for what is asked of the tables in the meantime. null on SQLite, which does not
   * count them.
   */
  async rowsRead(work: () => Promise<unknown>): Promise<number | null> {
    if (this.type === 'better-sqlite3') return null;
    const questions = await this.#questionsOf(work);
    const runner = this.dataSource.createQueryRunner();
    let read = 0;
    try {
      await runner.startTransaction('READ COMMITTED');
      if (this.type === 'postgres') await runner.query('SET LOCAL enable_seqscan = off');
      for (const { text, parameters } of questions) {
        if (this.type === 'postgres') {
          const [row] = (await runner.query(`EXPLAIN (ANALYZE, FORMAT JSON) ${text}`, parameters)) as Explained[];
          read += rowsOf(row!['QUERY PLAN'][0].Plan);
        } else {
          await runner.query('FLUSH STATUS');
          await runner.query(text, parameters);
          const counts = (await runner.query(`SHOW SESSION STATUS LIKE 'Handler_read%'`)) as { Value: string }[];
          read += counts.reduce((sum, { Value }) => sum + Number(Value), 0);
        }
      }
    } finally {
      await runner.rollbackTransaction();
      await runner.release();
    }
    return read;
  }

  async #questionsOf(work: () => Promise<unknown>) {
    this.logger.clear();
    await work();
    return this.logger.statements.filter(
      ({ text }) => /^(SELECT|WITH|UPDATE|DELETE)/.test(text) && text.includes(this.prefix),
    );
  }

  async close(): Promise<void> {
    await this.store.shutdown();
    await dropTables(this.dataSource, this.prefix);
    await this.dataSource.destroy();
    this.database.remove();
  }

  /** The texts of the record, which say the same as the columns: the store takes no row in which they do not. */
  #recordOf(columns: Record<string, string>, firstDueAt: number): Record<string, string> {
    const text = this.type === 'mysql' ? 'CHAR' : 'TEXT';
    const joined = (...parts: string[]) => (this.type === 'mysql' ? `CONCAT(${parts.join(', ')})` : parts.join(' || '));
    const replace = (inside: string, from: string, to: string) => `REPLACE(${inside}, '${from}', ${to})`;
    const { id, due_at: dueAt = 'old.due_at', priority, task_group: group, executor, limit_key: key } = columns;
    let definition = replace('old.definition', 'first', id!);
    if (priority)
      definition = replace(definition, '"priority":9', joined(`'"priority":'`, `CAST(${priority} AS ${text})`));
    if (executor) definition = replace(definition, '"executor":"nine"', joined(`'"executor":"'`, executor, `'"'`));
    if (group) {
      const value = `CASE WHEN ${group} = '' THEN 'null' ELSE ${joined(`'"'`, group, `'"'`)} END`;
      definition = replace(definition, '"group":"nine"', joined(`'"group":'`, value));
    }
    // The column has it behind a digest and a space.
    if (key) definition = replace(definition, '"nine"', joined(`'"'`, `SUBSTR(${key}, ${DIGEST + 2})`, `'"'`));
    const due = `COALESCE(CAST(${dueAt} AS ${text}), 'null')`;
    return { definition, state: replace('old.state', `:${firstDueAt}`, joined(`':'`, due)), next_run_time: dueAt };
  }

  /** Puts rows beside the one that is there, by one statement: writing them one by one would take minutes. */
  async #multiply(table: string, replaced: Record<string, string>): Promise<void> {
    const name = `${this.prefix}_${table}`;
    const [row] = (await this.dataSource.query(`SELECT * FROM ${name}`)) as object[];
    const columns = Object.keys(row!);
    await this.dataSource.query(
      `INSERT INTO ${name} (${columns.join(', ')})
       SELECT ${columns.map((column) => replaced[column] ?? `old.${column}`).join(', ')}
       FROM ${name} AS old CROSS JOIN (${NUMBERS[this.type]}) AS numbers`,
    );
  }
}

/** How long something takes, in milliseconds: the median of seven times. */
export async function medianMs(work: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < 7; round += 1) {
    const start = performance.now();
    await work();
    times.push(performance.now() - start);
  }
  return times.sort((a, b) => a - b)[3]!;
}
