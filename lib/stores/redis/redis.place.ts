import { MAX_TIME } from '../../model/bounds.js';
import { byDueKey, DUE_KEY_NAMES } from '../../model/due-keys.js';
import type { DueKey, DueKeyValues } from '../../model/due-keys.js';
import type { TaskLease } from '../../model/task.js';
import type { TaskRow, TaskStateRow } from '../../persistence/codec.interface.js';
import type { DueFilter } from '../selection.interface.js';

/** The columns of a state that queries filter and sort by. */
export type PlaceColumns = Pick<TaskStateRow, 'paused' | 'running' | 'finished' | 'nextRunTime' | 'dueAt'>;

/**
 * What the scripts and the queries have to know of a task: the first line of its state, which is
 * `version token nonce attempt columns`, a tab, and `time queue`, its place in the index of due times. The nonce is unique to one
 * write, and the attempt is that of the task's lease (0: it has none). What a claimer has of the task since stands apart from it:
 * see TAKEN in `scripts/prelude.lua.ts`.
 */
export interface Place extends PlaceColumns {
  readonly version: number;
  /** The first words of the stand of the task, which change with every write, every taking and every reservation. */
  readonly guard: string;
  /** Where it is known apart from the state. */
  readonly lastToken?: number;
  readonly lease?: TaskLease;
}

/** The queue of records that could not be read: of a codec that no process asks for, so that they are in nobody's way. */
export const PARKED_QUEUE = `0 !${' -'.repeat(DUE_KEY_NAMES.length)} ""`;

/** When a record that could not be read is looked at again, in milliseconds. */
export const PARK_MS = 60_000;

/** The time of a task that is never due. */
export const NEVER = '-';

/** A value of `TaskRow.codec` as queues are named by it: without a space. */
export function codecName(codec: string): string {
  return encodeURIComponent(codec);
}

/** A text of the user's as JSON: without a newline, and never the beginning of another one. */
function quoted(text: string): string {
  return JSON.stringify(text);
}

/** A text of the user's as queues are named by it where more of their name follows: without a space. */
function spaceless(text: string): string {
  return quoted(text).replaceAll(' ', '\\u0020');
}

/** The values of all due keys as queues are named by them: a word each, with a space in front. */
function dueKeyWords(columns: DueKeyValues): string {
  let words = '';
  for (const key of DUE_KEY_NAMES) words += columns[key] === null ? ' -' : ` ${spaceless(columns[key])}`;
  return words;
}

/** Which queues are asked for, by the texts that they are named by: what the scripts take for a filter. */
export interface QueueFilter {
  readonly codecs: readonly string[];
  /** false for all. */
  readonly handlers: readonly string[] | false;
  /** The handlers that are left out. */
  readonly notHandlers: readonly string[];
  /** The values that are left out, of every due key in their order. */
  readonly except: readonly (readonly string[])[];
}

/** @param readable The values of `TaskRow.codec` that this process can read. */
export function queueFilter(readable: readonly string[], filter: DueFilter): QueueFilter {
  const { handlers, notHandlers = [], except = {} } = filter;
  const leftOut: Readonly<Record<DueKey, readonly string[]>> = byDueKey((key) => (except[key] ?? []).map(spaceless));
  return {
    codecs: readable.map(codecName),
    handlers: handlers !== null && handlers.map(quoted),
    notHandlers: notHandlers.map(quoted),
    except: DUE_KEY_NAMES.map((key) => leftOut[key]),
  };
}

/** A time as text of one length whose byte order is the order of time, years before 1970 included. */
export function timeText(ms: number): string {
  const whole = Math.min(Math.max(Math.ceil(ms), -MAX_TIME), MAX_TIME);
  return whole < 0 ? `0${String(whole + MAX_TIME).padStart(16, '0')}` : `1${String(whole).padStart(16, '0')}`;
}

