import { TaskUnreadableError } from '../../errors/task.errors.js';
import type { Clock } from '../../model/clock.js';
import { namesOf } from '../../model/names.js';
import type { StoredRunFilter, TaskSortKey, TaskStateName } from '../../model/query.js';
import type { RunSource, RunStatus } from '../../model/run.js';
import { isUnreadable } from '../../model/task.js';
import type { StoredTask } from '../../model/task.js';
import { toInstant } from '../../time/inputs.js';
import { taskOrder } from '../../stores/task-query.js';
import type { TriggerCache } from '../../triggers/trigger.cache.js';
import type { Occurrence } from '../../triggers/trigger.interface.js';
import type {
  PreviewedRun,
  PreviewOptions,
  TaskPreview,
  TriggerPreview,
  TriggerPreviewOptions,
} from './preview.info.js';
import { toRunInfo } from './run.info.js';
import type { RunInfo } from './run.info.js';
import { checkCall, checkCount } from './call.options.js';
import { checkTaskId, TARGET_OPTIONS } from './control.options.js';
import type { TaskTarget } from './control.options.js';
import { occurrencesAfter, takeOccurrences } from './occurrences.js';
import type { StoreHandle } from './store.handle.js';
import type { StoreRegistry } from './store.registry.js';
import { filteredStores, FILTER_OPTIONS } from './task.filter.js';
import type { TaskFilter } from './task.filter.js';
import { toTaskInfo } from './task.info.js';
import type { AnyTaskInfo, TaskInfo } from './task.info.js';
import type { TaskBuilder } from './task.builder.js';
import type { TimeInput, TriggerInput } from './task.options.js';
import { Task } from './task.js';
import { upcomingRuns } from './upcoming.runs.js';
import type { TaskActions } from './task.js';

/**
 * Which tasks to list, in which order, and which page.
 *
 * @publicApi
 */
export interface TaskQuery extends TaskFilter {
  /** @default 'nextRunTime' */
  readonly sortBy?: TaskSortKey;
  /** @default false */
  readonly descending?: boolean;
  /** How many to leave out at the front. @default 0 */
  readonly offset?: number;
  /** How many at the most, 1 to 10,000. @default 1000 */
  readonly limit?: number;
}

/** A page of tasks. @publicApi */
export interface TaskInfoPage {
  readonly tasks: readonly AnyTaskInfo[];
  /** How many match, on all pages. */
  readonly total: number;
}

/** Which ended runs to list, and which page. All given conditions must hold. @publicApi */
export interface RunQuery {
  /** @default 'default' */
  readonly store?: string;
  readonly taskId?: string;
  readonly runId?: string;
  readonly status?: RunStatus;
  readonly source?: RunSource;
  /** Whether it failed or was lost for good: `true` lists what `redriveRun` takes. */
  readonly dead?: boolean;
  /** The identity of the scheduler that ran it. */
  readonly owner?: string;
  /** Ended at this time or later. */
  readonly from?: TimeInput;
  /** Ended before this time. */
  readonly to?: TimeInput;
  /** 1 to 1,000. @default 100 */
  readonly limit?: number;
  /** The `next` of the previous page. */
  readonly cursor?: string;
}

/** A page of ended runs, the latest end first. @publicApi */
export interface RunInfoPage {
  readonly runs: readonly RunInfo[];
  /** The cursor of the next page; null on the last. */
  readonly next: string | null;
}

const QUERY_OPTIONS = [
  ...FILTER_OPTIONS,
  ...namesOf<Exclude<keyof TaskQuery, keyof TaskFilter>>({ sortBy: 0, descending: 0, offset: 0, limit: 0 }),
];
const RUN_QUERY_OPTIONS = namesOf<keyof RunQuery>({
  store: 0,
  taskId: 0,
  runId: 0,
  status: 0,
  source: 0,
  dead: 0,
  owner: 0,
  from: 0,
  to: 0,
  limit: 0,
  cursor: 0,
});
const TRIGGER_PREVIEW_OPTIONS = namesOf<keyof TriggerPreviewOptions>({ count: 0, now: 0, taskId: 0 });
const PREVIEW_OPTIONS = namesOf<keyof PreviewOptions>({ store: 0, count: 0, now: 0 });

/** Looks at tasks and runs, and changes nothing: what is behind the methods of `Scheduler`. */
export class TaskInspection {
  constructor(
    private readonly stores: StoreRegistry,
    private readonly triggers: TriggerCache,
    private readonly actions: TaskActions,
    private readonly builder: Pick<TaskBuilder, 'createTrigger'>,
    private readonly clock: Clock,
  ) {}

  async getTask(id: string, target: TaskTarget = {}): Promise<Task | null> {
    checkCall('getTask', target, TARGET_OPTIONS);
    const found = await this.#find(id, target.store);
    if (!found) return null;
    if (isUnreadable(found.task)) throw new TaskUnreadableError(id, found.task.unreadable, found.task.message);
    return new Task(this.actions, this.#info(found.handle, found.task) as TaskInfo);
  }

  /** The readable ones; {@link getTaskInfos} lists the unreadable ones too. */
  async getTasks(query: TaskQuery = {}): Promise<readonly Task[]> {
    const { tasks } = await this.getTaskInfos(query);
    return tasks.filter((info) => info.state !== 'unreadable').map((info) => new Task(this.actions, info as TaskInfo));
  }

  async getTaskInfo(id: string, target: TaskTarget = {}): Promise<AnyTaskInfo | null> {
    checkCall('getTaskInfo', target, TARGET_OPTIONS);
    const found = await this.#find(id, target.store);
    return found && this.#info(found.handle, found.task);
  }

  /** A run that just started here may not be written into its task yet: see `TaskInfo.live`. */
  async #find(id: string, store: string | undefined) {
    const found = await this.stores.find(checkTaskId(id), store);
    const isLeased = found && !isUnreadable(found.task) && found.task.state.lease !== null;
    if (!isLeased || !found.handle.loop) return found;
    await found.handle.loop.writeClaim(id);
    return this.stores.find(id, store);
  }

