import { namesOf } from '../../model/names.js';
import type { RunStatus } from '../../model/run.js';
import { INTERNAL_HANDLER } from '../../model/definition.js';
import { lifecycleOf } from '../../model/start-tasks.js';
import { DUE_KEY_NAMES, withDueKeys } from '../../model/due-keys.js';
import type { DueKey } from '../../model/due-keys.js';
import type { RunRow, TaskRow } from '../../persistence/codec.interface.js';
import type { RunFacts } from '../task-query.js';
import { readPlace, timeText } from './redis.place.js';
import type { Place } from './redis.place.js';

/** How many texts of columns are remembered, and how long one may be. */
const MOST_KNOWN = 500;
const LONGEST_KNOWN = 500;

/**
 * What Redis keeps of a task, in three hashes by id; empty for what is not there. The definition and the state are apart,
 * because a run changes only the state; what a claimer has of it is apart from both, because most tasks are taken and ended, and
 * their state need not be written in between.
 */
export interface StoredParts {
  readonly id: string;
  /** The clear columns of the definition as a JSON array, a newline, and the definition's envelope. */
  readonly definition: string;
  /** See `Place`, and behind its line the state. */
  readonly state: string;
  readonly taken: string;
}

/** Whether nothing of a task is there. */
export function isMissing({ definition, state }: StoredParts): boolean {
  return definition === '' && state === '';
}

/** The clear columns and the envelope as one text. */
export function definitionText(row: TaskRow): string {
  const { name, handler, trigger, tags, priority, codec, disabled } = row;
  const columns: Columns = [name, handler, trigger, tags, priority, codec, disabled];
  for (const key of DUE_KEY_NAMES) columns.push(row[key]);
  return `${JSON.stringify(columns)}\n${row.definition}`;
}

/** How many bytes a text has that a script has not read, since it is too long; null for one that was read. */
export function unreadBytes(text: string): number | null {
  return text.startsWith('!') ? Number(text.slice(1)) : null;
}

/** The beginnings of the members of START_TASKS: a trigger that follows a scheduler, or nothing. */
export const START_PREFIXES = ['', 'startup', 'shutdown'] as const;

/** A task's member of START_TASKS; empty when no start looks for it. */
export function startMember({ id, startTask, trigger }: Pick<TaskRow, 'id' | 'startTask' | 'trigger'>): string {
  return startTask ? `${lifecycleOf(trigger) ?? ''}\n${id}` : '';
}

/** A task's parts as a row, and its place; null when they are damaged. The definition may be cut off after its columns. */
export function parseParts({ id, definition, state, taken }: StoredParts): { row: TaskRow; place: Place } | null {
  const known = readPlace(state, taken);
  const columns = known && columnsOf(definition);
  if (!columns) return null;
  const { place, end } = known;
  const [name, handler, trigger, tags, priority, codec, disabled, ...dueKeys] = columns;
  // Field by field: a spread of this size costs more than all the rest.
  const row: Omit<TaskRow, DueKey> = {
    id,
    name,
    handler,
    trigger,
    tags,
    priority,
    codec,
    disabled,
    version: place.version,
    paused: place.paused,
    running: place.running,
    finished: place.finished,
    nextRunTime: place.nextRunTime,
    dueAt: place.dueAt,
    definition: definition.slice(definition.indexOf('\n') + 1),
    state: state.slice(end),
    ...(place.lease && { lastToken: place.lease.token, lease: place.lease }),
  };
  return { row: withDueKeys(row, (_, at) => dueKeys[at]) as TaskRow, place };
}

/** Columns by their text. Tasks of one handler have the same, as long as nobody gives each a name of its own. */
const knownColumns = new Map<string, Columns>();

/** The clear columns of a definition; null when they are damaged. */
export function columnsOf(definition: string): Columns | null {
  const end = definition.indexOf('\n');
  const text = end < 0 ? definition : definition.slice(0, end);
  const known = knownColumns.get(text);
  if (known) return known;
  const columns = parseColumns(text);
  if (columns && text.length < LONGEST_KNOWN) {
    if (knownColumns.size >= MOST_KNOWN) knownColumns.clear();
    knownColumns.set(text, columns);
  }
  return columns;
}

/** The last ones are the values of the due keys. */
type Columns = [string, string, string, readonly string[], number, string, boolean, ...(string | null)[]];

