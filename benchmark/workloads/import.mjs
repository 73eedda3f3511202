// How long it takes to import a package; of the library without what NestJS itself takes.
import { performance } from 'node:perf_hooks';
import { pathToFileURL } from 'node:url';
import { entryOf } from '../harness/library.mjs';

/** What an application of NestJS has imported before. */
const NEST = ['reflect-metadata', 'rxjs', '@nestjs/common', '@nestjs/core'];

async function run({ adapter, library }) {
  const [name] = adapter.packages;
  const entry = name ?? pathToFileURL(entryOf(library)).href;
  if (name === undefined) for (const each of NEST) await import(each);
  const before = process.cpuUsage();
  const start = performance.now();
  await import(entry);
  const ms = performance.now() - start;
  const { user, system } = process.cpuUsage(before);
  return { ms, processorMs: (user + system) / 1_000 };
}

export const workload = {
  title: 'Import of the main entry',
  stores: ['memory'],
  isOfAnyStore: true,
  systems: [
    'ours',
    'other',
    'bullmq',
    'pg-boss',
    'graphile-worker',
    'agenda',
    'sidequest',
    'croner',
    'toad-scheduler',
    'cron',
    'node-cron',
  ],
  cases: () => [{ name: 'main entry' }],
  columns: { ms: 'ms', processorMs: 'processor ms' },
  run,
};
