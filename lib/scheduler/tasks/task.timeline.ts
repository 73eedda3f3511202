import { InvalidOptionError } from '../../errors/input.errors.js';
import { messageOf } from '../../errors/thrown.js';
import type { Clock } from '../../model/clock.js';
import { namesOf } from '../../model/names.js';
import type { RunRecord } from '../../model/run.js';
import { isHeld, isUnreadable } from '../../model/task.js';
import type { TaskRecord } from '../../model/task.js';
import { toInstant } from '../../time/inputs.js';
import type { Occurrence } from '../../triggers/trigger.interface.js';
import type { TriggerCache } from '../../triggers/trigger.cache.js';
import { checkCall, checkCount } from './call.options.js';
import type { StoreHandle } from './store.handle.js';
import type { StoreRegistry } from './store.registry.js';
import { FILTER_OPTIONS, filteredStores } from './task.filter.js';
import type { TaskFilter } from './task.filter.js';
import type { TimelineEntry, TimelinePage, TimelineQuery } from './timeline.info.js';
import { upcomingRuns } from './upcoming.runs.js';
import { WorkPace } from './work.pace.js';

/** How many tasks are looked at: those that are due first. */
const MAX_TASKS = 1_000;

/** How many failures are listed. */
const MAX_FAILED = 100;

/** How many times of one task are passed over to get to where a page begins, before they are counted from there. */
const MAX_PASSED = 100;

const TIMELINE_OPTIONS = [
  ...FILTER_OPTIONS,
  ...namesOf<Exclude<keyof TimelineQuery, keyof TaskFilter>>({ at: 0, limit: 0, cursor: 0 }),
];

/** Where a page begins: how many entries of that very time have been given. */
interface Position {
  readonly side: 'earlier' | 'later';
  readonly at: number;
  readonly given: number;
}

/** Puts what has run and what is to run on one axis of time. Changes nothing. */
export class TaskTimeline {
  constructor(
    private readonly stores: StoreRegistry,
    private readonly triggers: TriggerCache,
    private readonly clock: Clock,
  ) {}

  /** @throws UnknownOptionError, InvalidOptionError, UnknownNameError (store) */
  async page(query: TimelineQuery = {}): Promise<TimelinePage> {
    checkCall('getTimeline', query, TIMELINE_OPTIONS);
    const { at, limit = 50, cursor, ...filter } = query;
    checkCount('limit', limit, 1, 500);
    if (at !== undefined && cursor !== undefined) throw new InvalidOptionError('at', at, 'left out with "cursor"');
    const position = cursor === undefined ? null : readCursor(cursor);
    const now = this.clock.now();
    const middle = at === undefined ? now : toInstant(at, 'at');
    const page = { entries: [] as TimelineEntry[], earlier: null as string | null, later: null as string | null };
    const failed: { taskId: string; store: string; message: string }[] = [];
    let horizon: number | null = null;
    if (position?.side !== 'later') {
      const start = position ?? { side: 'earlier', at: middle, given: 0 };
      const { entries, next } = await this.#ended(filter, start, limit);
      page.entries.push(...entries.toReversed());
      page.earlier = next;
    }
    if (position === null) page.entries.push(...(await this.#live(filter, limit)));
    if (position?.side !== 'earlier') {
      const start = position ?? { side: 'later', at: at === undefined ? -Infinity : middle, given: 0 };
      const found = await this.#toCome(filter, start, now, limit, failed);
      page.entries.push(...found.entries);
      page.later = found.next;
      horizon = found.horizon;
    }
    page.entries.sort((a, b) => a.at.getTime() - b.at.getTime());
    return { generatedAt: new Date(now), ...page, horizon: horizon === null ? null : new Date(horizon), failed };
  }

  /** The latest first. */
  async #ended(filter: TaskFilter, { at, given }: Position, limit: number) {
    const found: TimelineEntry[] = [];
    // What only a task says is not known of a run, whose task may be gone.
    const isOfRuns = Object.keys(filter).every((name) => name === 'store');
    for (const handle of isOfRuns ? this.stores.select(filter.store) : []) {
      // One more than fits, to know whether there are more.
      let left = limit + given + 1;
      let cursor: string | null | undefined;
      for (; left > 0 && cursor !== null;) {
        const page = { limit: Math.min(left, 1_000), ...(cursor !== undefined && { cursor }) };
        const { runs, next } = await handle.activeStore.runs({ to: at + 1 }, page);
        found.push(...runs.map((run) => endedEntry(handle, run)));
        left -= runs.length;
        cursor = next;
      }
    }
    const sorted = found.sort((a, b) => b.at.getTime() - a.at.getTime());
    const rest = afterGiven(sorted, at, given);
    const entries = rest.slice(0, limit);
    return { entries, next: rest.length > limit ? nextCursor('earlier', entries, at, given) : null };
  }

  /** Of the tasks that run. */
  async #live(filter: TaskFilter, limit: number): Promise<TimelineEntry[]> {
    const entries: TimelineEntry[] = [];
    if (filter.state !== undefined && filter.state !== 'running') return entries;
    for (const { handle, conditions } of filteredStores(this.stores, { ...filter, state: 'running' })) {
      const sort = { by: 'id', descending: false } as const;
      const { tasks } = await handle.activeStore.query(conditions, sort, { offset: 0, limit });
      for (const task of tasks) {
        if (isUnreadable(task)) continue;
        for (const run of task.state.live) {
          if (entries.length >= limit) return entries;
          entries.push({
            ...entryOf(handle, task.id, task.definition.handler, run.startedAt ?? run.availableAt, run.scheduledTime),
            kind: run.status,
            runId: run.id,
            startedAt: run.startedAt === null ? null : new Date(run.startedAt),
          });
        }
      }
    }
    return entries;
  }