function isText(value: unknown): boolean {
  return typeof value === 'string';
}

function parseColumns(text: string): Columns | null {
  let columns: unknown;
  try {
    columns = JSON.parse(text);
  } catch {
    return null;
  }
  if (!Array.isArray(columns) || columns.length !== 7 + DUE_KEY_NAMES.length) return null;
  const [name, handler, trigger, tags, priority, codec, disabled, ...dueKeys] = columns as unknown[];
  const texts = [name, handler, trigger, codec].every(isText);
  const rest =
    typeof disabled === 'boolean' && typeof priority === 'number' && Array.isArray(tags) && tags.every(isText);
  // Queries sort by the executor, so it is always there; the other due keys may be null.
  const keys = dueKeys.every((value, at) => isText(value) || (value === null && DUE_KEY_NAMES[at] !== 'executor'));
  return texts && rest && keys ? (columns as Columns) : null;
}

/** A task's score among the run times. Internal records come before all others: so a listing can leave them out. */
export function runTimeScore(handler: string, nextRunTime: number | null): number | string {
  return handler === INTERNAL_HANDLER ? '-inf' : (nextRunTime ?? '+inf');
}

/** A time as text of one length, the latest first. */
export function inverseTimeText(ms: number): string {
  return timeText(-ms);
}

/** The kinds of ended runs, which have ranges of their own in the indexes: those that failed or were lost may be kept longer. */
export const FAILED = 'f';
export const OTHERS = 'o';

export function kindOf(status: RunStatus): string {
  return status === 'failed' || status === 'lost' ? FAILED : OTHERS;
}

/** The rank of an ended run in the history: its kind and its end, the latest first; its id, and its attempt. */
export function rankOfRun({ status, endedAt, id, attempt, token }: RunFacts): string {
  return `${kindOf(status)}${inverseTimeText(endedAt)}${id}\n${attemptText(attempt, token)}`;
}

/** More than any attempt. */
const LAST_ATTEMPT = 9_999_999_999;

/** Attempts of one run in the order of the history: the latest first. */
export function attemptText(attempt: number, token: number): string {
  return `${String(LAST_ATTEMPT - attempt).padStart(10, '0')}/${token}`;
}

/** The clear columns of an ended run that its rank and its task do not say, by which it is stored as an array. */
const RUN_COLUMNS = namesOf<Exclude<keyof RunRow, 'id' | 'taskId' | 'attempt' | 'token' | 'outcome' | 'oversize'>>({
  handler: 0,
  source: 0,
  scheduledTime: 0,
  status: 0,
  owner: 0,
  startedAt: 0,
  endedAt: 0,
  coalesced: 0,
  dead: 0,
});

/** What Redis keeps of an ended run behind its rank and its task: its columns in clear, and the envelope of its outcome. */
export function runText(row: RunRow): string {
  // In the order of the columns; to look each up by its name costs as much as all else.
  const { handler, source, scheduledTime, status, owner, startedAt, endedAt, coalesced, dead } = row;
  const values = [handler, source, scheduledTime, status, owner, startedAt, endedAt, coalesced, dead];
  return `${JSON.stringify(values)}\n${row.outcome ?? ''}`;
}

/** An ended run as the scripts give it. */
export interface StoredRun {
  readonly task: string;
  readonly id: string;
  /** See `attemptText`. */
  readonly attempt: string;
  /** Its columns, a newline, and its outcome. */
  readonly text: string;
}

/** Reads an ended run; null when it is damaged. */
export function parseRun({ task, id, attempt, text }: StoredRun): RunRow | null {
  const end = text.indexOf('\n');
  const [inverse, token] = attempt.split('/');
  try {
    const values = JSON.parse(text.slice(0, end)) as unknown[];
    if (!Array.isArray(values) || values.length !== RUN_COLUMNS.length) return null;
    const row = Object.fromEntries(RUN_COLUMNS.map((column, at) => [column, values[at]]));
    const own = { id, taskId: task, attempt: LAST_ATTEMPT - Number(inverse), token: Number(token) };
    const outcome = text.slice(end + 1);
    const oversize = unreadBytes(outcome);
    return {
      ...row,
      ...own,
      ...(oversize === null ? { outcome: outcome || null } : { outcome: null, oversize }),
    } as RunRow;
  } catch {
    return null;
  }
}
