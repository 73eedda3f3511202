import { readdirSync } from 'node:fs';

/** In the order in which they are measured and shown. */
const ORDER = [
  'dispatch',
  'recurring',
  'pipeline',
  'add-one',
  'add-many',
  'wake-up',
  'start',
  'idle',
  'growth',
  'processes',
  'memory',
  'import',
  'triggers',
];
const present = readdirSync(new URL('.', import.meta.url));
const names = ORDER.filter((name) => present.includes(`${name}.mjs`));

export const WORKLOADS = Object.fromEntries(
  await Promise.all(names.map(async (name) => [name, (await import(`./${name}.mjs`)).workload])),
);
