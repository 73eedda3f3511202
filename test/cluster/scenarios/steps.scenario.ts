import { expect } from 'vitest';
import { TypeormStore } from '../../../lib/stores/typeorm/typeorm.store.js';
import { pause, SCALE } from '../cluster.bench.js';
import type { ClusterBench, Worker } from '../cluster.bench.js';
import type { StepsPlan } from '../scheduler.process.js';

const PROCESSES = 2;
const STEPS = 5;

/** How long a step takes beside what it writes, in milliseconds: so that processes die in the middle of them. */
const STEP_MS = 30;

/** How many processes are ready to take the place of one that is killed. */
const RESERVE = 3;

/**
 * Runs of five steps over two processes, one of which is killed each second. Where the store has transactions, the second and
 * the fourth step are in one, and the fifth ends the run in one.
 */
export async function steps(bench: ClusterBench): Promise<void> {
  const count = Math.max(40, 500 * SCALE);
  const overMs = 60_000 * SCALE;
  const effects = await createEffects(bench);
  const plan: StepsPlan = { count: STEPS, stepMs: STEP_MS, table: effects.table };
  await bench.pool.prepare(PROCESSES + RESERVE);
  const now = Date.now();
  await bench.client.addTasks(
    Array.from({ length: count }, (_, at) => ({
      id: `steps-${at}`,
      handler: 'steps',
      trigger: { type: 'date' as const, runAt: now + (at * overMs) / count },
      maxLost: 1_000,
      // A database may refuse a transaction, such as one that is in a deadlock.
      retry: { attempts: 100, backoff: 'fixed', delay: '100ms' },
    })),
  );
  const workers = await bench.startMany(PROCESSES, { handlers: ['steps'], steps: plan });
  const kills = await killUntilOver(bench, workers, plan, Math.ceil(overMs / 1_000));
  await bench.allEnded();
  await Promise.all(workers.map((worker) => bench.stop(worker)));
  const committed = await effects.committed();
  await effects.dispose();
  const { missing, late, repeated } = judge(bench, count, plan.table !== null);
  const figures = `${count} runs, kills ${kills}, effects in transactions ${committed.length}, steps done again ${repeated}`;
  console.log(`${'steps'.padEnd(9)} ${bench.kind.name.padEnd(10)} ${figures}`);
  const dead = (await bench.client.getRuns({ dead: true, limit: 10 })).runs;
  expect(
    dead.map(({ taskId, error }) => [taskId, error]),
    'runs that are dead',
  ).toEqual([]);
  expect(missing, 'effects that there were none of').toEqual([]);
  expect(late, 'steps that were run after their result was stored').toEqual([]);
  const inTransactions = plan.table === null ? [] : [2, 4, 5];
  const expected = Array.from({ length: count }, (_, at) => inTransactions.map((step) => `steps-${at} ${step}`)).flat();
  expect(committed.sort(), 'effects in transactions').toEqual(expected.sort());
  const { runs } = await bench.client.getRuns({ status: 'succeeded', limit: 1_000 });
  expect(new Set(runs.map(({ taskId }) => taskId)).size, 'runs that succeeded').toBe(count);
}

/** Where steps write in transactions; nowhere on stores that have none. */
async function createEffects(bench: ClusterBench) {
  const { store } = bench;
  if (!(store instanceof TypeormStore)) {
    return { table: null, committed: () => Promise.resolve<string[]>([]), dispose: () => Promise.resolve() };
  }
  const { tableName } = bench.backing.store.options as { tableName: string };
  const table = `${tableName}_effects`;
  const { dataSource } = store;
  await dataSource.query(`CREATE TABLE ${table} (task varchar(40), step integer)`);
  return {
    table,
    async committed() {
      const rows = (await dataSource.query(`SELECT task, step FROM ${table}`)) as { task: string; step: number }[];
      return rows.map(({ task, step }) => `${task} ${step}`);
    },
    async dispose() {
      await dataSource.query(`DROP TABLE ${table}`);
    },
  };
}

/** One is killed each second for the given time, and as long as steps are run. */
async function killUntilOver(bench: ClusterBench, workers: Worker[], plan: StepsPlan, most: number): Promise<number> {
  const start = performance.now();
  for (let kill = 1; kill <= most; kill += 1) {
    await pause(start + kill * 1_000 - performance.now());
    const victim = kill % workers.length;
    await bench.kill(workers[victim]!);
    workers[victim] = await bench.start({ handlers: ['steps'], steps: plan });
  }
  return most;
}

/** What the ledger says of the steps outside of transactions. */
function judge({ ledger }: ClusterBench, count: number, hasTransactions: boolean) {
  const storedAt = new Map<string, number>();
  const done = new Map<string, number>();
  const late: string[] = [];
  for (const { kind, runId, coalesced: step, at } of ledger.lines()) {
    const key = `${runId.slice(0, runId.lastIndexOf('@'))} ${step}`;
    if (kind === 'Y' && !storedAt.has(key)) storedAt.set(key, at);
    if (kind !== 'X') continue;
    done.set(key, (done.get(key) ?? 0) + 1);
    if (storedAt.has(key)) late.push(key);
  }
  const outside = hasTransactions ? [1, 3] : [1, 2, 3, 4, 5];
  const all = Array.from({ length: count }, (_, at) => outside.map((step) => `steps-${at} ${step}`)).flat();
  return {
    missing: all.filter((key) => !done.has(key)),
    late,
    repeated: all.filter((key) => (done.get(key) ?? 0) > 1).length,
  };
}
