// How fast the TypeORM store is, beside the bare server in the same run: `npm run build && node benchmark/typeorm.bench.mjs`.
// Arguments: how many tasks, then which of postgres, mysql, sqlite. Needs the servers at ASYNCZ_TEST_POSTGRES_URL and
// ASYNCZ_TEST_MYSQL_URL, or on their usual ports; works in tables of its own and removes them.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createStoreContext, makeTask } from 'nestjs-asyncz/testing';
import { TypeormStore } from 'nestjs-asyncz/typeorm';
import { DataSource } from 'typeorm';
import { resultOf, startDue } from '../dist/testing/plan.fixtures.js';

const COUNT = Number(process.argv[2] ?? 20_000);
const CHOSEN = process.argv.slice(3);
const PREFIX = `bench_${process.pid}`;
const LEASE_MS = 600_000;
const BATCHES = [100, 200, 500];

const folder = mkdtempSync(join(tmpdir(), 'asyncz-bench-'));
const file = join(folder, 'bench.db');

const DATABASES = {
  postgres: {
    url: process.env.ASYNCZ_TEST_POSTGRES_URL ?? 'postgres://postgres@127.0.0.1:5432/postgres',
    options: (url) => ({ type: 'postgres', url }),
    bare: {
      table: `CREATE TABLE ${PREFIX}_bare (id text PRIMARY KEY, due_at bigint, owner text, payload text)`,
      index: `CREATE INDEX ON ${PREFIX}_bare (due_at)`,
      fill: `INSERT INTO ${PREFIX}_bare SELECT 'task-' || i, i, NULL, repeat('x', 300) FROM generate_series(1, ${COUNT}) i`,
      take: (limit) => [
        `WITH next AS (SELECT id FROM ${PREFIX}_bare WHERE due_at <= ${COUNT} ORDER BY due_at LIMIT ${limit} FOR UPDATE SKIP LOCKED)
         DELETE FROM ${PREFIX}_bare t USING next WHERE t.id = next.id RETURNING t.*`,
      ],
    },
  },
  mysql: {
    url: process.env.ASYNCZ_TEST_MYSQL_URL ?? 'mysql://root@127.0.0.1:3306/test',
    options: (url) => ({ type: 'mysql', url }),
    bare: {
      table: `CREATE TABLE ${PREFIX}_bare (id varchar(255) PRIMARY KEY, due_at bigint, owner text, payload text)`,
      index: `CREATE INDEX bare_due ON ${PREFIX}_bare (due_at)`,
      fill: `INSERT INTO ${PREFIX}_bare WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < ${COUNT}) SELECT CONCAT('task-', i), i, NULL, REPEAT('x', 300) FROM n`,
      before: 'SET max_recursive_iterations = 10000000',
      take: (limit) => [`DELETE FROM ${PREFIX}_bare WHERE due_at <= ${COUNT} ORDER BY due_at LIMIT ${limit}`],
    },
  },
  sqlite: {
    url: `sqlite:${file}`,
    options: () => ({ type: 'better-sqlite3', database: file, enableWAL: true }),
    bare: {
      table: `CREATE TABLE ${PREFIX}_bare (id text PRIMARY KEY, due_at integer, owner text, payload text)`,
      index: `CREATE INDEX bare_due ON ${PREFIX}_bare (due_at)`,
      fill: `WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < ${COUNT}) INSERT INTO ${PREFIX}_bare SELECT 'task-' || i, i, NULL, printf('%.300c', 'x') FROM n`,
      take: (limit) => [
        `DELETE FROM ${PREFIX}_bare WHERE id IN (SELECT id FROM ${PREFIX}_bare WHERE due_at <= ${COUNT} ORDER BY due_at LIMIT ${limit})`,
      ],
    },
  },
};

function median(values) {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
}

/** Runs three times and prints the median, in operations a second. */
async function measure(name, count, prepare, work) {
  const rates = [];
  for (let round = 0; round < 3; round += 1) {
    const prepared = await prepare(round);
    const start = performance.now();
    await work(prepared);
    rates.push(count / ((performance.now() - start) / 1_000));
  }
  console.log(`${name.padEnd(66)} ${Math.round(median(rates)).toLocaleString('en').padStart(10)} / s`);
}

