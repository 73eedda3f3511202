// Measures the library beside its peers and the bare servers. See CONTRIBUTING.md, Benchmarks.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describeEnvironment } from './harness/environment.mjs';
import { judge } from './harness/goals.mjs';
import { measure, rowsOf } from './harness/measure.mjs';
import { findNode } from './harness/node.mjs';
import { readOptions, USAGE } from './harness/options.mjs';
import { QUICK } from './harness/quick.mjs';
import { addResults, Results } from './harness/results.mjs';
import { SIGNALS } from './harness/rounds.mjs';
import { writeReport } from './harness/report.mjs';
import { bringUpStores } from './harness/stores.mjs';
import { setUp } from './harness/setup.mjs';
import { summaryInWords } from './harness/statistics.mjs';
import { groupBy } from './harness/table.mjs';
import { WORKLOADS } from './workloads/index.mjs';

/** Prints what the results say to what is wanted. */
function printGoals(records) {
  const judged = judge(new Results(records));
  if (judged.length === 0) return;
  console.log('\nWhat is wanted:');
  for (const { row, what, wanted, found, isReached } of judged) {
    const measured = found ? summaryInWords(found) : 'FAILED';
    console.log(`  ${isReached ? 'reached    ' : 'NOT reached'} ${row}, ${what}: ${measured} (wanted: ${wanted.text})`);
  }
}

/** Prints the first figure of ours in terms of those of the others, a line for each table. */
function printRatios(records) {
  console.log('\nIn short:');
  const tables = groupBy(records, ({ workload, store, case: name }) => `${workload}, ${store}, ${name}`);
  for (const [title, some] of tables) {
    const { workload } = some[0];
    const ratios = rowsOf(WORKLOADS[workload], some).flatMap((cells) =>
      cells.at(-1) === '-' ? [] : `${cells.at(-1)} of ${cells[0]}`,
    );
    const [unit] = Object.values(WORKLOADS[workload].columns);
    if (ratios.length > 0) console.log(`  ${title}: ${ratios.join(', ')} (${unit})`);
  }
}

/** What is to be measured: workload, store, and options beside those of the command. */
function planOf({ command, stores }) {
  const isChosen = (store) => stores.includes(store);
  if (command === 'quick')
    return QUICK.flatMap(({ workload, stores: some, ...own }) =>
      some.filter(isChosen).map((store) => [workload, store, { rounds: 1, ...own }]),
    );
  const names = command === 'all' ? Object.keys(WORKLOADS) : [command];
  return names.flatMap((name) => WORKLOADS[name].stores.filter(isChosen).map((store) => [name, store, {}]));
}

async function measureAll(options, node) {
  const builds = setUp({ ...options, node });
  const environment = describeEnvironment(node);
  console.log(
    `Commit ${environment.commit}, Node ${environment.node}, ${environment.machine}, load ${environment.load}`,
  );
  const plan = planOf(options);
  const servers = await bringUpStores(plan.map(([, store]) => store));
  const records = [];
  try {
    for (const [name, store, others] of plan) {
      if (servers.absent.has(store)) continue;
      const own = { ...options, ...others, node, builds, print: console.log };
      const at = new Date().toISOString();
      const found = await measure(name, WORKLOADS[name], store, own);
      const complete = found.map((record) => ({ ...record, environment, at }));
      records.push(...complete);
      // At once, so that what was measured is there when a later one is interrupted.
      if (options.isWritten) addResults(complete);
    }
  } finally {
    await servers.stop();
  }
  if (options.command === 'quick') printRatios(records);
  printGoals(records);
  if (options.isWritten) writeReport(WORKLOADS);
}

async function main() {
  const options = readOptions();
  if (options.command === 'help') return console.log(USAGE);
  if (options.command === 'report') return writeReport(WORKLOADS);
  const node = options.isBare ? process.execPath : findNode();
  if (node === process.execPath) return measureAll(options, node);
  // All of it on the Node that the peers run on: what is compiled for it can be loaded only there.
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: 'inherit' });
  for (const signal of SIGNALS) process.on(signal, () => child.kill(signal));
  const [code] = await once(child, 'exit');
  process.exitCode = code ?? 1;
}

try {
  await main();
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
