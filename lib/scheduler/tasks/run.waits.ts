import { RunNotFoundError, RunWaitTimeoutError, TaskWaitTimeoutError } from '../../errors/run.errors.js';
import { InvalidTaskStateError, SchedulerNotRunningError } from '../../errors/scheduler.errors.js';
import { StoreUnavailableError } from '../../errors/store.errors.js';
import { TaskNotFoundError, TaskUnreadableError } from '../../errors/task.errors.js';
import type { EventDispatcher } from '../../events/event.dispatcher.js';
import { backoffMs } from '../../model/backoff.js';
import type { Clock } from '../../model/clock.js';
import type { Duration } from '../../model/duration.js';
import { namesOf } from '../../model/names.js';
import type { RunRecord } from '../../model/run.js';
import { isIdle, isUnreadable } from '../../model/task.js';
import type { LastRun, StoredTask } from '../../model/task.js';
import { toMilliseconds } from '../../time/inputs.js';
import { onAbort } from '../../time/on-abort.js';
import { WakeableWait } from '../../time/wait.js';
import { checkCall } from './call.options.js';
import { locate } from './control.options.js';
import type { TaskRef, TaskTarget } from './control.options.js';
import { taskIdOf, toRunInfo } from './run.info.js';
import type { RunInfo } from './run.info.js';
import type { StoreHandle } from './store.handle.js';
import type { StoreRegistry } from './store.registry.js';
import { WaitListeners } from './wait.listeners.js';
import type { AwaitedEnd } from './wait.listeners.js';

/** How often the end of a run on another node is asked for, and how soon after a look it is asked again at the earliest. */
const LOOK = { firstMs: 50, longestMs: 1_000 };
const SOONEST_MS = 25;

/**
 * How much longer each wait that is under way makes the intervals of all: 500 looks a second of one process are enough for its store,
 * however many of its callers wait.
 */
const EACH_MS = 2;

/** How long is waited without a `timeout`. */
const USUAL_TIMEOUT = '1h';

/**
 * How to wait for the end of a run.
 *
 * @publicApi
 */
export interface WaitOptions {
  /** How long to wait at most. @default '1h' */
  readonly timeout?: Duration;
  /** Ends the wait, not the run: the wait rejects with its reason. */
  readonly signal?: AbortSignal;
}

/** The names of {@link WaitOptions}, and of those that say which store. */
export const WAIT_OPTIONS = namesOf<keyof (WaitOptions & TaskTarget)>({ store: 0, timeout: 0, signal: 0 });

/** What is waited for. */
interface Awaited {
  readonly call: string;
  readonly end: AwaitedEnd;
  /** What it has come to; null while that is to come. @param told The end that this process has told of last. */
  look(told: RunRecord | null): Promise<RunInfo | null>;
  timedOut(timeoutMs: number, options: ErrorOptions): Error;
}

/** A wait that is under way. */
interface Wait {
  readonly handles: readonly StoreHandle[];
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  /** Ended by whatever the store tells of. */
  readonly pausing: WakeableWait;
  /** Ended by what this wait is for, and by a stop. */
  readonly resting: WakeableWait;
  /** The end that this process has told of last. */
  readonly told: () => RunRecord | null;
}

/** What is known of a task when its run is waited for. */
interface Baseline {
  readonly lastRun: LastRun | null;
}

/**
 * Waits for the ends of runs, wherever they are: told by this process, woken where the store pushes wake-ups, and asking the store
 * in growing intervals otherwise. Each wait is bounded in time, ends with its signal, and ends with the scheduler.
 */
export class RunWaits {
  readonly #listeners: WaitListeners;

  constructor(
    private readonly stores: StoreRegistry,
    events: EventDispatcher,
    private readonly clock: Clock,
  ) {
    this.#listeners = new WaitListeners(events);
  }

