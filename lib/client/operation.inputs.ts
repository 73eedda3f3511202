import type { ForecastOptions } from '../observe/forecast/forecast.js';
import type { JournalQuery } from '../scheduler/tasks/journal.inspection.js';
import type { AskingOptions } from '../scheduler/tasks/asking.options.js';
import type { TaskFilter } from '../scheduler/tasks/task.filter.js';
import type { PreviewOptions } from '../scheduler/tasks/preview.info.js';
import type { RunQuery, TaskQuery } from '../scheduler/tasks/task.inspection.js';
import type { TaskBaseOptions, TaskChanges } from '../scheduler/tasks/task.options.js';
import type { TaskPolicyOptions } from '../model/task.policies.js';
import type { TriggerOptions } from '../triggers/trigger.options.js';
import type { Duration } from '../model/duration.js';
import type { SchedulerEventName } from '../events/event.map.js';
import type { JsonValue } from './json.value.js';
import type { Serialized } from './serialized.js';

/** Options of a call that are no input of the operation. @publicApi */
export interface CallOptions {
  /** Ends the call; what was asked for may be done all the same. */
  readonly signal?: AbortSignal;
}

/** A time: ISO 8601 text, or milliseconds since the epoch. @publicApi */
export type JsonTime = string | number;

/** A trigger as JSON: its type, and the options of that type. @publicApi */
export type JsonTrigger = Serialized<TriggerOptions> | { readonly type: string; readonly [option: string]: JsonValue };

/** The arguments of a task; values that JSON has no form for are written by {@link toJsonValue}. @publicApi */
export interface JsonInput {
  readonly args?: readonly JsonValue[];
  readonly data?: { readonly [field: string]: JsonValue };
}

/** A task, by its id. @publicApi */
export interface TaskReadInput {
  readonly id: string;
  /** The alias of its store; without it, the first store that has the id. */
  readonly store?: string;
}

/** A task to change. @publicApi */
export interface ChangeInput extends TaskReadInput {
  /** Why; kept with the task. Who asks is known from the authentication. */
  readonly reason?: string;
  /** Changes nothing if the task has another version by now. Over HTTP: `If-Match`. */
  readonly expectedVersion?: number;
}

/** A task to add. @publicApi */
export type TaskDefinitionInput = Serialized<
  Omit<TaskBaseOptions, 'transaction' | 'trigger' | 'nextRunTime'> & AskingOptions
> &
  JsonInput & {
    readonly handler: string;
    readonly trigger?: JsonTrigger;
    readonly nextRunTime?: JsonTime;
  };

/** Tasks to add: at most 1,000. @publicApi */
export interface AddTasksInput {
  readonly tasks: readonly TaskDefinitionInput[];
}

/** The options of a task to change. @publicApi */
export type TaskChangesInput = ChangeInput &
  Serialized<TaskPolicyOptions & Pick<TaskChanges, 'name' | 'executor' | 'tags' | 'schemaVersion'>> &
  JsonInput & {
    readonly handler?: string;
    readonly trigger?: JsonTrigger;
    readonly nextRunTime?: JsonTime;
  };

/** Another trigger for a task. @publicApi */
export interface RescheduleInput extends ChangeInput {
  readonly trigger: JsonTrigger;
}

/** A task to pause. @publicApi */
export interface PauseInput extends ChangeInput {
  /** When the pause ends by itself. */
  readonly until?: JsonTime;
}

/** A task to run now. @publicApi */
export interface RunTaskInput extends ChangeInput {
  /** Whether to wait for the end of the run. @default false */
  readonly wait?: boolean;
  /** How long, at most five minutes over HTTP. @default '30s' */
  readonly timeout?: Duration;
}

/** A past range of times to run a task for. @publicApi */
export interface BackfillInput extends ChangeInput {
  readonly from: JsonTime;
  readonly to: JsonTime;
}

