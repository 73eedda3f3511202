import { namesOf } from '../../model/names.js';
import type { RunStatus } from '../../model/run.js';
import { INTERNAL_HANDLER } from '../../model/definition.js';
import { lifecycleOf } from '../../model/start-tasks.js';
import { DUE_KEY_NAMES, withDueKeys } from '../../model/due-keys.js';
import type { DueKey } from '../../model/due-keys.js';
import type { RunRow, TaskRow } from '../../persistence/codec.interface.js';
import { readPlace, timeText } from './redis.place.js';

/**
 * What Redis keeps of a task, in three hashes by id. The definition and the state are apart, because a claim changes only
 * the state; what the scripts have to know is apart from both, so that they need not read payloads.
 */
export interface StoredParts {
  readonly id: string;
  /** The clear columns of the definition as a JSON array, a newline, and the definition's envelope. */
  readonly definition: string | null;
  readonly state: string | null;
  /** See `Place`. */
  readonly place: string | null;
}

/** The clear columns and the envelope as one text. */
export function definitionText(row: TaskRow): string {
  const { name, handler, trigger, tags, priority, codec, disabled } = row;
  const columns: Columns = [name, handler, trigger, tags, priority, codec, disabled];
  for (const key of DUE_KEY_NAMES) columns.push(row[key]);
  return `${JSON.stringify(columns)}\n${row.definition}`;
}

/** How many bytes a text has that a script has not read, since it is too long; null for one that was read. */
export function unreadBytes(text: string | null): number | null {
  return text?.startsWith('!') ? Number(text.slice(1)) : null;
}

/** The beginnings of the members of START_TASKS: a trigger that follows a scheduler, or nothing. */
export const START_PREFIXES = ['', 'startup', 'shutdown'] as const;

/** A task's member of START_TASKS; empty when no start looks for it. */
export function startMember({ id, startTask, trigger }: Pick<TaskRow, 'id' | 'startTask' | 'trigger'>): string {
  return startTask ? `${lifecycleOf(trigger) ?? ''}\n${id}` : '';
}

/** A task's parts as a row; null when they are damaged. The definition may be cut off after its columns. */
export function parseParts({ id, definition, state, place }: StoredParts): TaskRow | null {
  const known = readPlace(place);
  if (!known || definition === null) return null;
  const end = definition.indexOf('\n');
  const columns = parseColumns(end < 0 ? definition : definition.slice(0, end));
  if (!columns) return null;
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
    version: known.version,
    paused: known.paused,
    running: known.running,
    finished: known.finished,
    nextRunTime: known.nextRunTime,
    dueAt: known.dueAt,
    definition: end < 0 ? '' : definition.slice(end + 1),
    state: state ?? '',
    ...(unreadBytes(state) !== null && { oversize: unreadBytes(state)! }),
  };
  return withDueKeys(row, (_, at) => dueKeys[at]) as TaskRow;
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
export function runTimeScore(
  { handler }: { handler: string },
  { nextRunTime }: { nextRunTime: number | null },
): string {
  return handler === INTERNAL_HANDLER ? '-inf' : String(nextRunTime ?? '+inf');
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

/** What an ended run is ordered by: its kind, and its end, the latest first. */
export function endText({ status, endedAt }: { status: RunStatus; endedAt: number }): string {
  return kindOf(status) + inverseTimeText(endedAt);
}

/** Attempts of one run in the order of the history: the latest first. */
export function attemptText(attempt: number, token: number): string {
  return `${String(9_999_999_999 - attempt).padStart(10, '0')}/${token}`;
}

/** The clear columns of an ended run, by which it is stored as an array. */
const RUN_COLUMNS = namesOf<Exclude<keyof RunRow, 'outcome' | 'oversize'>>({
  id: 0,
  taskId: 0,
  handler: 0,
  source: 0,
  scheduledTime: 0,
  attempt: 0,
  status: 0,
  owner: 0,
  token: 0,
  startedAt: 0,
  endedAt: 0,
  coalesced: 0,
  dead: 0,
});

/** What Redis keeps of an ended run behind two lines for the scripts: its columns, and the envelope of its outcome. */
export function runText(row: RunRow): string {
  return `${JSON.stringify(RUN_COLUMNS.map((column) => row[column]))}\n${row.outcome ?? ''}`;
}

/** Reads an ended run; null when it is damaged. */
export function parseRun(stored: string): RunRow | null {
  const [, , columns, ...outcome] = stored.split('\n');
  try {
    const values = JSON.parse(columns!) as unknown[];
    if (!Array.isArray(values) || values.length !== RUN_COLUMNS.length) return null;
    const row = Object.fromEntries(RUN_COLUMNS.map((column, at) => [column, values[at]]));
    const text = outcome.join('\n') || null;
    const oversize = unreadBytes(text);
    return { ...row, ...(oversize === null ? { outcome: text } : { outcome: null, oversize }) } as RunRow;
  } catch {
    return null;
  }
}
