import { MAX_TIME } from '../../model/bounds.js';
import { byDueKey, DUE_KEY_NAMES } from '../../model/due-keys.js';
import type { DueKey, DueKeyValues } from '../../model/due-keys.js';
import type { TaskRow, TaskStateRow } from '../../persistence/codec.interface.js';
import type { DueFilter } from '../selection.interface.js';

/**
 * What the scripts have to know of a task, as one text: `version nonce reservation columns`, a tab, and the task's member
 * of the due index, which is empty for a task that is never due. Version, nonce and reservation change with every write
 * and every reservation, so a write is guarded by them: see {@link guardOf}.
 */
export interface Place {
  readonly version: number;
  /** Unique to one write, so that a task that was deleted and added again is not taken for the one before. */
  readonly nonce: string;
  /** The token of the claimer that has it in hand; `-` for nobody. */
  readonly reservation: string;
  readonly columns: string;
  readonly member: string;
}

/** The columns of a state that queries filter and sort by. */
export type PlaceColumns = Pick<TaskStateRow, 'paused' | 'running' | 'finished' | 'nextRunTime' | 'dueAt'>;

/** The queue of records that could not be read: of a codec that no process asks for, so that they are in nobody's way. */
export const PARKED_QUEUE = `0 !${' -'.repeat(DUE_KEY_NAMES.length)} ""`;

/** When a record that could not be read is looked at again, in milliseconds. */
export const PARK_MS = 60_000;

const NOBODY = '-';

/** The characters of a member behind its queue, the id apart: newline, time, newline. */
const TIME_LENGTH = 19;

/** A value of `TaskRow.codec` as queues are named by it: without a space. */
export function codecName(codec: string): string {
  return encodeURIComponent(codec);
}

/** A text of the user's as JSON: without a newline, and never the beginning of another one. */
export function quoted(text: string): string {
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

/** Which queues are asked for, by the texts that they are named by. */
export interface QueueFilter {
  readonly codecs: readonly string[];
  /** null for all. */
  readonly handlers: readonly string[] | null;
  /** The values that are left out, of every due key. */
  readonly except: Readonly<Record<DueKey, readonly string[]>>;
}

/** @param readable The values of `TaskRow.codec` that this process can read. */
export function queueFilter(readable: readonly string[], filter: DueFilter): QueueFilter {
  const { handlers, except = {} } = filter;
  return {
    codecs: readable.map(codecName),
    handlers: handlers && handlers.map(quoted),
    except: byDueKey((key) => (except[key] ?? []).map(spaceless)),
  };
}

/** A time as text of one length whose byte order is the order of time, years before 1970 included. */
export function timeText(ms: number): string {
  const whole = Math.min(Math.max(Math.ceil(ms), -MAX_TIME), MAX_TIME);
  return whole < 0 ? `0${String(whole + MAX_TIME).padStart(16, '0')}` : `1${String(whole).padStart(16, '0')}`;
}

/** What names the queue that a task waits in. */
export type QueueColumns = Pick<TaskRow, 'handler' | 'priority' | 'codec'> & DueKeyValues;

/** A task's member of the due index. */
export function memberOf(id: string, columns: QueueColumns, dueAt: number | null): string {
  return dueAt === null ? '' : `${queueName(columns)}\n${timeText(dueAt)}\n${id}`;
}

/** Queues are few and named with every write. */
const queueNames = new Map<string, string>();

function queueName(columns: QueueColumns): string {
  const { handler, priority, codec } = columns;
  const words = dueKeyWords(columns);
  const key = `${priority} ${codec}${words} ${handler}`;
  let name = queueNames.get(key);
  if (name === undefined) {
    if (queueNames.size > 1_000) queueNames.clear();
    name = `${priority} ${codecName(codec)}${words} ${quoted(handler)}`;
    queueNames.set(key, name);
  }
  return name;
}

/** The member of a record that cannot be read, to be looked at again at `retryAt`. */
export function parkedMember(id: string, retryAt: number): string {
  return `${PARKED_QUEUE}\n${timeText(retryAt)}\n${id}`;
}

function placeText({ version, nonce, reservation, columns, member }: Place): string {
  return `${version} ${nonce} ${reservation} ${columns}\t${member}`;
}

/** The place of a task that is written. */
export function writtenPlace(row: TaskStateRow, nonce: string, member: string): string {
  return placeText({ version: row.version, nonce, reservation: NOBODY, columns: columnsText(row), member });
}

/** The same record at another place of the index, in nobody's hand. */
export function movedPlace(place: string, member: string): string {
  return placeText({ ...splitPlace(place), reservation: NOBODY, member });
}

/** What the script `RESERVE` makes of a place. */
export function reservedPlace(place: string, id: string, reservation: string, untilTime: number): string {
  const parts = splitPlace(place);
  const queue = parts.member.slice(0, -(id.length + TIME_LENGTH));
  return placeText({ ...parts, reservation, member: `${queue}\n${timeText(untilTime)}\n${id}` });
}

/** The beginning of a place that changes with every write. */
export function guardOf(place: string): string {
  const [version, nonce, reservation] = place.split(' ', 3);
  return `${version} ${nonce} ${reservation} `;
}

function splitPlace(place: string): Place {
  const tab = place.indexOf('\t');
  const [version, nonce, reservation, columns] = place.slice(0, tab).split(' ');
  return {
    version: Number(version),
    nonce: nonce!,
    reservation: reservation!,
    columns: columns!,
    member: place.slice(tab + 1),
  };
}

function columnsText({ paused, running, finished, nextRunTime, dueAt }: PlaceColumns): string {
  return [paused ? 1 : 0, running, finished ? 1 : 0, nextRunTime ?? '-', dueAt ?? '-'].join(',');
}

const HEAD = /^(\d+) \S+ \S+ ([01]),(\d+),([01]),(-|-?[\d.e+]+),(-|-?[\d.e+]+)\t/;

/** Version and columns; null when the text is damaged. */
export function readPlace(place: string | null): (PlaceColumns & { readonly version: number }) | null {
  const head = place === null ? null : HEAD.exec(place);
  if (!head) return null;
  const [, version, paused, running, finished, nextRunTime, dueAt] = head;
  return {
    version: Number(version),
    paused: paused === '1',
    running: Number(running),
    finished: finished === '1',
    nextRunTime: timeColumn(nextRunTime!),
    dueAt: timeColumn(dueAt!),
  };
}

function timeColumn(text: string): number | null {
  return text === '-' ? null : Number(text);
}
