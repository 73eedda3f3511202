import { InvalidOptionError } from '../../errors/input.errors.js';
import { RunNotFoundError, RunWaitTimeoutError } from '../../errors/run.errors.js';
import type { EventDispatcher } from '../../events/event.dispatcher.js';
import type { EndedRunEvent } from '../../events/event.map.js';
import { endedRunEvent } from '../../events/run.event.js';
import { backoffMs } from '../../model/backoff.js';
import type { Clock } from '../../model/clock.js';
import type { Duration } from '../../model/duration.js';
import { namesOf } from '../../model/names.js';
import { taskIdOfRun } from '../../model/run.js';
import type { RunRecord, RunRequest } from '../../model/run.js';
import { dueTime, isUnreadable } from '../../model/task.js';
import { toMilliseconds } from '../../time/inputs.js';
import { WakeableWait } from '../../time/wait.js';
import type { TriggerCache } from '../../triggers/trigger.cache.js';
import { cancelRun } from '../plan/cancel.plan.js';
import { UNWRITTEN_MS } from '../plan/take.plan.js';
import { checkCall } from './call.options.js';
import { CONTROL_OPTIONS, requestOf } from './control.options.js';
import type { ControlOptions, TaskTarget } from './control.options.js';
import type { LifePhase } from './life.phase.js';
import { redriveDeadRun } from './run.redrive.js';
import { toRunInfo } from './run.info.js';
import type { RunInfo } from './run.info.js';
import type { StoreHandle } from './store.handle.js';
import type { StoreRegistry } from './store.registry.js';

/** How often the end of a run on another node is asked for. */
const LOOK = { firstMs: 50, longestMs: 1_000 };

/**
 * How to wait for the end of a run.
 *
 * @publicApi
 */
export interface WaitOptions {
  /** How long to wait at most; without it, without limit. */
  readonly timeout?: Duration;
}

/**
 * Options of `runTask`: who asks and why, and whether to wait for the end of the run.
 *
 * @publicApi
 */
export interface RunTaskOptions extends ControlOptions, WaitOptions {
  /** Whether to wait for the end of the run. @default false */
  readonly wait?: boolean;
}

const WAIT_OPTIONS = namesOf<keyof (WaitOptions & TaskTarget)>({ store: 0, timeout: 0 });

/** The names of {@link RunTaskOptions}. */
export const RUN_TASK_OPTIONS = namesOf<keyof RunTaskOptions>({ store: 0, actor: 0, reason: 0, wait: 0, timeout: 0 });

/** Follows and stops runs, wherever they are: what is behind the methods of `Scheduler`. */
export class RunControl {
  constructor(
    private readonly stores: StoreRegistry,
    private readonly events: EventDispatcher,
    private readonly clock: Clock,
    private readonly phase: LifePhase,
    private readonly triggers: Pick<TriggerCache, 'get'>,
  ) {}

  async wait(runId: string, options: WaitOptions & TaskTarget = {}): Promise<RunInfo> {
    checkCall('waitForRun', options, WAIT_OPTIONS);
    const { store, timeout } = options;
    const timeoutMs = timeout === undefined ? Infinity : toMilliseconds(timeout, 'timeout', { min: 0 });
    const end = this.clock.monotonic() + timeoutMs;
    const pause = new WakeableWait(this.clock);
    /** The end as this process tells of it: the history need not have it. */
    let told: RunRecord | null = null;
    const listener = ({ run }: EndedRunEvent) => {
      if (run.id !== runId) return;
      told = run;
      pause.wake();
    };
    this.events.add(listener, ['run.succeeded', 'run.failed', 'run.cancelled', 'run.missed', 'run.lost']);
    try {
      for (let look = 1; ; look += 1) {
        const ended = await this.#ended(runId, store, () => told);
        if (ended) return ended;
        const left = end - this.clock.monotonic();
        if (left <= 0) throw new RunWaitTimeoutError(runId, timeoutMs);
        await pause.sleep(Math.min(backoffMs(LOOK, look), left));
      }
    } finally {
      this.events.remove(listener);
    }
  }