/** What names the queue that a task waits in. */
export type QueueColumns = Pick<TaskRow, 'handler' | 'priority' | 'codec'> & DueKeyValues;

/** What was named last, and its name: most tasks that are written one after the other wait in one queue. */
let last: QueueColumns | null = null;
let lastName = '';

/** The name of a task's queue. */
export function queueName(columns: QueueColumns): string {
  if (last === null || !isOfSameQueue(columns, last)) {
    const { handler, priority, codec } = columns;
    lastName = `${priority} ${codecName(codec)}${dueKeyWords(columns)} ${quoted(handler)}`;
    last = columns;
  }
  return lastName;
}

function isOfSameQueue(a: QueueColumns, b: QueueColumns): boolean {
  if (a.handler !== b.handler || a.priority !== b.priority || a.codec !== b.codec) return false;
  for (const key of DUE_KEY_NAMES) if (a[key] !== b[key]) return false;
  return true;
}

/** The time of a task in its queue. */
export function dueText({ dueAt }: Pick<TaskStateRow, 'dueAt'>): string {
  return dueAt === null ? NEVER : timeText(dueAt);
}

/** A state before its queue. Behind that are a newline and the state itself. */
export function headText(row: TaskStateRow, nonce: string): string {
  const { version, lastToken = 0, lease, paused, running, finished, nextRunTime, dueAt } = row;
  const columns = `${paused ? 1 : 0},${running},${finished ? 1 : 0},${nextRunTime ?? '-'},${dueAt ?? '-'}`;
  return `${version} ${lastToken} ${nonce} ${lease?.attempt ?? 0} ${columns}\t${dueText(row)} `;
}

const HEAD = /^(\d+) (\d+) (\S+) (\d+) ([01]),(\d+),([01]),(-|-?[\d.e+]+),(-|-?[\d.e+]+)\t[^\n]*\n/;
const TAKEN = /^(\d+) (\d+) (\S+) [brx] (\d+) (-?\d+) (-?\d+) ([^]*)$/;

/**
 * Reads a place.
 *
 * @param state The stored state, or as much as its first line.
 * @param taken What TAKEN has of the task; empty for nothing.
 * @returns null when it is damaged; else the place, and where the state itself begins.
 */
export function readPlace(state: string, taken: string): { readonly place: Place; readonly end: number } | null {
  const head = HEAD.exec(state);
  if (!head) return null;
  const [line, version, lastToken, nonce, attempt, paused, running, finished, nextRunTime, dueAt] =
    head as unknown as string[];
  const own: Place = {
    version: Number(version),
    guard: `${version} ${lastToken} ${nonce} `,
    paused: paused === '1',
    running: Number(running),
    finished: finished === '1',
    nextRunTime: timeColumn(nextRunTime!),
    dueAt: timeColumn(dueAt!),
  };
  const place = taken === '' ? own : placeUnder(own, taken, attempt !== '0');
  return place && { place, end: line!.length };
}

/**
 * The place of a task that a claimer has; null when that is damaged.
 *
 * @param hadLease Whether the task was under a lease when its state was written. It counts as running then.
 */
function placeUnder(own: Place, taken: string, hadLease: boolean): Place | null {
  const parts = TAKEN.exec(taken);
  if (!parts) return null;
  const [, version, token, batch, attempt, at, until, owner] = parts as unknown as string[];
  const guard = `${version} ${token} ${batch} `;
  // A reservation of a task that is under no lease.
  if (attempt === '0') return { ...own, guard };
  const lease: TaskLease = {
    owner: owner!,
    token: Number(token),
    at: Number(at),
    attempt: Number(attempt),
    until: Number(until),
  };
  return {
    ...own,
    version: Number(version),
    guard,
    running: hadLease ? own.running : own.running + 1,
    finished: false,
    dueAt: lease.until,
    lastToken: lease.token,
    lease,
  };
}

function timeColumn(text: string): number | null {
  return text === '-' ? null : Number(text);
}
