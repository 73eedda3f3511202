import { InvalidOptionError } from '../../errors/input.errors.js';
import { RunNotFoundError, RunWaitTimeoutError } from '../../errors/run.errors.js';
import { SchedulerNotRunningError } from '../../errors/scheduler.errors.js';
import type { EventDispatcher } from '../../events/event.dispatcher.js';
import type { Clock } from '../../model/clock.js';
import type { Duration } from '../../model/duration.js';
import { taskIdOfRun } from '../../model/run.js';
import type { LiveRun } from '../../model/run.js';
import { isUnreadable } from '../../model/task.js';
import type { TaskRecord } from '../../model/task.js';
import { isSpent } from '../plan/end.plan.js';
import { toMilliseconds } from '../../time/inputs.js';
import { requestOf } from './control.options.js';
import { controlled } from '../plan/control.plan.js';
import type { ControlOptions } from './control.options.js';
import { redriveRun } from './run.redrive.js';
import { notRun } from '../plan/ended-run.js';
import { toRunInfo } from './run.info.js';
import type { RunInfo } from './run.info.js';
import type { StoreHandle } from './store.handle.js';
import type { StoreRegistry } from './store.registry.js';
import { WakeableWait } from '../../time/wait.js';

/** How often the end of a run on another node is asked for, in milliseconds: doubled up to the longest. */
const FIRST_LOOK_MS = 50;
const LONGEST_LOOK_MS = 1_000;

/**
 * How to wait for the end of a run.
 *
 * @publicApi
 */
export interface WaitOptions {
  /** How long to wait at the most; without it, as long as it takes. */
  readonly timeout?: Duration;
}

/** Follows and stops runs, wherever they are. */
export class RunControl {
  constructor(
    private readonly stores: StoreRegistry,
    private readonly events: EventDispatcher,
    private readonly clock: Clock,
    private readonly isRunning: () => boolean,
  ) {}

  /**
   * Resolves when a run has ended for good, on whatever node, its retries included.
   *
   * @throws RunWaitTimeoutError, RunNotFoundError
   */
  async wait(runId: string, store: string | undefined, options: WaitOptions = {}): Promise<RunInfo> {
    const timeoutMs = options.timeout === undefined ? Infinity : toMilliseconds(options.timeout, 'timeout', { min: 0 });
    const end = this.clock.monotonic() + timeoutMs;
    const pause = new WakeableWait(this.clock);
    const listener = ({ runId: ended }: { readonly runId: string }) => {
      if (ended === runId) pause.wake();
    };
    this.events.add(listener, ['run.succeeded', 'run.failed', 'run.cancelled', 'run.missed', 'run.lost']);
    try {
      for (let look = FIRST_LOOK_MS; ; look = Math.min(look * 2, LONGEST_LOOK_MS)) {
        const ended = await this.#ended(runId, store);
        if (ended) return ended;
        const left = end - this.clock.monotonic();
        if (left <= 0) throw new RunWaitTimeoutError(runId, timeoutMs);
        await pause.sleep(Math.min(look, left));
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
      const { runs } = await handle.target.runs({ runId }, { limit: 1 });
      if (runs[0]) return toRunInfo(runs[0]);
    }
    throw new RunNotFoundError(runId);
  }

  /**
   * Aborts a run that is under way, wherever that is, and takes back one that waits for its turn. The node that has it
   * learns of it by a wake-up, or with the next renewal of its lease.
   *
   * @throws SchedulerNotRunningError, RunNotFoundError When it has ended, or never was.
   */
  async cancel(runId: string, options: ControlOptions = {}): Promise<void> {
    if (!this.isRunning()) throw new SchedulerNotRunningError('cancelRun');
    const request = requestOf(options);
    const taskId = taskIdOf(runId);
    const found = await this.stores.find(taskId, options.store);
    if (!found) throw new RunNotFoundError(runId);
    const { handle } = found;
    const { committed } = await handle.target.transact({ ids: [taskId] }, (task, now) => {
      const run = task.state.live.find(({ id }) => id === runId);
      return run
        ? { ...cancelRun(task, run, { at: now, ...request }), value: { ...run, cancel: { at: now, ...request } } }
        : null;
    });
    const run = committed[0]?.value;
    if (!run) throw new RunNotFoundError(runId);
    if (run.status === 'waiting') this.#emitCancelled(handle, run, taskId, committed[0]!.task);
    else if (!handle.worker?.runs.cancel(runId, { at: handle.clock.now(), ...request }))
      handle.wake(handle.clock.now());
  }

  /**
   * Gives a dead run one more attempt, under its own id, on whichever node has the handler; the pause of its task does not
   * keep it. It gets the arguments that its task has now, or had at the time of the run where the task is gone.
   *
   * @throws SchedulerNotRunningError, RunNotFoundError, RunNotDeadError, RunUnreadableError, TaskReplacedError,
   * TaskNotFoundError, TaskUnreadableError, VersionConflictError
   */
  async redrive(runId: string, options: ControlOptions = {}): Promise<void> {
    if (!this.isRunning()) throw new SchedulerNotRunningError('redrive');
    const request = requestOf(options);
    const taskId = taskIdOf(runId);
    const found = await this.stores.find(taskId, options.store);
    for (const handle of found ? [found.handle] : this.stores.select(options.store)) {
      try {
        await redriveRun(handle, runId, taskId, request);
        handle.wake(handle.clock.now());
        return;
      } catch (error) {
        if (!(error instanceof RunNotFoundError)) throw error;
      }
    }
    throw new RunNotFoundError(runId);
  }

  #emitCancelled(handle: StoreHandle, run: LiveRun, taskId: string, task: TaskRecord | null): void {
    if (task) {
      const record = notRun(task, run, 'cancelled', handle.clock.now());
      this.events.emit('run.cancelled', {
        taskId,
        store: handle.alias,
        runId: run.id,
        handler: record.handler,
        source: run.source,
        scheduledTime: new Date(run.scheduledTime),
        attempt: run.attempt,
        run: record,
        error: null,
      });
    } else this.events.emit('task.removed', { taskId, store: handle.alias, reason: 'finished' });
  }
}

function cancelRun(task: TaskRecord, run: LiveRun, cancel: NonNullable<LiveRun['cancel']>) {
  const waits = run.status === 'waiting';
  const live = waits
    ? task.state.live.filter((one) => one !== run)
    : task.state.live.map((one) => (one === run ? { ...run, cancel: run.cancel ?? cancel } : one));
  const next = { ...task, state: { ...controlled(task.state, 'cancel', cancel.at, cancel), live } };
  return {
    task: isSpent(next) ? null : next,
    history: waits ? [notRun(task, { ...run, cancel }, 'cancelled', cancel.at)] : [],
  };
}

function taskIdOf(runId: string): string {
  if (typeof runId !== 'string' || runId === '') throw new InvalidOptionError('runId', runId, 'the id of a run');
  const taskId = taskIdOfRun(runId);
  if (taskId === null) throw new RunNotFoundError(runId);
  return taskId;
}