function slices(items, size) {
  const parts = [];
  for (let at = 0; at < items.length; at += size) parts.push(items.slice(at, at + size));
  return parts;
}

const tasks = (now) =>
  Array.from({ length: COUNT }, (_, at) => makeTask(`task-${at}`, { nextRunTime: now - 1_000, args: [at] }));

async function bare(name, { bare: sql }, dataSource) {
  const runner = dataSource.createQueryRunner();
  if (sql.before) await runner.query(sql.before);
  await runner.query(sql.table);
  await runner.query(sql.index);
  const fill = async () => {
    await runner.query(`DELETE FROM ${PREFIX}_bare`);
    await runner.query(sql.fill);
  };
  await measure(`${name}, bare: take and delete 200 in a statement`, COUNT, fill, async () => {
    for (let left = COUNT; left > 0; left -= 200) for (const text of sql.take(200)) await runner.query(text);
  });
  await runner.query(`DROP TABLE ${PREFIX}_bare`);
  await runner.release();
}

async function store(label, database, dataSource, context) {
  const opened = new TypeormStore({ database: database.url, tableName: PREFIX });
  await opened.start(createStoreContext(context));
  const now = await opened.now();
  const empty = async () => {
    await opened.removeAllTasks();
    await dataSource.query(`DELETE FROM ${PREFIX}_runs`);
  };
  const one = Math.min(COUNT, 5_000);
  await measure(`${label}: adds, one by one`, one, empty, async () => {
    for (const task of tasks(now).slice(0, one)) await opened.addTask(task);
  });
  await measure(`${label}: adds, one by one, 10 in flight`, one, empty, async () => {
    const waiting = tasks(now).slice(0, one);
    await Promise.all(
      Array.from({ length: 10 }, async () => {
        for (let task = waiting.pop(); task; task = waiting.pop()) await opened.addTask(task);
      }),
    );
  });
  await measure(`${label}: adds, 1,000 in a call`, COUNT, empty, async () => {
    for (const part of slices(tasks(now), 1_000)) await opened.addTasks(part);
  });
  const fill = async () => {
    await empty();
    for (const part of slices(tasks(now), 1_000)) await opened.addTasks(part);
  };
  for (const limit of BATCHES) {
    for (const withHistory of [true, false]) {
      const name = `${label}: claim and finish, ${limit} at a time, ${withHistory ? 'with' : 'without'} history`;
      await measure(name, COUNT, fill, async () => {
        const request = { limit, handlers: ['work'], owner: 'bench', leaseMs: LEASE_MS };
        for (let left = COUNT; left > 0;) {
          const { claimed } = await opened.claimDue(request, startDue('bench', LEASE_MS));
          const ends = claimed.map(({ task, start }) =>
            resultOf(task, start[0], 'succeeded', withHistory ? {} : { record: null }),
          );
          left -= (await opened.finishRuns(ends)).settled.length;
        }
      });
    }
  }
  await opened.shutdown();
}

console.log(`${COUNT.toLocaleString('en')} tasks, Node ${process.version}`);
for (const [name, database] of Object.entries(DATABASES)) {
  if (CHOSEN.length > 0 && !CHOSEN.includes(name)) continue;
  const dataSource = await new DataSource(database.options(database.url)).initialize();
  try {
    await bare(name, database, dataSource);
    await store(`${name}, plain`, database, dataSource, {});
    if (process.env.BENCH_ENCRYPTED)
      await store(`${name}, encrypted`, database, dataSource, { keys: 'a benchmark secret of many bytes' });
  } finally {
    for (const table of ['tasks', 'runs', 'schedulers', 'bare'])
      await dataSource.query(`DROP TABLE IF EXISTS ${PREFIX}_${table}`);
    await dataSource.destroy();
  }
}
rmSync(folder, { recursive: true, force: true });