  async #ended(runId: string, store: string | undefined, told: () => RunRecord | null): Promise<RunInfo | null> {
    const taskId = taskIdOf(runId);
    const found = await this.stores.find(taskId, store);
    const state = found && !isUnreadable(found.task) ? found.task.state : null;
    if (state?.live.some(({ id }) => id === runId)) return null;
    for (const handle of found ? [found.handle] : this.stores.select(store)) {
      const { runs } = await handle.activeStore.runs({ runId }, { limit: 1 });
      if (runs[0]) return toRunInfo(runs[0]);
    }
    // It may be the one that just started, and is not written yet.
    if ((state?.lease ?? null) !== null) return null;
    const record = told();
    if (record) return toRunInfo(record);
    throw new RunNotFoundError(runId);
  }

  async cancel(runId: string, options: ControlOptions = {}): Promise<void> {
    this.phase.requireStarted('cancelRun');
    checkCall('cancelRun', options, CONTROL_OPTIONS);
    const request = requestOf(options);
    const taskId = taskIdOf(runId);
    const found = await this.stores.find(taskId, options.store);
    if (!found) throw new RunNotFoundError(runId);
    const { handle } = found;
    // A run that just started may stand nowhere but here.
    await handle.loop?.writeClaim(taskId);
    const cancelled = await this.#cancelWritten(handle, runId, taskId, request);
    if (!cancelled) throw new RunNotFoundError(runId);
    const { task, value: record } = cancelled;
    if (record) this.events.emit('run.cancelled', { ...endedRunEvent(record, handle.alias), error: null });
    // Not here: its owner finds the request in the task.
    else if (!handle.loop?.execution.cancel(runId, { at: handle.clock.now(), ...request }))
      handle.wake(handle.clock.now());
    if (!task) this.events.emit('task.removed', { taskId, store: handle.alias, reason: 'finished' });
    const due = record && task && dueTime(task.definition, task.state);
    if (due !== null) handle.wake(due);
  }

  /** Tried again while the task is under a lease: a run that just started elsewhere is written into it in a moment. */
  async #cancelWritten(handle: StoreHandle, runId: string, taskId: string, request: RunRequest) {
    const pause = new WakeableWait(this.clock);
    const end = this.clock.monotonic() + UNWRITTEN_MS * 3;
    for (let look = 1; ; look += 1) {
      const { committed, left } = await handle.activeStore.transact({ ids: [taskId] }, (task, now) =>
        cancelRun(task, now, runId, request, ({ definition }) => this.triggers.get(definition.trigger)),
      );
      const mayBeWritten = (left[0]?.state.lease ?? null) !== null;
      if (committed[0] || !mayBeWritten || this.clock.monotonic() >= end) return committed[0];
      await pause.sleep(backoffMs(LOOK, look));
    }
  }

  async redrive(runId: string, options: ControlOptions = {}): Promise<void> {
    this.phase.requireStarted('redriveRun');
    checkCall('redriveRun', options, CONTROL_OPTIONS);
    const request = requestOf(options);
    const taskId = taskIdOf(runId);
    const found = await this.stores.find(taskId, options.store);
    for (const handle of found ? [found.handle] : this.stores.select(options.store)) {
      try {
        await redriveDeadRun(handle, runId, taskId, request);
        handle.wake(handle.clock.now());
        return;
      } catch (error) {
        if (!(error instanceof RunNotFoundError)) throw error;
      }
    }
    throw new RunNotFoundError(runId);
  }
}

function taskIdOf(runId: string): string {
  if (typeof runId !== 'string' || runId === '') throw new InvalidOptionError('runId', runId, 'the id of a run');
  const taskId = taskIdOfRun(runId);
  if (taskId === null) throw new RunNotFoundError(runId);
  return taskId;
}
