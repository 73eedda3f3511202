import { takePromise } from '../../errors/returned.js';
import type { TaskStateName } from '../../model/query.js';
import { taskStateName } from '../../model/query.js';
import type { RunRequest, RunSource, RunStatus } from '../../model/run.js';
import { isDisabled } from '../../model/definition.js';
import { HANDLER_MISSING, isUnreadable } from '../../model/task.js';
import type { StoredTask, TaskControl, TaskProblem, UnreadableReason } from '../../model/task.js';
import type { TaskOrigin, TriggerData } from '../../model/definition.js';
import type { TriggerCache } from '../../triggers/trigger.cache.js';
import type { StoreHandle } from './store.handle.js';
import type { TaskPolicies } from '../../model/task.policies.js';

/**
 * A task as plain data.
 *
 * @publicApi
 */
export interface TaskInfo {
  readonly id: string;
  readonly name: string;
  readonly handler: string;
  /** Its arguments; empty where it has `data`. */
  readonly args: readonly unknown[];
  /** Its one argument, where it was given as `data`; else null. */
  readonly data: object | null;
  /** The version of the handler's schema that they are for; null where the handler had none. */
  readonly schemaVersion: number | null;
  readonly trigger: TriggerData;
  /** The trigger in words. */
  readonly triggerDescription: string;
  /** The alias of the store. */
  readonly store: string;
  readonly executor: string;
  readonly origin: TaskOrigin;
  /** The ids that it had before, the latest first: its older runs are in the history under them. */
  readonly previousIds: readonly string[];
  readonly tags: readonly string[];
  readonly policies: TaskPolicies;
  readonly state: TaskStateName;
  /** Whether the code has disabled it: nothing of it starts until it is enabled there. */
  readonly disabled: boolean;
  readonly paused: boolean;
  /** `byCode`: the code declares it as paused, or not at all. */
  readonly pause: {
    readonly at: Date;
    readonly reason: string | null;
    readonly actor: string | null;
    readonly byCode: boolean;
    /** When it ends by itself; null where somebody has to end it. */
    readonly until: Date | null;
  } | null;
  readonly nextRunTime: Date | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly lastRun: {
    readonly id: string;
    readonly status: RunStatus;
    readonly startedAt: Date | null;
    readonly endedAt: Date;
  } | null;
  readonly failuresInARow: number;
  /**
   * How many attempts of runs that were lost for good there were since an attempt has ended: from `maxLost` on, runs of the
   * schedule start later.
   */
  readonly lostInARow: number;
  readonly problem: TaskProblem | null;
  /** Whether it waits because no scheduler has its handler. */
  readonly parked: boolean;
  /** The last operation on it, with who asked and why. */
  readonly control: (Omit<TaskControl, 'at'> & { readonly at: Date }) | null;
  /**
   * The runs that have not ended. A run on another node that started less than a second ago may be missing; the task is
   * `running` all the same.
   */
  readonly live: readonly {
    readonly id: string;
    readonly status: 'waiting' | 'running';
    readonly source: RunSource;
    readonly scheduledTime: Date;
    readonly attempt: number;
    readonly owner: string | null;
    readonly startedAt: Date | null;
    readonly leaseUntil: Date | null;
    /** Who asked for it, and why; null for a run of the schedule. */
    readonly request: RunRequest | null;
  }[];
  readonly version: number;
}

/**
 * A stored record that cannot be read.
 *
 * @publicApi
 */
export interface UnreadableTaskInfo {
  readonly id: string;
  readonly store: string;
  readonly state: 'unreadable';
  readonly unreadable: UnreadableReason;
  readonly message: string;
  readonly handler: string | null;
  readonly nextRunTime: Date | null;
}

/**
 * A task, or a record that cannot be read, whose `state` is `unreadable`.
 *
 * @publicApi
 */
export type AnyTaskInfo = TaskInfo | UnreadableTaskInfo;

/**
 * A stored task with its times as dates.
 *
 * @param triggers Puts its trigger in words.
 */
export function toTaskInfo(
  task: StoredTask,
  { alias: store, pending }: Pick<StoreHandle, 'alias' | 'pending'>,
  triggers: TriggerCache,
): AnyTaskInfo {
  if (isUnreadable(task)) {
    const { id, unreadable, message, handler, nextRunTime } = task;
    return { id, store, state: 'unreadable', unreadable, message, handler, nextRunTime: toDate(nextRunTime) };
  }
  const { definition, state, version } = task;
  return {
    id: definition.id,
    name: definition.name,
    handler: definition.handler,
    args: definition.input === 'data' ? [] : definition.args,
    data: definition.input === 'data' ? (definition.args[0] as object) : null,
    schemaVersion: definition.schemaVersion,
    trigger: definition.trigger,
    triggerDescription: describeTrigger(definition.trigger, triggers),
    store,
    executor: definition.executor,
    origin: definition.origin,
    previousIds: definition.declared?.previousIds ?? [],
    tags: definition.tags,
    policies: definition.policies,
    state: pending ? 'pending' : taskStateName(task),
    disabled: isDisabled(definition),
    paused: state.pause !== null,
    pause: state.pause && {
      byCode: false,
      ...state.pause,
      at: new Date(state.pause.at),
      until: toDate(state.pause.until ?? null),
    },
    nextRunTime: toDate(state.nextRunTime),
    createdAt: new Date(state.createdAt),
    updatedAt: new Date(state.updatedAt),
    lastRun: state.lastRun && {
      ...state.lastRun,
      startedAt: toDate(state.lastRun.startedAt),
      endedAt: new Date(state.lastRun.endedAt),
    },
    failuresInARow: state.failuresInARow,
    lostInARow: state.lostInARow,
    problem: state.problem,
    parked: state.problem?.code === HANDLER_MISSING,
    control: state.control && { ...state.control, at: new Date(state.control.at) },
    live: state.live.map((run) => ({
      id: run.id,
      status: run.status,
      source: run.source,
      scheduledTime: new Date(run.scheduledTime),
      attempt: run.attempt,
      owner: run.owner,
      startedAt: toDate(run.startedAt),
      leaseUntil: toDate(run.leaseUntil),
      request: run.request,
    })),
    version,
  };
}

/** A trigger whose type is not known in this process, or that does not describe itself, is described by its type. */
function describeTrigger(trigger: TriggerData, triggers: TriggerCache): string {
  try {
    const text: unknown = triggers.get(trigger).describe();
    if (typeof text === 'string') return text;
    takePromise(text);
  } catch (error) {
    takePromise(error);
  }
  return trigger.type;
}

function toDate(time: number | null): Date | null {
  return time === null ? null : new Date(time);
}
