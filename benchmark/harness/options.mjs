import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { STORES } from './places.mjs';
import { SYSTEM_NAMES } from '../systems/index.mjs';
import { WORKLOADS } from '../workloads/index.mjs';

export const USAGE = `npm run bench -- <workload>|all|report|help [options]; npm run bench:quick

Workloads: ${Object.keys(WORKLOADS).join(', ')}
  --store a,b         only these of ${STORES.join(', ')}
  --system a,b        only these of ${SYSTEM_NAMES.join(', ')}
  --rounds n          how often each is measured (3)
  --tasks n,m         how many tasks, where a workload has them
  --concurrency n     of the library's executor (1000)
  --against folder    another checkout of the library that is built, as the system "other"
  --prof folder       writes a profile of each run there (node --cpu-prof)
  --bare              without the peers and on this Node: only ours, heap and bare
  --short             shorter windows and smaller fillings, to try out that all works
  --write             adds the results to results.json, and writes RESULTS.md
`;

const text = { type: 'string' };
const flag = { type: 'boolean', default: false };
const FLAGS = {
  store: text,
  system: text,
  rounds: text,
  tasks: text,
  concurrency: text,
  against: text,
  prof: text,
  bare: flag,
  short: flag,
  write: flag,
};

function listOf(value, known) {
  const names = value?.split(',');
  const unknown = names?.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new Error(`"${unknown}" is none of ${known.join(', ')}.`);
  return names;
}

/** A whole number from 1. */
function countOf(value) {
  const count = Number(value);
  if (!Number.isSafeInteger(count) || count < 1) throw new Error(`"${value}" is no whole number from 1.`);
  return count;
}

/**
 * What the command line says.
 *
 * @throws Error With the usage, or with what is wrong.
 */
export function readOptions() {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: FLAGS });
  const [command] = positionals;
  if (command === 'help') return { command };
  const commands = ['all', 'quick', 'report', ...Object.keys(WORKLOADS)];
  if (positionals.length !== 1 || !commands.includes(command)) throw new Error(USAGE);
  return {
    command,
    stores: listOf(values.store, STORES) ?? STORES,
    systems: listOf(values.system, SYSTEM_NAMES),
    rounds: countOf(values.rounds ?? 3),
    ...(values.tasks && { tasks: values.tasks.split(',').map(countOf) }),
    settings: values.concurrency ? { concurrency: countOf(values.concurrency) } : {},
    against: values.against,
    prof: values.prof && resolve(values.prof),
    isBare: values.bare,
    isShort: values.short,
    isWritten: values.write,
  };
}
