import type { AnyRunInfo, RunInfo } from '../scheduler/tasks/run.info.js';
import type { SchedulerInfo, StoreInfo } from '../scheduler/scheduler.info.js';
import type { JsonValue } from './json.value.js';
import type { TaskDefinitionInput } from './operation.inputs.js';
import type { Serialized } from './serialized.js';

/** Whether a scheduler and its stores work. @publicApi */
export interface Health {
  /** `ok` while it runs and all of its stores work. */
  readonly status: 'ok' | 'failing';
  readonly identity: string;
  readonly state: SchedulerInfo['state'];
  readonly stores: readonly Serialized<Pick<StoreInfo, 'store' | 'state' | 'failuresInARow' | 'lastPassAt'>>[];
}

/** An executor in the cluster. @publicApi */
export interface ExecutorOverview {
  readonly executor: string;
  /** How many runs it has under way, on all nodes. */
  readonly running: number;
  /** How many more it would take, on all nodes; null for any number. */
  readonly room: number | null;
  /** The identities of the live schedulers that have it. */
  readonly instances: readonly string[];
}

/** A handler in the cluster. @publicApi */
export interface HandlerOverview {
  readonly handler: string;
  /** The identities of the live workers that have it; of a client, that of the scheduler that answers. */
  readonly instances: readonly string[];
}

/** The next runs of tasks, by time. @publicApi */
export interface Timeline {
  readonly generatedAt: string;
  readonly timezone: string;
  /** How many tasks were looked at: at most 1,000, those with the earliest next run. */
  readonly tasks: number;
  /** How many tasks meet the filter. */
  readonly total: number;
  readonly runs: readonly {
    readonly runTime: string;
    readonly scheduledTime: string;
    readonly taskId: string;
    readonly name: string;
    readonly handler: string;
    readonly store: string;
  }[];
  /** The first tasks, at most 100, whose times cannot be foretold, and why. */
  readonly failed: readonly { readonly taskId: string; readonly store: string; readonly message: string }[];
}

/** A page of tasks as they can be added again. @publicApi */
export interface DefinitionPage {
  readonly tasks: readonly TaskDefinitionInput[];
  /** How many tasks match, on all pages. */
  readonly total: number;
  /** The ids of those of this page that cannot be read. */
  readonly unreadable: readonly string[];
}

/** How many would be changed. @publicApi */
export interface BulkCount {
  readonly matching: number;
}

/** The id of the run; with `wait`, the run as it ended. @publicApi */
export interface RunTaskResult {
  readonly runId: string;
  readonly run: Serialized<RunInfo> | null;
}

/** A run, and its attempts. @publicApi */
export interface RunDetails {
  readonly run: Serialized<AnyRunInfo>;
  /** The attempts that have ended and are kept, the latest first; at most 100. */
  readonly attempts: readonly Serialized<RunInfo>[];
}

/** One event of a stream. @publicApi */
export interface EventMessage {
  /** Its name; `dropped` for one that says how many events are missing because the caller was too slow. */
  readonly name: string;
  readonly time: string;
  /** The identity of the scheduler that emitted it. */
  readonly scheduler: string;
  readonly [field: string]: JsonValue;
}
