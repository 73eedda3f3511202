import { RunNotFoundError } from '../../errors/run.errors.js';
import type { TaskLogLine } from '../../executors/task-log.js';
import type { Clock } from '../../model/clock.js';
import { namesOf } from '../../model/names.js';
import type { LiveRun, RunRecord, RunStatus } from '../../model/run.js';
import type { StoredOutput } from '../../model/run.output.js';
import { isUnreadable } from '../../model/task.js';
import { STEP_VALUES } from '../../persistence/step.values.js';
import { wait } from '../../time/wait.js';
import { checkCall } from './call.options.js';
import { TARGET_OPTIONS } from './control.options.js';
import type { TaskTarget } from './control.options.js';
import { taskIdOf } from './run.info.js';
import { writtenTask } from './run.lookup.js';
import type { StoreHandle } from './store.handle.js';
import type { StoreRegistry } from './store.registry.js';

/** How many attempts of a run are read. */
const ATTEMPTS = 100;

/** How often a run that is followed is looked at, in milliseconds: what it says is written once a second. */
const LOOK_MS = 1_000;

/**
 * What one attempt of a run has said: its log and its progress.
 *
 * @publicApi
 */
export interface RunOutputInfo {
  readonly runId: string;
  readonly attempt: number;
  readonly status: RunStatus | LiveRun['status'];
  /** The identity of the scheduler that ran it, or runs it; null for none. */
  readonly owner: string | null;
  /** The newest lines of its log, the oldest of them first. */
  readonly lines: readonly TaskLogLine[];
  /** How many older lines are not kept. */
  readonly dropped: number;
  /** The last value of `TaskContext.progress`; null when there is none. */
  readonly progress: { readonly time: Date; readonly value: unknown } | null;
}

/**
 * Something that a run has said, of a run that is followed: a line of its log, how many lines were not kept, its progress; and, at
 * the end, how it ended.
 *
 * @publicApi
 */
export type RunOutputEvent =
  | { readonly type: 'line'; readonly attempt: number; readonly line: TaskLogLine }
  | { readonly type: 'dropped'; readonly attempt: number; readonly count: number }
  | { readonly type: 'progress'; readonly attempt: number; readonly progress: NonNullable<RunOutputInfo['progress']> }
  | { readonly type: 'ended'; readonly attempt: number; readonly status: RunStatus };

/**
 * Options of `followRunOutput`: the store, and what ends it.
 *
 * @publicApi
 */
export interface FollowOptions extends TaskTarget {
  /** Ends it: it rejects with its reason. */
  readonly signal?: AbortSignal;
}

const FOLLOW_OPTIONS = namesOf<keyof FollowOptions>({ store: 0, signal: 0 });

/** Shows what runs have said, wherever they run: what is behind the methods of `Scheduler`. */
export class RunOutputs {
  constructor(
    private readonly stores: StoreRegistry,
    private readonly clock: Clock,
  ) {}

  /** By attempt, the first one first; none where there is no such run, or its record was not kept. */
  async read(runId: string, target: TaskTarget = {}): Promise<readonly RunOutputInfo[]> {
    checkCall('getRunOutput', target, TARGET_OPTIONS);
    const taskId = taskIdOf(runId);
    for (const handle of this.stores.select(target.store)) {
      const found = await attemptsIn(handle, taskId, runId);
      if (found.length > 0) return found;
    }
    return [];
  }

  async *follow(runId: string, options: FollowOptions = {}): AsyncGenerator<RunOutputEvent, void, undefined> {
    checkCall('followRunOutput', options, FOLLOW_OPTIONS);
    const { signal, ...target } = options;
    const told = new Map<number, Told>();
    for (;;) {
      signal?.throwIfAborted();
      const attempts = await this.read(runId, target);
      const last = attempts.at(-1);
      if (!last) throw new RunNotFoundError(runId);
      for (const attempt of attempts) {
        yield* newOf(attempt, told.get(attempt.attempt));
        told.set(attempt.attempt, toldOf(attempt));
      }
      if (isOver(last)) {
        yield { type: 'ended', attempt: last.attempt, status: last.status };
        return;
      }
      await this.#pause(signal);
    }
  }

  async #pause(signal: AbortSignal | undefined): Promise<void> {
    if (signal?.aborted) return;
    await new Promise<void>((resolve) => {
      const cancel = wait(this.clock, LOOK_MS, done);
      function done() {
        cancel();
        signal?.removeEventListener('abort', done);
        resolve();
      }
      signal?.addEventListener('abort', done);
    });
  }
}

/** What was told of an attempt: how many lines it had written, and the time of its progress. */
interface Told {
  readonly lines: number;
  readonly progressAt: number | null;
}

function toldOf({ lines, dropped, progress }: RunOutputInfo): Told {
  return { lines: dropped + lines.length, progressAt: progress?.time.getTime() ?? null };
}

function* newOf(
  { attempt, lines, dropped, progress }: RunOutputInfo,
  told: Told = { lines: 0, progressAt: null },
): Generator<RunOutputEvent> {
  if (dropped > told.lines) yield { type: 'dropped', attempt, count: dropped - told.lines };
  for (const line of lines.slice(Math.max(0, told.lines - dropped))) yield { type: 'line', attempt, line };
  if (progress && progress.time.getTime() !== told.progressAt) yield { type: 'progress', attempt, progress };
}

function isOver(last: RunOutputInfo): last is RunOutputInfo & { readonly status: RunStatus } {
  return last.status !== 'waiting' && last.status !== 'running';
}

async function attemptsIn(handle: StoreHandle, taskId: string, runId: string): Promise<readonly RunOutputInfo[]> {
  // The task first: an attempt that ends in between is in the history by then.
  const task = await writtenTask(handle, taskId);
  const live = task && !isUnreadable(task) ? task.state.live.find(({ id }) => id === runId) : undefined;
  const { runs } = await handle.activeStore.runs({ runId }, { limit: ATTEMPTS });
  const ended = runs.map((run) => toOutputInfo(run)).sort((a, b) => a.attempt - b.attempt);
  return live && !runs.some(({ token }) => token === live.token && live.token > 0)
    ? [...ended, toOutputInfo(live)]
    : ended;
}

function toOutputInfo({ id, attempt, status, owner, output }: LiveRun | RunRecord): RunOutputInfo {
  const { lines = [], dropped = 0, progress }: Partial<StoredOutput> = output ?? {};
  return {
    runId: id,
    attempt,
    status,
    owner,
    lines: lines.map(({ at, stack = null, level, message }) => ({ time: new Date(at), level, message, stack })),
    dropped,
    progress: progress ? { time: new Date(progress.at), value: STEP_VALUES.read(progress.value) } : null,
  };
}
