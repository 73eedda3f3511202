import { InvalidOptionError } from '../../errors/input.errors.js';
import { RunNotFoundError, RunWaitTimeoutError } from '../../errors/run.errors.js';
import type { EventDispatcher } from '../../events/event.dispatcher.js';
import { endedRunEvent } from '../../events/run.event.js';
import { backoffMs } from '../../model/backoff.js';
import type { Clock } from '../../model/clock.js';
import type { Duration } from '../../model/duration.js';
import { taskIdOfRun } from '../../model/run.js';
import { isUnreadable } from '../../model/task.js';
import { toMilliseconds } from '../../time/inputs.js';
import { WakeableWait } from '../../time/wait.js';
import { cancelRun } from '../plan/cancel.plan.js';
import { requestOf } from './control.options.js';
import type { ControlOptions, TaskTarget } from './control.options.js';
import type { LifePhase } from './life.phase.js';
import { redriveDeadRun } from './run.redrive.js';
import { toRunInfo } from './run.info.js';
import type { RunInfo } from './run.info.js';
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

/** Follows and stops runs, wherever they are: what is behind the methods of `Scheduler`. */
export class RunControl {
  constructor(
    private readonly stores: StoreRegistry,
    private readonly events: EventDispatcher,
    private readonly clock: Clock,
    private readonly phase: LifePhase,
  ) {}

  async wait(runId: string, { store, timeout }: WaitOptions & TaskTarget = {}): Promise<RunInfo> {
    const timeoutMs = timeout === undefined ? Infinity : toMilliseconds(timeout, 'timeout', { min: 0 });
    const end = this.clock.monotonic() + timeoutMs;
    const pause = new WakeableWait(this.clock);
    const listener = ({ runId: ended }: { readonly runId: string }) => {
      if (ended === runId) pause.wake();
    };
    this.events.add(listener, ['run.succeeded', 'run.failed', 'run.cancelled', 'run.missed', 'run.lost']);
    try {
      for (let look = 1; ; look += 1) {
        const ended = await this.#ended(runId, store);
        if (ended) return ended;
        const left = end - this.clock.monotonic();
        if (left <= 0) throw new RunWaitTimeoutError(runId, timeoutMs);
        await pause.sleep(Math.min(backoffMs(LOOK, look), left));
      }
    } finally {
      this.events.remove(listener);
    }
  }

  async #ended(runId: string, store: string | undefined): Promise<RunInfo | null> {
    const taskId = taskIdOf(runId);
    const found = await this.stores.find(taskId, store);
    if (found && !isUnreadable(found.task) && found.task.state.live.some(({ id }) => id === runId)) return null;
    for (const handle of found ? [found.handle] : this.stores.select(store)) {
      const { runs } = await handle.activeStore.runs({ runId }, { limit: 1 });
      if (runs[0]) return toRunInfo(runs[0]);
    }
    throw new RunNotFoundError(runId);
  }

  async cancel(runId: string, options: ControlOptions = {}): Promise<void> {
    this.phase.requireStarted('cancelRun');
    const request = requestOf(options);
    const taskId = taskIdOf(runId);
    const found = await this.stores.find(taskId, options.store);
    if (!found) throw new RunNotFoundError(runId);
    const { handle } = found;
    const { committed } = await handle.activeStore.transact({ ids: [taskId] }, (task, now) =>
      cancelRun(task, now, runId, request),
    );
    const [cancelled] = committed;
    if (!cancelled) throw new RunNotFoundError(runId);
    const { task, value: record } = cancelled;
    if (record) this.events.emit('run.cancelled', { ...endedRunEvent(record, handle.alias), error: null });
    // Not here: its owner finds the request in the task.
    else if (!handle.worker?.execution.cancel(runId, { at: handle.clock.now(), ...request }))
      handle.wake(handle.clock.now());
    if (!task) this.events.emit('task.removed', { taskId, store: handle.alias, reason: 'finished' });
  }

  async redrive(runId: string, options: ControlOptions = {}): Promise<void> {
    this.phase.requireStarted('redriveRun');
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
