import { InvalidOptionError } from '../errors/input.errors.js';
import type {
  PageRequest,
  StoredRunFilter,
  RunPageRequest,
  StoredTaskFilter,
  StoredTaskPage,
  TaskSort,
} from '../model/query.js';
import { taskStateName } from '../model/query.js';
import type { RunRecord } from '../model/run.js';
import type { RunOutcomeField } from '../persistence/codec.interface.js';
import { dueTime, isUnreadable } from '../model/task.js';
import { INTERNAL_HANDLER } from '../model/definition.js';
import { dueKeyValues, isLeftOut } from '../model/due-keys.js';
import type { StoredTask, TaskRecord } from '../model/task.js';
import { isOfKind } from '../model/start-tasks.js';
import type { StartTaskKind, StartTaskPage, StartTaskPageRequest } from '../model/start-tasks.js';
import type { DueFilter } from './selection.interface.js';

/** Filters, sorts and pages in memory: for stores that have all tasks at hand. Leaves internal records out. */
export function queryTasks(
  tasks: Iterable<StoredTask>,
  filter: StoredTaskFilter,
  sort: TaskSort,
  page: PageRequest,
): StoredTaskPage {
  const found: StoredTask[] = [];
  for (const task of tasks) {
    if (handlerOf(task) !== INTERNAL_HANDLER && matchesTask(task, filter)) found.push(task);
  }
  found.sort(taskOrder(sort));
  return { tasks: found.slice(page.offset, page.offset + page.limit), total: found.length };
}

/** The tasks of a kind that come after the cursor, which is an id, in the order of their ids. */
export function pageOfStartTasks(
  tasks: Iterable<StoredTask>,
  kind: StartTaskKind,
  { limit, cursor }: StartTaskPageRequest,
): StartTaskPage {
  const found: TaskRecord[] = [];
  for (const task of tasks) {
    if (cursor !== undefined && compareText(task.id, cursor) <= 0) continue;
    if (!isUnreadable(task) && isOfKind(task.definition, kind)) found.push(task);
  }
  found.sort((a, b) => compareText(a.id, b.id));
  const page = found.slice(0, limit);
  return { tasks: page, next: found.length > limit ? page.at(-1)!.id : null };
}

/** Whether a task meets every condition of a filter. */
export function matchesTask(task: StoredTask, filter: StoredTaskFilter): boolean {
  if (filter.after !== undefined && compareText(task.id, filter.after) <= 0) return false;
  if (filter.state !== undefined && taskStateName(task) !== filter.state) return false;
  if (filter.handler !== undefined && handlerOf(task) !== filter.handler) return false;
  const definition = isUnreadable(task) ? null : task.definition;
  if (filter.executor !== undefined && definition?.executor !== filter.executor) return false;
  if (filter.trigger !== undefined && definition?.trigger.type !== filter.trigger) return false;
  if (filter.tag !== undefined && !definition?.tags.includes(filter.tag)) return false;
  if (filter.q === undefined) return true;
  const text = filter.q.trim().toLowerCase();
  const fields = [task.id, handlerOf(task), definition?.name, definition?.trigger.type, definition?.executor];
  return fields.some((field) => field?.toLowerCase().includes(text));
}

/** The order of `getAllTasks`: by next run time, those without one last, unreadable ones at the very end, ties by id. */
export function compareByNextRunTime(a: StoredTask, b: StoredTask): number {
  if (isUnreadable(a) !== isUnreadable(b)) return isUnreadable(a) ? 1 : -1;
  return compareNullable(nextRunTimeOf(a), nextRunTimeOf(b)) || compareText(a.id, b.id);
}

/** The order in which due tasks are claimed: by priority, then due time, then id. */
export function compareByDue(a: TaskRecord, b: TaskRecord): number {
  return a.definition.policies.priority - b.definition.policies.priority || compareByAge(a, b);
}

/** The order in which due tasks are claimed when priorities do not count. */
export function compareByAge(a: TaskRecord, b: TaskRecord): number {
  return compareNullable(dueTime(a.definition, a.state), dueTime(b.definition, b.state)) || compareText(a.id, b.id);
}

/** Compares by UTF-16 code units: the same on every machine, whatever its locale. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function compareNullable(a: number | null, b: number | null): number {
  if (a === b) return 0;
  if (a === null) return 1;
  return b === null ? -1 : a - b;
}

/** Whether a filter lets every task through. */
export function asksForAll({ handlers, notHandlers = [], except = {} }: DueFilter): boolean {
  return handlers === null && notHandlers.length === 0 && Object.values(except).every(({ length }) => length === 0);
}

/** Whether a task may be claimed by whoever asks with this filter. */
export function isAskedFor({ definition }: TaskRecord, { handlers, notHandlers = [], except }: DueFilter): boolean {
  const { handler } = definition;
  const isOfHandlers = (handlers === null || handlers.includes(handler)) && !notHandlers.includes(handler);
  return isOfHandlers && !isLeftOut(dueKeyValues(definition), except);
}

/** The order of a sorted query. */
export function taskOrder(sort: TaskSort): (a: StoredTask, b: StoredTask) => number {
  const sign = sort.descending ? -1 : 1;
  return (a, b) => sign * (compareKey(a, b, sort.by) || compareText(a.id, b.id));
}

