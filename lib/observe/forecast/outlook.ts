import type { TaskRecord } from '../../model/task.js';
import type { TimeZone } from '../../time/time-zone.js';
import type { Occurrence } from '../../triggers/trigger.interface.js';
import type { RunTimes } from '../run.times.js';
import type { Forecast, ForecastOverlap, ForecastRun, ForecastTask } from './forecast.js';
import type { LoadBuckets } from './load.buckets.js';
import type { TaskTimes } from './task.times.js';

/** How many tasks, overlaps and seconds are listed. */
const TASKS = 1_000;
const LISTED = 100;

/** How many tasks of a second are named. */
const NAMED = 10;

/** How many runs may be kept beside twice those that are listed. */
const SPARE = 1_000;

interface FoundRun {
  readonly at: number;
  readonly taskId: string;
  readonly store: string;
  readonly expectedMs: number | null;
  readonly occurrence: Occurrence;
}

function toForecastRun({ at, taskId, store, expectedMs, occurrence }: FoundRun): ForecastRun {
  const { dst = null, movedByCalendar = null } = occurrence;
  return { at: new Date(at), taskId, store, expectedMs, dst, movedByCalendar };
}

/** Puts together what is foretold of each task. */
export class Outlook {
  tasksLooked = 0;
  unforeseen = 0;
  /** How many times were found one by one. */
  timesFound = 0;
  readonly leftOut: string[] = [];
  #total = 0;
  #cut = 0;
  #runs: FoundRun[] = [];
  readonly #tasks: ForecastTask[] = [];
  readonly #overlaps: ForecastOverlap[] = [];
  readonly #seconds = new Map<number, { count: number; some: string[] }>();

  constructor(
    private readonly buckets: LoadBuckets,
    private readonly options: { readonly limit: number; readonly sameSecond: number; readonly from: number },
  ) {}

  add(store: string, task: TaskRecord, times: TaskTimes, measured: RunTimes | null): void {
    const expectedMs = measured?.p50Ms ?? null;
    const { id: taskId, definition } = task;
    const known = { taskId, store, handler: definition.handler, expectedMs };
    if ('counted' in times) {
      const { runs, first } = this.#addCounted(times.counted, expectedMs ?? 0);
      this.#tasks.push({ ...known, runs, first });
      return;
    }
    const { listed, isCut } = times;
    if (isCut) this.#cut += 1;
    for (const occurrence of listed) this.#addOne(store, taskId, occurrence, expectedMs);
    const first = listed[0] === undefined ? null : new Date(Math.max(listed[0].runTime, this.options.from));
    if (listed.length > 0) this.#tasks.push({ ...known, runs: listed.length, first });
    if (measured !== null) this.#foretellOverlaps(store, task, listed, measured);
  }

  #addCounted(counted: (from: number, to: number) => number, expectedMs: number) {
    let runs = 0;
    let first: Date | null = null;
    for (const [start, end] of this.buckets.spans()) {
      const count = counted(start, end);
      if (count === 0) continue;
      first ??= new Date(start);
      runs += count;
      this.buckets.addMany(start, count, expectedMs);
    }
    this.#total += runs;
    return { runs, first };
  }

  #addOne(store: string, taskId: string, occurrence: Occurrence, expectedMs: number | null): void {
    const at = Math.max(occurrence.runTime, this.options.from);
    this.#total += 1;
    this.timesFound += 1;
    this.buckets.add(at, expectedMs ?? 0);
    this.#list({ at, taskId, store, expectedMs, occurrence });
    const second = Math.floor(at / 1_000) * 1_000;
    const known = this.#seconds.get(second);
    if (!known) this.#seconds.set(second, { count: 1, some: [taskId] });
    else {
      known.count += 1;
      if (known.some.length < NAMED) known.some.push(taskId);
    }
  }

  /** Of all runs only the first ones are kept: to sort all of them at the end would take too long. */
  #list(run: FoundRun): void {
    this.#runs.push(run);
    if (this.#runs.length >= 2 * this.options.limit + SPARE) this.#runs = this.#firstRuns();
  }

  #firstRuns(): FoundRun[] {
    return this.#runs.sort((a, b) => a.at - b.at).slice(0, this.options.limit);
  }

  #foretellOverlaps(
    store: string,
    { id, definition }: TaskRecord,
    listed: readonly Occurrence[],
    { p95Ms, count }: RunTimes,
  ) {
    let [number, gapMs] = [0, Infinity];
    let first: Date | null = null;
    for (let at = 1; at < listed.length; at += 1) {
      const gap = listed[at]!.runTime - listed[at - 1]!.runTime;
      gapMs = Math.min(gapMs, gap);
      if (gap >= p95Ms) continue;
      number += 1;
      first ??= new Date(listed[at]!.runTime);
    }
    if (first === null) return;
    const { overlap } = definition.policies;
    this.#overlaps.push({ taskId: id, store, overlap, count: number, first, gapMs, p95Ms, measured: count });
  }

  async result(zone: TimeZone): Promise<Omit<Forecast, 'from' | 'to' | 'zone'>> {
    if (this.#cut > 0) this.leftOut.push(`Of ${this.#cut} tasks not all times were found: see maxTimes.`);
    const seconds = [...this.#seconds].filter(([, { count }]) => count >= this.options.sameSecond);
    return {
      total: this.#total,
      runs: this.#firstRuns().map(toForecastRun),
      tasks: this.#tasks.sort((a, b) => b.runs - a.runs).slice(0, TASKS),
      buckets: await this.buckets.result(zone),
      overlaps: this.#overlaps.sort((a, b) => b.count - a.count).slice(0, LISTED),
      sameSecond: seconds
        .sort(([, a], [, b]) => b.count - a.count)
        .slice(0, LISTED)
        .map(([second, { count, some }]) => ({ at: new Date(second), count, some })),
      unforeseen: this.unforeseen,
      leftOut: this.leftOut,
    };
  }
}
