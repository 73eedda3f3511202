import type { RunRecord } from '../model/run.js';
import type { TaskRecord } from '../model/task.js';
import type { Store } from '../stores/store.interface.js';
import type { Deadline } from '../time/deadline.js';

/** How many runs one question to a store reads: to decode them takes time. */
const PAGE = 200;

/** From how many runs on percentiles are worth something. */
export const ENOUGH_RUNS = 5;

/** How many of the latest runs of one task are asked for where the latest of all are of others. */
const OF_ONE = 100;

/** How long the runs of a task take, measured over its latest runs that the history has, in milliseconds. */
export interface RunTimes {
  /** How many runs were measured. */
  readonly count: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly longestMs: number;
  /** How many attempts beside these were lost. */
  readonly lost: number;
}

/** What was measured of the tasks of a store. */
export interface Measured {
  readonly times: ReadonlyMap<string, RunTimes>;
  /** How many ended runs were read. */
  readonly runs: number;
  /** How many tasks have run and could not be measured within the bounds. */
  readonly unmeasured: number;
}

/** How much is read. */
export interface MeasureBounds {
  /** How many of the latest runs, of whatever task. */
  readonly runs: number;
  /** For how many tasks their own latest runs are asked for besides. */
  readonly tasks: number;
  readonly deadline: Deadline;
}

/**
 * Measures how long runs take: of the latest runs of the store, and then, of tasks that seldom run, of the latest of their own. One whose
 * history is not kept is measured by its last run alone.
 */
export async function measureRunTimes(
  { store }: { readonly store: Pick<Store, 'runs'> },
  tasks: readonly TaskRecord[],
  { runs: maxRuns, tasks: maxTasks, deadline }: MeasureBounds,
): Promise<Measured> {
  const samples = new Samples();
  let cursor: string | undefined;
  while (samples.runs < maxRuns && !deadline.isOver) {
    const limit = Math.min(PAGE, maxRuns - samples.runs);
    const page = await store.runs({}, { limit, ...(cursor !== undefined && { cursor }) });
    samples.add(page.runs);
    if (page.next === null) break;
    cursor = page.next;
    await new Promise(setImmediate);
  }
  const hasAll = cursor === undefined;
  let asked = 0;
  let unmeasured = 0;
  for (const { id, state } of tasks) {
    if (state.lastRun === null || samples.countOf(id) >= ENOUGH_RUNS) continue;
    if (!hasAll && (asked >= maxTasks || deadline.isOver)) unmeasured += 1;
    else if (!hasAll) {
      asked += 1;
      samples.forget(id);
      samples.add((await store.runs({ taskId: id }, { limit: OF_ONE })).runs);
    }
    if (samples.countOf(id) === 0) samples.addLast(id, state.lastRun);
  }
  return { times: samples.times(), runs: samples.runs, unmeasured };
}

class Samples {
  runs = 0;
  readonly #durations = new Map<string, number[]>();
  readonly #lost = new Map<string, number>();

  add(runs: readonly RunRecord[]): void {
    this.runs += runs.length;
    for (const run of runs) {
      if (run.status === 'lost') this.#lost.set(run.taskId, (this.#lost.get(run.taskId) ?? 0) + 1);
      else this.addLast(run.taskId, run);
    }
  }

  /** Those that were aborted say nothing of how long a run takes. */
  addLast(taskId: string, { status, startedAt, endedAt }: Pick<RunRecord, 'status' | 'startedAt' | 'endedAt'>): void {
    if (startedAt === null || (status !== 'succeeded' && status !== 'failed')) return;
    const durations = this.#durations.get(taskId);
    const duration = Math.max(0, endedAt - startedAt);
    if (durations) durations.push(duration);
    else this.#durations.set(taskId, [duration]);
  }

  forget(taskId: string): void {
    this.#durations.delete(taskId);
    this.#lost.delete(taskId);
  }

  countOf(taskId: string): number {
    return this.#durations.get(taskId)?.length ?? 0;
  }

  times(): ReadonlyMap<string, RunTimes> {
    const times = new Map<string, RunTimes>();
    for (const [taskId, durations] of this.#durations) {
      const sorted = durations.sort((a, b) => a - b);
      times.set(taskId, {
        count: sorted.length,
        p50Ms: percentile(sorted, 0.5),
        p95Ms: percentile(sorted, 0.95),
        longestMs: sorted.at(-1)!,
        lost: this.#lost.get(taskId) ?? 0,
      });
    }
    return times;
  }
}

/** The nearest rank: one of the values itself. */
function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)]!;
}
