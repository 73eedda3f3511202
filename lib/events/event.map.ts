import type { Attribution } from '../model/attribution.js';
import type { RunRecord, RunSource } from '../model/run.js';
import type { TaskProblem, UnreadableReason } from '../model/task.js';

interface TaskEvent {
  readonly taskId: string;
  /** The alias of the store. */
  readonly store: string;
}

/**
 * The fields of every event of a run.
 *
 * @publicApi
 */
export interface RunEvent extends TaskEvent {
  readonly runId: string;
  readonly handler: string;
  /** Those of the task. */
  readonly tags: readonly string[];
  readonly source: RunSource;
  readonly scheduledTime: Date;
  readonly attempt: number;
}

/**
 * The fields of every event of an ended run.
 *
 * @publicApi
 */
export interface EndedRunEvent extends RunEvent {
  readonly run: RunRecord;
}

/**
 * The fields of each event, by its name. Events of one run come in this order: `run.submitted`, `run.started`, one that says
 * how it ended, and `task.removed` if the task is done.
 *
 * @publicApi
 */
export interface SchedulerEventMap {
  'scheduler.started': object;
  'scheduler.shutdown': object;
  /** With `reconcile: 'plan-only'`: what a deploy would change was left as it is. `docs/operations.md` says what to do. */
  'scheduler.deploy-pending': { readonly digest: string; readonly pending: number };
  'scheduler.paused': object;
  'scheduler.resumed': object;
  /** A drain of this scheduler was requested. */
  'scheduler.draining': Attribution;
  /** It has no run under way any more. */
  'scheduler.drained': Attribution;
  /** The machine's clock differs from a store's by more than a second. Emitted once, until they agree again. */
  'scheduler.clock-skew': { readonly store: string; readonly offsetMs: number };
  'executor.added': { readonly executor: string };
  'executor.removed': { readonly executor: string };
  'store.added': { readonly store: string };
  'store.removed': { readonly store: string };
  /** The store is unreachable or refuses; it is tried again. Emitted for the first failure of a series. */
  'store.failed': { readonly store: string; readonly error: unknown };
  /** The store works again. */
  'store.recovered': { readonly store: string; readonly failures: number };
  /** What was in the store is gone: it was emptied or replaced while this scheduler ran. Its declared tasks are added again. */
  'store.emptied': { readonly store: string };
  'task.added': TaskEvent;
  'task.modified': TaskEvent;
  /** `byFailures` where nobody did it: too many runs in a row have failed. */
  'task.paused': TaskEvent & Attribution & { readonly byFailures?: true };
  'task.resumed': TaskEvent & Attribution;
  /** A deploy holds the task: the code declares it as disabled. */
  'task.disabled': TaskEvent;
  /** A deploy lets the task go on that the code had disabled. */
  'task.enabled': TaskEvent;
  /** A deploy gave the task another id, since the code names the old one among its `previousIds`. */
  'task.renamed': TaskEvent & { readonly previousId: string };
  /** The task was deleted, or is done. */
  'task.removed': TaskEvent & { readonly reason: 'deleted' | 'finished' };
  'tasks.removed': { readonly store: string; readonly count: number };
  /** A task that was added before the start has an id that is in the store already; it is left out. */
  'task.conflict': TaskEvent & { readonly error: unknown };
  /** The task has a fault, such as a trigger that throws; it is tried again with growing pauses. */
  'task.problem': TaskEvent & { readonly problem: TaskProblem };
  /** A record cannot be read; it stays as it is. Once for each record and reason. */
  'task.unreadable': TaskEvent & { readonly reason: UnreadableReason; readonly message: string };
  /** The code no longer declares the task, or no live scheduler has its handler. */
  'task.orphaned': TaskEvent & { readonly handler: string };
  /**
   * What `expect` says of the task did not happen: a run has not started in time, or is not over in time. Once in the cluster, until it
   * recovers.
   */
  'task.late': TaskEvent & {
    readonly handler: string;
    readonly expected: 'start' | 'end';
    /** When it was due. */
    readonly dueAt: Date;
    /** How long after that it had to be, in milliseconds. */
    readonly withinMs: number;
  };
  /** No run of the task has succeeded for longer than its `expect` allows. Once in the cluster, until it recovers. */
  'task.silent': TaskEvent & {
    readonly handler: string;
    /** The last success that is known; when the task was added, if there is none. */
    readonly since: Date;
    readonly everyAtLeastMs: number;
    readonly paused: boolean;
  };
  /** The task is as expected again. */
  'task.recovered': TaskEvent & {
    readonly handler: string;
    readonly from: 'late' | 'silent';
    /** When that was told. */
    readonly since: Date;
  };
  /** Claimed by this scheduler and handed to an executor. */
  'run.submitted': RunEvent & { readonly coalesced: number };
  'run.started': RunEvent & { readonly token: number };
  'run.progress': RunEvent & { readonly value: unknown };
  'run.succeeded': EndedRunEvent;
  /** The handler threw. `willRetry` says whether another attempt follows. */
  'run.failed': EndedRunEvent & { readonly error: unknown; readonly willRetry: boolean };
  'run.cancelled': EndedRunEvent & { readonly error: unknown };
  /** The due time was found later than the grace time allows. */
  'run.missed': EndedRunEvent;
  /** The task already ran `maxInstances` times. */
  'run.skipped': EndedRunEvent;
  /** Its process died or its lease expired. */
  'run.lost': EndedRunEvent;
  /** The run has succeeded, and its handler has not asked for these steps, which earlier attempts have stored: the code has changed. */
  'run.steps-unasked': RunEvent & { readonly steps: readonly string[] };
  /** Its handler has put the run off; the same attempt goes on at `until`. */
  'run.suspended': RunEvent & { readonly until: Date };
  /** This scheduler lost the lease: the run's signal is aborted and its result is refused. */
  'run.fenced': RunEvent & { readonly token: number };
}

/**
 * The name of an event: `docs/events.md` lists them.
 *
 * @publicApi
 */
export type SchedulerEventName = keyof SchedulerEventMap;

/**
 * An event: its fields, its name, its time, and the scheduler that emitted it.
 *
 * @publicApi
 */
export type SchedulerEvent<Name extends SchedulerEventName = SchedulerEventName> = {
  [N in Name]: SchedulerEventMap[N] & {
    readonly name: N;
    /** The identity of the scheduler that emitted it. */
    readonly scheduler: string;
    readonly time: Date;
  };
}[Name];

/**
 * A function that is called with each event. Nothing waits for it, so a slow one delays nothing. One that returns a promise gets
 * the next event when that has settled; up to 1,000 events wait for it. An error that it throws or rejects with is logged.
 *
 * @publicApi
 */
export type SchedulerListener<Name extends SchedulerEventName = SchedulerEventName> = (
  event: SchedulerEvent<Name>,
) => unknown;