function compareKey(a: StoredTask, b: StoredTask, by: TaskSort['by']): number {
  if (by === 'nextRunTime') return compareNullable(nextRunTimeOf(a), nextRunTimeOf(b));
  if (by === 'priority') return compareNullable(priorityOf(a), priorityOf(b));
  return compareText(sortText(a, by), sortText(b, by));
}

function sortText(task: StoredTask, by: Exclude<TaskSort['by'], 'nextRunTime' | 'priority'>): string {
  if (by === 'id') return task.id;
  if (by === 'state') return taskStateName(task);
  if (by === 'handler') return (handlerOf(task) ?? '').toLowerCase();
  if (isUnreadable(task)) return '';
  const { name, executor, trigger } = task.definition;
  return { name, executor, trigger: trigger.type }[by].toLowerCase();
}

function handlerOf(task: StoredTask): string | null {
  return isUnreadable(task) ? task.handler : task.definition.handler;
}

function nextRunTimeOf(task: StoredTask): number | null {
  return isUnreadable(task) ? task.nextRunTime : task.state.nextRunTime;
}

function priorityOf(task: StoredTask): number | null {
  return isUnreadable(task) ? null : task.definition.policies.priority;
}

/** What there is to know of an ended run without decoding it: what its record and its row have in common. */
export type RunFacts = Omit<RunRecord, RunOutcomeField>;

/** Filters and pages ended runs in memory. */
export function queryRuns<T extends RunFacts>(
  runs: Iterable<T>,
  filter: StoredRunFilter,
  page: RunPageRequest,
): { readonly runs: readonly T[]; readonly next: string | null } {
  const after = page.cursor === undefined ? null : parseRunCursor(page.cursor);
  const found: T[] = [];
  for (const run of runs) {
    if (matchesRun(run, filter) && (after === null || compareRunKeys(runKey(run), after) > 0)) found.push(run);
  }
  found.sort(compareRuns);
  const runsOfPage = found.slice(0, page.limit);
  const last = runsOfPage.at(-1);
  return { runs: runsOfPage, next: found.length > page.limit && last ? formatRunCursor(runKey(last)) : null };
}

/** The order of `runs`: the latest end first. */
export function compareRuns(a: RunFacts, b: RunFacts): number {
  return compareRunKeys(runKey(a), runKey(b));
}

/** Whether an ended run meets every condition of a filter. */
export function matchesRun(run: RunFacts, filter: StoredRunFilter): boolean {
  return (
    (filter.taskId === undefined || run.taskId === filter.taskId) &&
    (filter.runId === undefined || run.id === filter.runId) &&
    (filter.status === undefined || run.status === filter.status) &&
    (filter.source === undefined || run.source === filter.source) &&
    (filter.dead === undefined || run.dead === filter.dead) &&
    (filter.owner === undefined || run.owner === filter.owner) &&
    (filter.from === undefined || run.endedAt >= filter.from) &&
    (filter.to === undefined || run.endedAt < filter.to)
  );
}

/** What orders ended runs: the latest end first, then run id, then the latest attempt. */
export interface RunKey {
  readonly endedAt: number;
  readonly id: string;
  readonly attempt: number;
}

/** The position of an ended run in the order of {@link RunKey}. */
export function runKey({ endedAt, id, attempt }: RunFacts): RunKey {
  return { endedAt, id, attempt };
}

function compareRunKeys(a: RunKey, b: RunKey): number {
  return b.endedAt - a.endedAt || compareText(a.id, b.id) || b.attempt - a.attempt;
}

/** Writes a position as the text that {@link parseRunCursor} reads. */
export function formatRunCursor(key: RunKey): string {
  return Buffer.from(JSON.stringify([key.endedAt, key.id, key.attempt])).toString('base64url');
}

/**
 * Reads a cursor.
 *
 * @throws InvalidOptionError When it was not made by {@link formatRunCursor}.
 */
export function parseRunCursor(cursor: string): RunKey {
  try {
    const [endedAt, id, attempt] = JSON.parse(Buffer.from(cursor, 'base64url').toString()) as [number, string, number];
    if (Number.isFinite(endedAt) && typeof id === 'string' && Number.isInteger(attempt))
      return { endedAt, id, attempt };
  } catch {
    // Not base64url of JSON: said below.
  }
  throw new InvalidOptionError('cursor', cursor, 'the "next" of an earlier page');
}

/** The readable ones that are due by `now`, in no order. */
export function dueTasks(tasks: Iterable<StoredTask>, now: number): TaskRecord[] {
  const due: TaskRecord[] = [];
  for (const task of tasks) {
    if (isUnreadable(task)) continue;
    const at = dueTime(task.definition, task.state);
    if (at !== null && at <= now) due.push(task);
  }
  return due;
}

/** The earliest due time of the readable ones; null when none is ever due. */
export function earliestDue(tasks: Iterable<StoredTask>): number | null {
  let earliest: number | null = null;
  for (const task of tasks) {
    if (isUnreadable(task)) continue;
    const at = dueTime(task.definition, task.state);
    if (at !== null && (earliest === null || at < earliest)) earliest = at;
  }
  return earliest;
}
