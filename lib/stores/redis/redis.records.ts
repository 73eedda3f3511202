import type { RunRow, TaskRow, TaskStateRow } from '../../persistence/codec.interface.js';

/**
 * What Redis keeps of a task, in three hashes by id. The definition and the state are apart, because a claim changes only
 * the state; what the scripts have to know is apart from both, so that they need not read payloads.
 */
export interface StoredParts {
  readonly id: string;
  /** The clear columns of the definition as a JSON array, a newline, and the definition's envelope. */
  readonly definition: string | null;
  readonly state: string | null;
  /** Version, nonce of the writer, reservation, columns and place in the due index: see `prelude.lua.ts`. */
  readonly place: string | null;
}

/** The part of {@link StoredParts.place} that changes with every write: what a write is guarded by. */
export interface Stamp {
  readonly version: number;
  /** Unique to one write, so that a task that was deleted and added again is not taken for the one before. */
  readonly nonce: string;
}

/** The codec of records that could not be read; no process asks for it, so that they are in nobody's way. */
export const PARKED_CODEC = '!';

/** When a record that could not be read is looked at again, in milliseconds. */
export const PARK_MS = 60_000;

/** Half the width of what a `Date` can say, in milliseconds. */
const EARLIEST = 8_640_000_000_000_000;

/** A value of `TaskRow.codec` as queues are named by it: without a space. */
export function codecName(codec: string): string {
  return encodeURIComponent(codec);
}

/** A handler's name as queues are named by it: JSON has no raw newline in it, which the members of the index need. */
export function handlerName(handler: string): string {
  return JSON.stringify(handler);
}

/** A time as text of one length whose byte order is the order of time, years before 1970 included. */
export function timeText(ms: number): string {
  const whole = Math.min(Math.max(Math.ceil(ms), -EARLIEST), EARLIEST);
  return whole < 0 ? `0${String(whole + EARLIEST).padStart(16, '0')}` : `1${String(whole).padStart(16, '0')}`;
}

/** The same with the order turned round: the latest first. */
export function inverseTimeText(ms: number): string {
  return timeText(-ms);
}

/** A task's member of the due index; empty for one that is never due. */
export function memberOf(row: Pick<TaskRow, 'id' | 'handler' | 'priority' | 'codec'>, dueAt: number | null): string {
  if (dueAt === null) return '';
  return `${row.priority} ${codecName(row.codec)} ${handlerName(row.handler)}\n${timeText(dueAt)}\n${row.id}`;
}

/** The member of a record that cannot be read, to be looked at again at `retryAt`. */
export function parkedMember(id: string, retryAt: number): string {
  return `0 ${PARKED_CODEC} ""\n${timeText(retryAt)}\n${id}`;
}

/** The clear columns and the envelope as one text. */
export function definitionText(row: TaskRow): string {
  const { name, handler, executor, trigger, tags, priority, codec } = row;
  return `${JSON.stringify([name, handler, executor, trigger, tags, priority, codec])}\n${row.definition}`;
}

/** The clear columns of the state. */
export function columnsText({ paused, running, finished, nextRunTime, dueAt }: TaskStateRow): string {
  return [paused ? 1 : 0, running, finished ? 1 : 0, nextRunTime ?? '-', dueAt ?? '-'].join(',');
}

const PLACE = /^(\d+) (\S+) (\S+) ([01]),(\d+),([01]),(-|-?[\d.e+]+),(-|-?[\d.e+]+) /;

/** What a task's parts say in clear; null when they are damaged. The definition may be cut off after its columns. */
export function parseParts({ id, definition, state, place }: StoredParts): { row: TaskRow; stamp: Stamp } | null {
  const known = PLACE.exec(place ?? '');
  if (!known || definition === null) return null;
  const end = definition.indexOf('\n');
  const columns = parseColumns(end < 0 ? definition : definition.slice(0, end));
  if (!columns) return null;
  const [name, handler, executor, trigger, tags, priority, codec] = columns;
  const [, version, nonce, , paused, running, finished, nextRunTime, dueAt] = known;
  return {
    stamp: { version: Number(version), nonce: nonce! },
    row: {
      id,
      name,
      handler,
      executor,
      trigger,
      tags,
      priority,
      paused: paused === '1',
      running: Number(running),
      finished: finished === '1',
      nextRunTime: timeColumn(nextRunTime!),
      dueAt: timeColumn(dueAt!),
      version: Number(version),
      codec,
      definition: end < 0 ? '' : definition.slice(end + 1),
      state: state ?? '',
    },
  };
}

/** The next run time that a record says in clear, where its other parts may be damaged. */
export function clearNextRunTime(place: string | null): number | null {
  const known = PLACE.exec(place ?? '');
  return known ? timeColumn(known[7]!) : null;
}

/** What a write of a record is guarded by, where its other parts may be damaged. */
export function stampOf(place: string | null): Partial<Stamp> {
  const known = PLACE.exec(place ?? '');
  return known ? { version: Number(known[1]), nonce: known[2]! } : {};
}

type Columns = [string, string, string, string, string[], number, string];

function parseColumns(text: string): Columns | null {
  let columns: unknown;
  try {
    columns = JSON.parse(text);
  } catch {
    return null;
  }
  if (!Array.isArray(columns) || columns.length !== 7) return null;
  const [name, handler, executor, trigger, tags, priority, codec] = columns as unknown[];
  const texts = [name, handler, executor, trigger, codec].every((value) => typeof value === 'string');
  const rest = typeof priority === 'number' && Array.isArray(tags) && tags.every((tag) => typeof tag === 'string');
  return texts && rest ? (columns as Columns) : null;
}

function timeColumn(text: string): number | null {
  return text === '-' ? null : Number(text);
}

/** Attempts of one run in the order of the history: the latest first. */
export function attemptText(attempt: number, token: number): string {
  return `${String(9_999_999_999 - attempt).padStart(10, '0')}/${token}`;
}

/** What Redis keeps of an ended run: what the scripts have to know, its columns, and the envelope of its outcome. */
export function runText({ outcome, ...columns }: RunRow): string {
  return `${JSON.stringify(columns)}\n${outcome ?? ''}`;
}

/** Reads what {@link runText} wrote behind two lines for the scripts; null when it is damaged. */
export function parseRun(stored: string): RunRow | null {
  const [, , columns, ...outcome] = stored.split('\n');
  try {
    const row = JSON.parse(columns!) as Omit<RunRow, 'outcome'>;
    if (typeof row?.id !== 'string') return null;
    return { ...row, outcome: outcome.join('\n') || null };
  } catch {
    return null;
  }
}
