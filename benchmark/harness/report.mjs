// RESULTS.md, from the raw results.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { judge } from './goals.mjs';
import { failureOf, rowsOf, titlesOf } from './measure.mjs';
import { readResults, Results } from './results.mjs';
import { PACKAGE } from './setup.mjs';
import { summaryInWords } from './statistics.mjs';
import { groupBy, markdownTable, withoutEmpty } from './table.mjs';

function goals(records) {
  const judged = judge(new Results(records));
  if (judged.length === 0) return [];
  const table = markdownTable(
    ['workload', 'figure', 'wanted', 'measured', ''],
    judged.map(({ row: name, what, wanted, found, isReached }) => {
      const measured = found === null ? 'FAILED' : summaryInWords(found);
      return [name, what, wanted.text, measured, isReached ? 'reached' : '**not reached**'];
    }),
  );
  return ['## What is wanted', table];
}

/** The environments of the records, each with what was measured in it. */
function environments(records) {
  const known = new Map();
  for (const { environment, workload, at } of records) {
    const { commit, node, machine } = environment;
    const text = `${at.slice(0, 10)}, commit ${commit}, Node ${node.slice(1)}, ${machine}`;
    known.set(text, (known.get(text) ?? new Set()).add(workload));
  }
  return [...known].map(([text, workloads]) => `- ${text}: ${[...workloads].join(', ')}`).join('\n');
}

function section(workload, records) {
  const parts = [`## ${workload.title}`];
  for (const [title, some] of groupBy(records, ({ store, case: one }) => `${store}, ${one}`)) {
    const [{ server, rounds }] = some;
    parts.push(`**${title}** (${[server, `${rounds.length} rounds`].filter(Boolean).join('; ')})`);
    parts.push(markdownTable(...withoutEmpty(titlesOf(workload), rowsOf(workload, some))));
    for (const record of some) {
      const failure = failureOf(record);
      if (failure !== undefined) parts.push(`${record.system} FAILED: ${failure.split('\n')[0]}`);
    }
  }
  return parts.join('\n\n');
}

function configurations(records) {
  const lines = new Set();
  for (const { store, system, configuration, packages } of records)
    lines.add(`- ${system} on ${store}: ${[...packages, configuration].filter(Boolean).join('; ')}`);
  return [...lines].toSorted((a, b) => a.localeCompare(b)).join('\n');
}

/** Writes the page, with all workloads that there are results of. */
export function writeReport(workloads) {
  const records = readResults();
  const parts = [
    '# Results of the benchmarks',
    'Written by `npm run bench -- … --write`; see CONTRIBUTING.md, Benchmarks. Medians, with the least and the greatest of the rounds. Compare figures within this page only: they are those of one machine. `bare` is what the driver and the server do without a library, in batches of 500; `ours-failures` and `ours-none` keep less history. In each run every task ran exactly once, nothing was left in the store, and the history was whole where it is kept; otherwise it says FAILED.',
    environments(records),
    ...goals(records),
  ];
  for (const [name, workload] of Object.entries(workloads)) {
    const own = records.filter((record) => record.workload === name);
    if (own.length > 0) parts.push(section(workload, own));
  }
  parts.push('## Configuration', configurations(records));
  writeFileSync(join(PACKAGE, 'RESULTS.md'), `${parts.join('\n\n')}\n`);
}
