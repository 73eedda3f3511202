import type { Attribution } from '../model/attribution.js';
import { namesOf } from '../model/names.js';
import type { RunRecord, RunSource } from '../model/run.js';
import type { TaskProblem, UnreadableReason } from '../model/task.js';

interface TaskEvent {
  readonly taskId: string;
  /** The alias of the store. */
  readonly store: string;
}

/**
 * What every event of a run carries.
 *
 * @publicApi
 */
export interface RunEvent extends TaskEvent {
  readonly runId: string;
  readonly handler: string;
  readonly source: RunSource;
  readonly scheduledTime: Date;
  readonly attempt: number;
}

/**
 * What every event of an ended run carries.
 *
 * @publicApi
 */
export interface EndedRunEvent extends RunEvent {
  readonly run: RunRecord;
}

/**
 * Every event and what it carries. Events of one run come in the order `run.submitted`, `run.started`, one that tells
 * how it ended, and then `task.removed` where the task went with it.
 *
 * @publicApi
 */
export interface SchedulerEventMap {
  'scheduler.started': object;
  'scheduler.shutdown': object;
  'scheduler.paused': object;
  'scheduler.resumed': object;
  /** Somebody asked this scheduler to claim nothing more. */
  'scheduler.draining': Attribution;
  /** It has no run under way any more. */
  'scheduler.drained': Attribution;
  /** The machine's clock is more than a second off a store's. Sent when it goes astray, not while it is. */
  'scheduler.clock-skew': { readonly store: string; readonly offsetMs: number };
  'executor.added': { readonly executor: string };
  'executor.removed': { readonly executor: string };
  'store.added': { readonly store: string };
  'store.removed': { readonly store: string };
  /** The store cannot be reached or refuses; it is tried again. Sent for the first failure of a series. */
  'store.failed': { readonly store: string; readonly error: unknown };
  /** The store works again. */
  'store.recovered': { readonly store: string; readonly failures: number };
  'task.added': TaskEvent;
  'task.modified': TaskEvent;
  'task.paused': TaskEvent & Attribution;
  'task.resumed': TaskEvent & Attribution;
  /** Deleted by somebody, or done. */
  'task.removed': TaskEvent & { readonly reason: 'deleted' | 'finished' };
  'tasks.removed': { readonly store: string; readonly count: number };
  /** A task added before the start has an id that is in the store already; it was left out. */
  'task.conflict': TaskEvent & { readonly error: unknown };
  /** A fault of the task itself, such as a trigger that throws; it is tried again with growing pauses. */
  'task.problem': TaskEvent & { readonly problem: TaskProblem };
  /** A record cannot be read; it stays as it is. Once for each record and reason. */
  'task.unreadable': TaskEvent & { readonly reason: UnreadableReason; readonly message: string };
  /** The code no longer declares the task, or nobody has its handler. */
  'task.orphaned': TaskEvent & { readonly handler: string };
  /** Claimed by this scheduler and handed to an executor. */
  'run.submitted': RunEvent & { readonly coalesced: number };
  'run.started': RunEvent & { readonly token: number };
  'run.progress': RunEvent & { readonly value: unknown };
  'run.succeeded': EndedRunEvent;
  /** The handler threw. `willRetry` says whether another attempt follows. */
  'run.failed': EndedRunEvent & { readonly error: unknown; readonly willRetry: boolean };
  'run.cancelled': EndedRunEvent & { readonly error: unknown };
  /** Reached later than the grace time allows. */
  'run.missed': EndedRunEvent;
  /** Came while the task already ran at its `maxInstances`. */
  'run.skipped': EndedRunEvent;
  /** Its process died or its lease ran out. */
  'run.lost': EndedRunEvent;
  /** This scheduler lost the lease: the run's signal is aborted and what it ends with is refused. */
  'run.fenced': RunEvent & { readonly token: number };
}

/**
 * The name of an event: `docs/events.md` lists them.
 *
 * @publicApi
 */
export type SchedulerEventName = keyof SchedulerEventMap;

/**
 * An event as listeners get it.
 *
 * @publicApi
 */
export type SchedulerEvent<Name extends SchedulerEventName = SchedulerEventName> = {
  [N in Name]: SchedulerEventMap[N] & {
    readonly name: N;
    /** The identity of the scheduler that saw it. */
    readonly scheduler: string;
    readonly time: Date;
  };
}[Name];

/** Every event name, for checking input. */
export const SCHEDULER_EVENT_NAMES = namesOf<SchedulerEventName>({
  'scheduler.started': 0,
  'scheduler.shutdown': 0,
  'scheduler.paused': 0,
  'scheduler.resumed': 0,
  'scheduler.draining': 0,
  'scheduler.drained': 0,
  'scheduler.clock-skew': 0,
  'executor.added': 0,
  'executor.removed': 0,
  'store.added': 0,
  'store.removed': 0,
  'store.failed': 0,
  'store.recovered': 0,
  'task.added': 0,
  'task.modified': 0,
  'task.paused': 0,
  'task.resumed': 0,
  'task.removed': 0,
  'tasks.removed': 0,
  'task.conflict': 0,
  'task.problem': 0,
  'task.unreadable': 0,
  'task.orphaned': 0,
  'run.submitted': 0,
  'run.started': 0,
  'run.progress': 0,
  'run.succeeded': 0,
  'run.failed': 0,
  'run.cancelled': 0,
  'run.missed': 0,
  'run.skipped': 0,
  'run.lost': 0,
  'run.fenced': 0,
});