  /** Waits for the end of a run, its retries included. */
  async forRun(runId: string, options: WaitOptions & TaskTarget = {}): Promise<RunInfo> {
    checkCall('waitForRun', options, WAIT_OPTIONS);
    taskIdOf(runId);
    return this.#follow(options, {
      call: 'waitForRun',
      end: { runId },
      look: (told) => this.#ended(runId, options.store, told),
      timedOut: (timeoutMs, cause) => new RunWaitTimeoutError(runId, timeoutMs, cause),
    });
  }

  /** Waits for the next end of a run of a task; for the last one, where none is to come. */
  async forTask(ref: TaskRef, options: WaitOptions & TaskTarget = {}): Promise<RunInfo> {
    checkCall('waitForTask', options, WAIT_OPTIONS);
    const { id, store } = locate(ref, options);
    let baseline: Baseline | null = null;
    return this.#follow(
      { ...options, store },
      {
        call: 'waitForTask',
        end: { taskId: id },
        look: async (told) => {
          const found = await this.stores.find(id, store);
          if (!found) return this.#lastOfGone(id, store, baseline, told);
          const before: Baseline = (baseline ??= baselineOf(found.task));
          const ended = endedSince(found.task, before);
          return ended && this.#recordOf(ended, found.handle, told);
        },
        timedOut: (timeoutMs, cause) => new TaskWaitTimeoutError(id, timeoutMs, cause),
      },
    );
  }

  async #follow({ store, timeout, signal }: WaitOptions & TaskTarget, awaited: Awaited): Promise<RunInfo> {
    const timeoutMs = toMilliseconds(timeout ?? USUAL_TIMEOUT, 'timeout', { min: 0 });
    const handles = this.stores.select(store);
    requireOpen(handles, awaited.call);
    const pausing = new WakeableWait(this.clock);
    const resting = new WakeableWait(this.clock);
    let told: RunRecord | null = null;
    const wake = () => {
      pausing.wake();
      resting.wake();
    };
    const ended = (run: RunRecord) => {
      told = run;
      wake();
    };
    const unlisten = this.#listeners.add(awaited.end, { ended, stopped: wake });
    const deaf = handles.map((handle) => handle.store.onWake(() => pausing.wake()));
    try {
      const wait = { handles, timeoutMs, signal, pausing, resting, told: () => told };
      return await orAborted(signal, () => this.#looks(awaited, wait));
    } finally {
      for (const stop of deaf) stop();
      unlisten();
      // No timer is left behind.
      pausing.end();
      resting.end();
    }
  }

  async #looks(awaited: Awaited, { handles, timeoutMs, signal, pausing, resting, told }: Wait): Promise<RunInfo> {
    const end = this.clock.monotonic() + timeoutMs;
    let cause: ErrorOptions = {};
    for (let round = 1; ; round += 1) {
      const lookedAt = this.clock.monotonic();
      const heard = told();
      try {
        const found = await awaited.look(heard);
        if (found) return found;
        cause = {};
      } catch (error) {
        requireOpen(handles, awaited.call);
        // An outage in the middle of a wait is waited out.
        if (round === 1 || !(error instanceof StoreUnavailableError)) throw error;
        cause = { cause: error };
      }
      const now = this.clock.monotonic();
      if (now >= end) throw awaited.timedOut(timeoutMs, cause);
      await pausing.sleep(Math.min(Math.max(backoffMs(LOOK, round), this.#sharedMs), end - now));
      // Wake-ups of a busy store are many, and mostly about other tasks.
      const tooSoon = Math.min(lookedAt + Math.max(SOONEST_MS, this.#sharedMs), end) - this.clock.monotonic();
      if (tooSoon > 0 && told() === heard) await resting.sleep(tooSoon);
      requireOpen(handles, awaited.call);
      signal?.throwIfAborted();
    }
  }

  /** How long each wait lets pass between two looks, for the sake of all of them, in milliseconds. */
  get #sharedMs(): number {
    return this.#listeners.count * EACH_MS;
  }

  async #ended(runId: string, store: string | undefined, told: RunRecord | null): Promise<RunInfo | null> {
    if (told) return this.#recordOfTold(told, store);
    const found = await this.stores.find(taskIdOf(runId), store);
    const state = found && !isUnreadable(found.task) ? found.task.state : null;
    if (state?.live.some(({ id }) => id === runId)) return null;
    for (const handle of found ? [found.handle] : this.stores.select(store)) {
      const record = await latestOf(handle, { runId });
      if (record) return toRunInfo(record);
    }
    // It may be the one that just started, and is not written yet.
    if ((state?.lease ?? null) !== null) return null;
    throw new RunNotFoundError(runId);
  }

  /**
   * An end that this process has told of, as it is stored. Its task is not read: it may have thousands of runs, whose ends are all
   * waited for. What is kept may be an earlier attempt alone.
   */
  async #recordOfTold(told: RunRecord, store: string | undefined): Promise<RunInfo> {
    for (const handle of this.stores.select(store)) {
      const record = await latestOf(handle, { runId: told.id });
      if (record && record.attempt === told.attempt && record.token === told.token) return toRunInfo(record);
    }
    return toRunInfo(told);
  }

  async #recordOf({ id }: LastRun, handle: StoreHandle, told: RunRecord | null): Promise<RunInfo> {
    const record = (await latestOf(handle, { runId: id })) ?? (told?.id === id ? told : null);
    if (!record) throw new RunNotFoundError(id);
    return toRunInfo(record);
  }

  /** The last run of a task that is not there: it was removed with it. */
  async #lastOfGone(
    taskId: string,
    store: string | undefined,
    baseline: Baseline | null,
    told: RunRecord | null,
  ): Promise<RunInfo> {
    for (const handle of this.stores.select(store)) {
      const record = await latestOf(handle, { taskId });
      if (record && !isOfBefore(record, baseline)) return toRunInfo(record);
    }
    if (told) return toRunInfo(told);
    throw new TaskNotFoundError(taskId, store === undefined ? undefined : `the store "${store}"`);
  }
}

