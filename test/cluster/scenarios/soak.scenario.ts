import { expect } from 'vitest';
import type { DeclaredTask } from 'nestjs-asyncz';
import { pause, SCALE } from '../cluster.bench.js';
import type { ClusterBench, Worker } from '../cluster.bench.js';
import { scheduledTimeOf, taskOf } from '../ledger.js';
import type { Ledger } from '../ledger.js';
import { report } from '../verdict.js';

const PERIOD_MS = 1_000;
const FULL_MS = 600_000;
const FULL_RATE = 1_000;
/**
 * The MongoDB stand-in reads all of a collection for each question: 0.15 ms of its one processor for each ended run that is
 * kept, and all others wait for it. It is to hold some 300 documents.
 */
const SLOW_RATE = 20;
const AGE_S = 60;
const SLOW_AGE_S = 15;

/** How long after each other tasks come due where there are fewer of them, in milliseconds. */
const SHORT_STEP_MS = 50;

/** How often the memory is looked at. */
const SAMPLES = 12;

/** How much more memory the last third of the samples may show than the middle one. */
const MAX_GROWTH = 1.15;

/**
 * Many recurring tasks for long: none is missed, and memory does not grow. With the defaults of production. At a part of the
 * length it has that part of the rate too, since all stores are soaked at the same time then.
 */
export async function soak(bench: ClusterBench): Promise<void> {
  const isFull = SCALE >= 1;
  const fullRate = bench.kind.slow ? SLOW_RATE : FULL_RATE;
  const rate = Math.max(2, Math.round(fullRate * Math.min(1, SCALE)));
  const durationMs = FULL_MS * SCALE;
  const ageS = bench.kind.slow ? SLOW_AGE_S : AGE_S;
  await bench.pool.prepare(2);
  // At the full rate a claim takes many, and so it does here.
  const stepMs = isFull ? 1 : SHORT_STEP_MS;
  const first = Date.now() + 2_000;
  const declared = Array.from({ length: rate }, (_, at): DeclaredTask => {
    const offset = Math.floor((at * PERIOD_MS) / rate / stepMs) * stepMs;
    const startAt = new Date(first + offset).toISOString();
    return { id: `t${at}`, handler: 'work', trigger: { type: 'interval', milliseconds: PERIOD_MS, startAt } };
  });
  const settings = {
    lease: '30s',
    heartbeatInterval: '15s',
    pollInterval: bench.kind.slow ? '8s' : '30s',
    // Pruning is part of the work.
    retention: { count: null, age: `${ageS}s` },
  };
  const workers = await bench.startMany(2, { declared, settings, concurrency: 250 });
  const memory = await watchMemory(workers, Math.max(0, first - Date.now()) + durationMs);
  await Promise.all(workers.map((worker) => bench.stop(worker)));
  const times = timesOf(bench.ledger);
  const { verdict, folded, skipped, late } = judgeTimes(times);
  const wanted = isFull ? '' : `shortened from ${FULL_MS / 60_000} min at ${fullRate} a second; `;
  report('soak', bench.kind.name, verdict, {
    length: `${wanted}${durationMs / 1_000} s at ${rate} a second`,
    'history s': ageS,
    folded,
    skipped,
    'late p50 ms': percentile(late, 0.5),
    'late p99 ms': percentile(late, 0.99),
    'late max ms': percentile(late, 1),
    'rss MB': memory.map((one) => one.map((bytes) => Math.round(bytes / 2 ** 20)).join(' ')).join(' | '),
  });
  expect({ lost: verdict.lost, doubled: verdict.doubled, tasks: times.size }).toEqual({
    lost: [],
    doubled: [],
    tasks: rate,
  });
  // The short form runs beside other tests on a busy machine, and is over before memory has settled.
  if (!isFull) return;
  // A time that was folded into the next one was missed, and so was one that came before the run of the last had ended.
  expect({ folded, skipped }).toEqual({ folded: 0, skipped: 0 });
  for (const one of memory) {
    const third = SAMPLES / 3;
    expect(mean(one.slice(2 * third)) / mean(one.slice(third, 2 * third))).toBeLessThan(MAX_GROWTH);
  }
}

/** The resident memory of each process in bytes, at even intervals. */
async function watchMemory(workers: readonly Worker[], durationMs: number): Promise<number[][]> {
  const memory: number[][] = workers.map(() => []);
  const start = performance.now();
  for (let sample = 1; sample <= SAMPLES; sample += 1) {
    await pause(Math.max(0, start + (sample * durationMs) / SAMPLES - performance.now()));
    const usages = await Promise.all(workers.map(({ process }) => process.memory()));
    usages.forEach(({ rss }, at) => memory[at]!.push(rss));
  }
  return memory;
}

interface Time {
  readonly scheduled: number;
  readonly coalesced: number;
  readonly late: number;
  /** 0 when it was skipped. */
  starts: number;
}

/** The times for which each task has started or was skipped, by task and scheduled time. */
function timesOf(ledger: Ledger): Map<string, Map<number, Time>> {
  const tasks = new Map<string, Map<number, Time>>();
  for (const { kind, runId, coalesced, wall } of ledger.each()) {
    if (kind !== 'S' && kind !== 'K') continue;
    const starts = kind === 'S' ? 1 : 0;
    const task = taskOf(runId);
    const scheduled = scheduledTimeOf(runId);
    const times = tasks.get(task) ?? new Map<number, Time>();
    tasks.set(task, times);
    const time = times.get(scheduled);
    if (time) time.starts += starts;
    else times.set(scheduled, { scheduled, coalesced, late: wall - scheduled, starts });
  }
  return tasks;
}

/** Each task has a run for each time between its first and its last, or tells that it was skipped or folded into the next. */
function judgeTimes(tasks: ReadonlyMap<string, ReadonlyMap<number, Time>>) {
  const figures = { expected: 0, started: 0, attempts: 0, overlapMs: 0 };
  const doubled: string[] = [];
  const lost: string[] = [];
  const late: number[] = [];
  let folded = 0;
  let skipped = 0;
  for (const [task, times] of tasks) {
    const sorted = [...times.values()].sort((a, b) => a.scheduled - b.scheduled);
    const gone = sorted.slice(1).reduce((sum, { coalesced }) => sum + coalesced, 0);
    const expected = (sorted.at(-1)!.scheduled - sorted[0]!.scheduled) / PERIOD_MS + 1;
    figures.expected += expected;
    figures.started += sorted.filter(({ starts }) => starts > 0).length;
    folded += gone;
    if (expected !== sorted.length + gone) lost.push(task);
    for (const { scheduled, starts, late: by } of sorted) {
      figures.attempts += starts;
      if (starts === 0) skipped += 1;
      else late.push(by);
      if (starts > 1) doubled.push(`${task}@${scheduled}`);
    }
  }
  const verdict = { ...figures, doubled, lost, unordered: [] };
  return { verdict, folded, skipped, late: late.sort((a, b) => a - b) };
}

const percentile = (sorted: readonly number[], share: number) => sorted[Math.floor(share * (sorted.length - 1))] ?? NaN;
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