  async #toCome(
    filter: TaskFilter,
    { at, given }: Position,
    now: number,
    limit: number,
    failed: { taskId: string; store: string; message: string }[],
  ) {
    const { tasks, horizon } = await this.#nextTasks(filter);
    const pace = new WorkPace();
    const most = limit + given + 1;
    let found: TimelineEntry[] = [];
    for (const { handle, task } of tasks) {
      // Those that are due first come first: what lies behind so many earlier ones is on a later page.
      const last = Math.min(found[most - 1]?.at.getTime() ?? Infinity, horizon ?? Infinity);
      if (task.state.nextRunTime! > last) break;
      const own: TimelineEntry[] = [];
      try {
        for (const run of this.#from(task, at, now)) {
          if (run.runTime > last || own.length === most) break;
          own.push(nextEntry(handle, task, run));
          if (pace.step()) await pace.rest();
        }
      } catch (error) {
        if (failed.length < MAX_FAILED)
          failed.push({ taskId: task.id, store: handle.alias, message: messageOf(error) });
      }
      found = earliest([...found, ...own], most);
    }
    const rest = afterGiven(found, at, given);
    const entries = rest.slice(0, limit);
    const next = rest.length > limit ? nextCursor('later', entries, at, given) : null;
    return { entries, next, horizon };
  }

  /** The next runs of a task from a time on. */
  *#from(task: TaskRecord, at: number, now: number): Generator<Occurrence> {
    const trigger = this.triggers.get(task.definition.trigger);
    let passed = 0;
    for (const run of upcomingRuns(task, trigger, now)) {
      if (run.runTime >= at) yield run;
      else if ((passed += 1) > MAX_PASSED && trigger.maxRuns === null) {
        // A grid can be entered anywhere.
        let next = trigger.nextOccurrence(null, at, { taskId: task.id });
        for (; next !== null; next = trigger.nextOccurrence(next.scheduledTime, next.runTime, { taskId: task.id }))
          yield next;
        return;
      }
    }
  }

  /** The tasks that run next, those that are due first at the front. */
  async #nextTasks(filter: TaskFilter) {
    const found: { handle: StoreHandle; task: TaskRecord }[] = [];
    let horizon: number | null = null;
    const sort = { by: 'nextRunTime', descending: false } as const;
    for (const { handle, conditions } of filteredStores(this.stores, filter)) {
      const { tasks } = await handle.activeStore.query(conditions, sort, { offset: 0, limit: MAX_TASKS + 1 });
      const readable = tasks.filter((task): task is TaskRecord => !isUnreadable(task));
      const last = readable.at(-1)?.state.nextRunTime ?? null;
      if (tasks.length > MAX_TASKS && last !== null) horizon = Math.min(horizon ?? Infinity, last);
      for (const task of readable) {
        const { definition, state } = task;
        if (state.nextRunTime !== null && !isHeld(definition, state)) found.push({ handle, task });
      }
    }
    const tasks = found.sort((a, b) => a.task.state.nextRunTime! - b.task.state.nextRunTime!);
    return { tasks, horizon };
  }
}

/** The earliest ones, in order. */
function earliest(entries: readonly TimelineEntry[], count: number): TimelineEntry[] {
  return entries.toSorted((a, b) => a.at.getTime() - b.at.getTime()).slice(0, count);
}

/** Without the first ones of the very time of the position, which another page has given. */
function afterGiven(entries: readonly TimelineEntry[], at: number, given: number): readonly TimelineEntry[] {
  let skip = 0;
  while (skip < given && entries[skip]?.at.getTime() === at) skip += 1;
  return entries.slice(skip);
}

function nextCursor(side: Position['side'], entries: readonly TimelineEntry[], at: number, given: number): string {
  const last = entries.at(-1)!.at.getTime();
  const same = entries.filter((entry) => entry.at.getTime() === last).length;
  return `${side}~${last}~${same + (last === at ? given : 0)}`;
}

/** @throws InvalidOptionError */
function readCursor(cursor: string): Position {
  const [side, at, given, ...more] = cursor.split('~');
  const isCursor =
    (side === 'earlier' || side === 'later') &&
    more.length === 0 &&
    Number.isSafeInteger(Number(at)) &&
    Number.isSafeInteger(Number(given)) &&
    Number(given) >= 0 &&
    Number(given) <= 100_000;
  if (!isCursor) throw new InvalidOptionError('cursor', cursor, '"earlier" or "later" of a page');
  return { side, at: Number(at), given: Number(given) };
}

function entryOf(handle: StoreHandle, taskId: string, handler: string, at: number, scheduledTime: number) {
  return {
    at: new Date(at),
    taskId,
    store: handle.alias,
    handler,
    scheduledTime: new Date(scheduledTime),
    runId: null,
    status: null,
    startedAt: null,
    dst: null,
    movedByCalendar: null,
  };
}

function endedEntry(handle: StoreHandle, run: RunRecord): TimelineEntry {
  return {
    ...entryOf(handle, run.taskId, run.handler, run.endedAt, run.scheduledTime),
    kind: 'ended',
    runId: run.id,
    status: run.status,
    startedAt: run.startedAt === null ? null : new Date(run.startedAt),
  };
}

function nextEntry(handle: StoreHandle, { id, definition }: TaskRecord, run: Occurrence): TimelineEntry {
  return {
    ...entryOf(handle, id, definition.handler, run.runTime, run.scheduledTime),
    kind: 'next',
    dst: run.dst ?? null,
    movedByCalendar: run.movedByCalendar ?? null,
  };
}