async function latestOf(
  handle: StoreHandle,
  filter: { runId: string } | { taskId: string },
): Promise<RunRecord | null> {
  const { runs } = await handle.activeStore.runs(filter, { limit: 1 });
  return runs[0] ?? null;
}

/** @throws TaskUnreadableError */
function baselineOf(task: StoredTask): Baseline {
  if (isUnreadable(task)) throw new TaskUnreadableError(task.id, task.unreadable, task.message);
  const { exhausted, lastRun } = task.state;
  // Nothing is to come: it is the last run that is asked for.
  return { lastRun: exhausted && isIdle(task.state) ? null : lastRun };
}

/** The run that has ended for good since; null while that is to come. @throws InvalidTaskStateError When none will. */
function endedSince(task: StoredTask, { lastRun: before }: Baseline): LastRun | null {
  if (isUnreadable(task)) throw new TaskUnreadableError(task.id, task.unreadable, task.message);
  const { lastRun, live, exhausted } = task.state;
  const isNew = lastRun !== null && (lastRun.id !== before?.id || lastRun.endedAt !== before.endedAt);
  if (isNew && live.every(({ id }) => id !== lastRun.id)) return lastRun;
  if (exhausted && isIdle(task.state)) throw new InvalidTaskStateError(task.id, 'awaited', 'it has nothing to run.');
  return null;
}

function isOfBefore({ id, endedAt }: RunRecord, baseline: Baseline | null): boolean {
  const lastRun = baseline?.lastRun ?? null;
  return lastRun !== null && lastRun.id === id && lastRun.endedAt === endedAt;
}

/** @throws SchedulerNotRunningError When one of the stores is not open: nothing can be known of its runs. */
function requireOpen(handles: readonly StoreHandle[], call: string): void {
  if (handles.some(({ opened }) => !opened)) throw new SchedulerNotRunningError(call);
}

/** What the work comes to, unless the signal is aborted before: then the work is left to itself. */
async function orAborted<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
  if (signal === undefined) return work();
  signal.throwIfAborted();
  let forget = () => {};
  try {
    return await new Promise<T>((resolve, reject) => {
      forget = onAbort(signal, () => reject(signal.reason as Error));
      work().then(resolve, reject);
    });
  } finally {
    forget();
  }
}