  async getTaskInfos(query: TaskQuery = {}): Promise<TaskInfoPage> {
    checkCall('getTaskInfos', query, QUERY_OPTIONS);
    const { sortBy = 'nextRunTime', descending = false, offset = 0, limit = 1_000, ...filter } = query;
    checkCount('offset', offset, 0, Number.MAX_SAFE_INTEGER);
    checkCount('limit', limit, 1, 10_000);
    const sort = { by: sortBy, descending };
    const pages: { handle: StoreHandle; tasks: readonly StoredTask[]; total: number }[] = [];
    for (const { handle, conditions } of filteredStores(this.stores, filter)) {
      const { tasks, total } = await handle.activeStore.query(conditions, sort, { offset: 0, limit: offset + limit });
      pages.push({ handle, tasks, total });
    }
    // The first pages of all stores, merged: a page of the whole begins somewhere in these.
    const order = taskOrder(sort);
    const merged = pages
      .flatMap(({ handle, tasks }) => tasks.map((task) => ({ handle, task })))
      .sort((a, b) => order(a.task, b.task));
    return {
      tasks: merged.slice(offset, offset + limit).map(({ handle, task }) => this.#info(handle, task)),
      total: pages.reduce((sum, { total }) => sum + total, 0),
    };
  }

  async preview(id: string, options: PreviewOptions = {}): Promise<TaskPreview | null> {
    checkCall('previewTaskRuns', options, PREVIEW_OPTIONS);
    const { count = 5 } = options;
    checkCount('count', count, 1, 1_000);
    const found = await this.stores.find(checkTaskId(id), options.store);
    if (!found) return null;
    const { handle, task } = found;
    if (isUnreadable(task)) throw new TaskUnreadableError(id, task.unreadable, task.message);
    const now = options.now === undefined ? handle.clock.now() : toInstant(options.now, 'now');
    const trigger = this.triggers.get(task.definition.trigger);
    const { runs, exhausted } = await takeOccurrences(upcomingRuns(task, trigger, now), count);
    return {
      task: this.#info(handle, task) as TaskInfo,
      generatedAt: new Date(now),
      requestedCount: count,
      runs: runs.map(toPreviewedRun),
      exhausted,
    };
  }

  /** What a trigger would do, before there is a task with it. */
  async previewTrigger(given: TriggerInput, options: TriggerPreviewOptions = {}): Promise<TriggerPreview> {
    checkCall('previewTrigger', options, TRIGGER_PREVIEW_OPTIONS);
    const { count = 5, taskId = 'preview' } = options;
    checkCount('count', count, 1, 1_000);
    const now = options.now === undefined ? this.clock.now() : toInstant(options.now, 'now');
    const trigger = this.builder.createTrigger(given, now);
    const first = trigger.nextOccurrence(null, now, { taskId });
    const occurrences = occurrencesAfter(trigger, taskId, first, trigger.maxRuns ?? Infinity);
    const { runs, exhausted } = await takeOccurrences(occurrences, count);
    return {
      trigger: trigger.toJSON(),
      description: trigger.describe(),
      generatedAt: new Date(now),
      runs: runs.map(toPreviewedRun),
      exhausted,
    };
  }

  async getRuns(query: RunQuery = {}): Promise<RunInfoPage> {
    checkCall('getRuns', query, RUN_QUERY_OPTIONS);
    const { store = 'default', limit = 100, cursor, from, to, ...rest } = query;
    checkCount('limit', limit, 1, 1_000);
    const filter: StoredRunFilter = {
      ...rest,
      ...(from !== undefined && { from: toInstant(from, 'from') }),
      ...(to !== undefined && { to: toInstant(to, 'to') }),
    };
    const { runs, next } = await this.stores
      .get(store)
      .activeStore.runs(filter, { limit, ...(cursor !== undefined && { cursor }) });
    return {
      runs: runs.map(toRunInfo),
      next,
    };
  }

  /** How many tasks are in each state. */
  async countByState(): Promise<Record<TaskStateName, number>> {
    const counts = { pending: 0, scheduled: 0, running: 0, disabled: 0, paused: 0, finished: 0, unreadable: 0 };
    const sort = { by: 'id', descending: false } as const;
    for (const handle of this.stores.all()) {
      const count = async (filter: object) =>
        (await handle.activeStore.query(filter, sort, { offset: 0, limit: 0 })).total;
      if (handle.pending) {
        counts.pending += await count({});
        continue;
      }
      for (const state of ['scheduled', 'running', 'disabled', 'paused', 'finished', 'unreadable'] as const) {
        counts[state] += await count({ state });
      }
    }
    return counts;
  }

  #info(handle: StoreHandle, task: StoredTask): AnyTaskInfo {
    return toTaskInfo(task, handle, this.triggers);
  }
}

function toPreviewedRun(run: Occurrence): PreviewedRun {
  return {
    runTime: new Date(run.runTime),
    scheduledTime: new Date(run.scheduledTime),
    dst: run.dst ?? null,
    movedByCalendar: run.movedByCalendar ?? null,
  };
}
