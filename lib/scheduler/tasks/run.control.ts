import { RunNotFoundError } from '../../errors/run.errors.js';
import type { EventDispatcher } from '../../events/event.dispatcher.js';
import { endedRunEvent } from '../../events/run.event.js';
import type { Apply } from '../../model/change.js';
import { backoffMs } from '../../model/backoff.js';
import type { Clock } from '../../model/clock.js';
import type { TaskDefinition } from '../../model/definition.js';
import { namesOf } from '../../model/names.js';
import type { RunRecord, RunRequest } from '../../model/run.js';
import { dueTime } from '../../model/task.js';
import type { Committed } from '../../stores/store.interface.js';
import { transactJournaled } from '../../stores/journaled.js';
import { WakeableWait } from '../../time/wait.js';
import type { TriggerCache } from '../../triggers/trigger.cache.js';
import { cancelRun } from '../plan/cancel.plan.js';
import type { JournalNotes } from '../plan/journal.notes.js';
import { UNWRITTEN_MS } from '../plan/take.plan.js';
import { checkCall } from './call.options.js';
import { CONTROL_OPTIONS, REDRIVE_OPTIONS, requestOf } from './control.options.js';
import type { ChangeOptions, ControlOptions, RedriveOptions } from './control.options.js';
import type { LifePhase } from './life.phase.js';
import { redriveDeadRun } from './run.redrive.js';
import { taskIdOf } from './run.info.js';
import type { WaitOptions } from './run.waits.js';
import type { StoreHandle } from './store.handle.js';
import type { StoreRegistry } from './store.registry.js';

/** How often the end of a run on another node is asked for. */
const LOOK = { firstMs: 50, longestMs: 1_000 };

/**
 * Options of `runTask`: who asks and why, and whether to wait for the end of the run.
 *
 * @publicApi
 */
export interface RunTaskOptions extends ChangeOptions, WaitOptions {
  /** Whether to wait for the end of the run. @default false */
  readonly wait?: boolean;
}

/** The names of {@link RunTaskOptions}. */
export const RUN_TASK_OPTIONS = namesOf<keyof RunTaskOptions>({
  store: 0,
  actor: 0,
  reason: 0,
  expectedVersion: 0,
  transaction: 0,
  wait: 0,
  timeout: 0,
  signal: 0,
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

interface ControlServices {
  readonly stores: StoreRegistry;
  readonly events: EventDispatcher;
  readonly clock: Clock;
  readonly phase: LifePhase;
  readonly triggers: Pick<TriggerCache, 'get'>;
  readonly notes: JournalNotes;
}

/** Follows and stops runs, wherever they are: what is behind the methods of `Scheduler`. */
export class RunControl {
  constructor(private readonly services: ControlServices) {}

  async cancel(runId: string, options: ControlOptions = {}): Promise<void> {
    this.services.phase.requireStarted('cancelRun');
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
    if (record)
      this.services.events.emit('run.cancelled', { ...endedRunEvent(record, handle.alias, definition), error: null });
    if (!task) this.services.events.emit('task.removed', { taskId, store: handle.alias, reason: 'finished' });
    // What is not committed yet is due for nobody; the store tells when it is.
    if (options.transaction !== undefined) return;
    // Not here: its owner finds the request in the task.
    if (!record && !handle.loop?.execution.cancel(runId, { at: handle.clock.now(), ...request }))
      handle.wake(handle.clock.now());
    const due = record && task && dueTime(task.definition, task.state);
    if (due !== null) handle.wake(due);
  }

  async #holderOf(runId: string, taskId: string, store: string | undefined): Promise<StoreHandle> {
    const found = await this.services.stores.find(taskId, store);
    if (!found) throw new RunNotFoundError(runId);
    // A run that just started may stand nowhere but here.
    await found.handle.loop?.writeClaim(taskId);
    return found.handle;
  }

  /** Tried again while the task is under a lease: a run that just started elsewhere is written into it in a moment. */
  async #cancelWritten(handle: StoreHandle, runId: string, taskId: string, request: RunRequest): Promise<Cancelled> {
    const pause = new WakeableWait(this.services.clock);
    const end = this.services.clock.monotonic() + UNWRITTEN_MS * 3;
    for (let look = 1; ; look += 1) {
      const { committed, left } = await transactJournaled(
        handle.activeStore,
        { ids: [taskId] },
        this.#cancelling(runId, request),
      );
      if (committed[0]) return { handle, ...committed[0] };
      const mayBeWritten = (left[0]?.state.lease ?? null) !== null;
      if (!mayBeWritten || this.services.clock.monotonic() >= end) throw new RunNotFoundError(runId);
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
    const handle = this.services.stores.get(store);
    handle.requireTransactions('transactionalChanges');
    const plan = this.#cancelling(runId, request);
    const { committed } = await transactJournaled(handle.activeStore, { ids: [taskId] }, plan, { transaction });
    if (!committed[0]) throw new RunNotFoundError(runId);
    return { handle, ...committed[0] };
  }

  #cancelling(runId: string, request: RunRequest): Apply<CancelledRun> {
    const { triggers, notes } = this.services;
    const plan: Apply<CancelledRun> = (task, now) => {
      const change = cancelRun(task, now, runId, request, ({ definition }) => triggers.get(definition.trigger));
      return change && { ...change, value: { record: change.value, definition: task.definition } };
    };
    return notes.noted('run.cancelled', request, plan, () => ({ runId }));
  }

  async redrive(runId: string, options: RedriveOptions = {}): Promise<void> {
    this.services.phase.requireStarted('redriveRun');
    checkCall('redriveRun', options, REDRIVE_OPTIONS);
    const request = requestOf(options);
    const taskId = taskIdOf(runId);
    const found = await this.services.stores.find(taskId, options.store);
    for (const handle of found ? [found.handle] : this.services.stores.select(options.store)) {
      try {
        await redriveDeadRun(handle, runId, taskId, request, this.services.notes);
        handle.wake(handle.clock.now());
        return;
      } catch (error) {
        if (!(error instanceof RunNotFoundError)) throw error;
      }
    }
    throw new RunNotFoundError(runId);
  }
}
