import { InvalidOptionError } from '../../errors/input.errors.js';
import { RunNotFoundError, RunWaitTimeoutError } from '../../errors/run.errors.js';
import type { EventDispatcher } from '../../events/event.dispatcher.js';
import type { EndedRunEvent } from '../../events/event.map.js';
import { endedRunEvent } from '../../events/run.event.js';
import type { Apply } from '../../model/change.js';
import { backoffMs } from '../../model/backoff.js';
import type { Clock } from '../../model/clock.js';
import type { TaskDefinition } from '../../model/definition.js';
import type { Duration } from '../../model/duration.js';
import { namesOf } from '../../model/names.js';
import { taskIdOfRun } from '../../model/run.js';
import type { RunRecord, RunRequest } from '../../model/run.js';
import { dueTime, isUnreadable } from '../../model/task.js';
import type { Committed } from '../../stores/store.interface.js';
import { toMilliseconds } from '../../time/inputs.js';
import { WakeableWait } from '../../time/wait.js';
import type { TriggerCache } from '../../triggers/trigger.cache.js';
import { cancelRun } from '../plan/cancel.plan.js';
import { UNWRITTEN_MS } from '../plan/take.plan.js';
import { checkCall } from './call.options.js';
import { CONTROL_OPTIONS, REDRIVE_OPTIONS, requestOf } from './control.options.js';
import type { ControlOptions, RedriveOptions, TaskTarget } from './control.options.js';
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
export const RUN_TASK_OPTIONS = namesOf<keyof RunTaskOptions>({
  store: 0,
  actor: 0,
  reason: 0,
  transaction: 0,
  wait: 0,
  timeout: 0,
});

interface CancelledRun {
  /** null where the run has not ended with that. */
  readonly record: RunRecord | null;
  /** That of its task. */
  readonly definition: TaskDefinition;
}

/** A run that was cancelled. */
interface Cancelled extends Committed<CancelledRun> {
  readonly handle: StoreHandle;
}

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
    const {
      handle,
      task,
      value: { record, definition },
    } = options.transaction === undefined
      ? await this.#cancelWritten(await this.#holderOf(runId, taskId, options.store), runId, taskId, request)
      : await this.#cancelWithin(options, runId, taskId, request);
    if (record) this.events.emit('run.cancelled', { ...endedRunEvent(record, handle.alias, definition), error: null });
    if (!task) this.events.emit('task.removed', { taskId, store: handle.alias, reason: 'finished' });
    // What is not committed yet is due for nobody; the store tells when it is.
    if (options.transaction !== undefined) return;
    // Not here: its owner finds the request in the task.
    if (!record && !handle.loop?.execution.cancel(runId, { at: handle.clock.now(), ...request }))
      handle.wake(handle.clock.now());
    const due = record && task && dueTime(task.definition, task.state);
    if (due !== null) handle.wake(due);
  }

  async #holderOf(runId: string, taskId: string, store: string | undefined): Promise<StoreHandle> {
    const found = await this.stores.find(taskId, store);
    if (!found) throw new RunNotFoundError(runId);
    // A run that just started may stand nowhere but here.
    await found.handle.loop?.writeClaim(taskId);
    return found.handle;
  }

  /** Tried again while the task is under a lease: a run that just started elsewhere is written into it in a moment. */
  async #cancelWritten(handle: StoreHandle, runId: string, taskId: string, request: RunRequest): Promise<Cancelled> {
    const pause = new WakeableWait(this.clock);
    const end = this.clock.monotonic() + UNWRITTEN_MS * 3;
    for (let look = 1; ; look += 1) {
      const { committed, left } = await handle.activeStore.transact(
        { ids: [taskId] },
        this.#cancelling(runId, request),
      );
      if (committed[0]) return { handle, ...committed[0] };
      const mayBeWritten = (left[0]?.state.lease ?? null) !== null;
      if (!mayBeWritten || this.clock.monotonic() >= end) throw new RunNotFoundError(runId);
      await pause.sleep(backoffMs(LOOK, look));
    }
  }

  /** Whoever has the run could not write it into its task while this transaction holds that. */
  async #cancelWithin(
    { store = 'default', transaction }: ControlOptions,
    runId: string,
    taskId: string,
    request: RunRequest,
  ): Promise<Cancelled> {
    const handle = this.stores.get(store);
    handle.requireTransactions('transactionalChanges');
    const plan = this.#cancelling(runId, request);
    const { committed } = await handle.activeStore.transact({ ids: [taskId] }, plan, { transaction });
    if (!committed[0]) throw new RunNotFoundError(runId);
    return { handle, ...committed[0] };
  }

  #cancelling(runId: string, request: RunRequest): Apply<CancelledRun> {
    return (task, now) => {
      const change = cancelRun(task, now, runId, request, ({ definition }) => this.triggers.get(definition.trigger));
      return change && { ...change, value: { record: change.value, definition: task.definition } };
    };
  }

  async redrive(runId: string, options: RedriveOptions = {}): Promise<void> {
    this.phase.requireStarted('redriveRun');
    checkCall('redriveRun', options, REDRIVE_OPTIONS);
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