/** How many runs to foretell, and from when. @publicApi */
export interface PreviewInput extends TaskReadInput, Pick<PreviewOptions, 'count'> {
  readonly now?: JsonTime;
}

/** Which tasks. @publicApi */
export interface TaskFilterInput extends TaskFilter {}

/** Which tasks, in which order, and which page: 100 at once when `limit` is left out, 1,000 at the most. @publicApi */
export interface TaskListInput extends TaskQuery {}

/** The next runs of which tasks, and how many. @publicApi */
export interface TimelineInput extends TaskFilter {
  /** How many runs of each task, 1 to 10. @default 3 */
  readonly perTask?: number;
  /** How many runs in all, 1 to 500. @default 100 */
  readonly limit?: number;
}

/** Which unreadable records. @publicApi */
export interface UnreadableInput {
  readonly store?: string;
  /** 1 to 1,000. @default 100 */
  readonly limit?: number;
}

/** Tasks to change. A filter without a condition is refused. @publicApi */
export interface BulkInput {
  readonly filter: TaskFilterInput;
  readonly reason?: string;
  /** Only count those that meet the filter. @default false */
  readonly dryRun?: boolean;
}

/** Tasks to pause. @publicApi */
export interface PauseManyInput extends BulkInput {
  /** When the pause ends by itself. */
  readonly until?: JsonTime;
}

/** Which ended runs, and which page. @publicApi */
export interface RunListInput extends Omit<RunQuery, 'from' | 'to'> {
  /** Ended at this time or later. */
  readonly from?: JsonTime;
  /** Ended before this time. */
  readonly to?: JsonTime;
}

/** A run, by its id. @publicApi */
export interface RunInput {
  readonly runId: string;
  readonly store?: string;
}

/** A run to wait for. @publicApi */
export interface WaitRunInput extends RunInput {
  /** How long, at most five minutes over HTTP. @default '30s' */
  readonly timeout?: Duration;
}

/** A run to change. @publicApi */
export interface RunChangeInput extends RunInput {
  readonly reason?: string;
}

/** Dead runs to try once more. @publicApi */
export interface BulkRedriveInput {
  readonly filter: Pick<
    RunListInput,
    'store' | 'taskId' | 'runId' | 'status' | 'source' | 'owner' | 'from' | 'to' | 'cursor'
  >;
  readonly reason?: string;
  /** How many at the most, 1 to 1,000. @default 1000 */
  readonly limit?: number;
  /** Only count those that meet the filter, up to `limit`. @default false */
  readonly dryRun?: boolean;
}

/** A scheduler, by its identity. @publicApi */
export interface InstanceInput {
  readonly identity: string;
}

/** A scheduler to drain. @publicApi */
export interface DrainInput extends InstanceInput {
  readonly reason?: string;
  /** Whether to wait until it has no run under way. @default false */
  readonly wait?: boolean;
  /** How long, at most five minutes over HTTP. @default '30s' */
  readonly timeout?: Duration;
}

/** Which entries of the journal, and which page. @publicApi */
export interface JournalInput extends Omit<JournalQuery, 'kind' | 'from' | 'to'> {
  /** Only entries of these kinds, parted by commas. */
  readonly kind?: string;
  /** At this time or later. */
  readonly from?: JsonTime;
  /** Before this time. */
  readonly to?: JsonTime;
}

/** What is looked at for faults. @publicApi */
export interface DiagnoseInput {
  readonly store?: string;
}

/** Which tasks are foretold, and when: at most 1,000 runs are listed. @publicApi */
export interface ForecastInput extends Omit<TaskFilter, 'state'>, Pick<ForecastOptions, 'bucket' | 'zone' | 'limit'> {
  readonly from?: JsonTime;
  readonly to?: JsonTime;
}

/** Which events. @publicApi */
export interface EventsInput {
  /** Only events of these names, parted by commas. */
  readonly names?: SchedulerEventName | string;
  readonly taskId?: string;
  readonly handler?: string;
  readonly tag?: string;
  readonly store?: string;
}
