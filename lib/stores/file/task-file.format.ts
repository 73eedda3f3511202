import { createHash } from 'node:crypto';
import { DUE_KEY_NAMES } from '../../model/due-keys.js';
import type { UnreadableReason } from '../../model/task.js';
import type { TaskRow } from '../../persistence/codec.interface.js';

/** The version of the format; a file of a newer one is left alone. */
const FORMAT = 1;

/** What a file has besides definition and state, in bytes at the most: tags of any length, and what is of a length of its own. */
const COLUMN_BYTES = 1024 * 1024;

/** What a file may be large at the most, in bytes. */
export function largestFile(maxRecordBytes: number): number {
  return 2 * maxRecordBytes + COLUMN_BYTES;
}

type Check = (value: unknown) => boolean;

const isText: Check = (value) => typeof value === 'string';
const isTextOrNull: Check = (value) => value === null || isText(value);
const isFlag: Check = (value) => typeof value === 'boolean';
const isNumber: Check = (value) => Number.isFinite(value);
const isTime: Check = (value) => value === null || Number.isFinite(value);
/** The codec looks into it. */
const isLease: Check = (value) => typeof value === 'object';
const isTexts: Check = (value) => Array.isArray(value) && value.every(isText);

/** What a file says in clear, in the order of writing, one a line. */
const COLUMNS: readonly (readonly [keyof TaskRow, Check])[] = [
  ['id', isText],
  ['name', isText],
  ['handler', isText],
  ['trigger', isText],
  ['tags', isTexts],
  ['priority', isNumber],
  ['disabled', isFlag],
  ['startTask', isFlag],
  ...DUE_KEY_NAMES.map((key) => [key, isTextOrNull] as const),
  ['paused', isFlag],
  ['running', isNumber],
  ['finished', isFlag],
  ['nextRunTime', isTime],
  ['dueAt', isTime],
  ['version', isNumber],
  ['lastToken', isNumber],
  ['lease', isLease],
  ['codec', isText],
];

/** Those that are JSON text already; they are written as they are, so that a person can read them. */
const DOCUMENTS = ['state', 'definition'] as const;

const CHECKSUM_LENGTH = 32;
const CHECKSUM_HEAD = '  "checksum": "';
const CHECKSUM_TAIL = '"\n}\n';
const SEAL_LENGTH = CHECKSUM_HEAD.length + CHECKSUM_LENGTH + CHECKSUM_TAIL.length;

/** Why a file is not a task, with what can be made out all the same. */
export interface UnreadableFile {
  readonly unreadable: UnreadableReason;
  readonly message: string;
  readonly id: string | null;
  readonly handler: string | null;
  readonly nextRunTime: number | null;
}

/**
 * The text of a task's file: a JSON object with one field a line, and over everything a checksum, so that no single
 * changed byte passes, not even one of what is never encrypted.
 */
export function formatTaskFile(row: TaskRow): string {
  let text = `{\n  "format": ${FORMAT},\n`;
  for (const [column] of COLUMNS) text += `  "${column}": ${JSON.stringify(row[column])},\n`;
  for (const document of DOCUMENTS) text += `  "${document}": ${onOneLine(row[document])},\n`;
  return `${text}${CHECKSUM_HEAD}${checksumOf(text)}${CHECKSUM_TAIL}`;
}

/** Reads a task's file. Never throws. */
export function parseTaskFile(bytes: Buffer): TaskRow | UnreadableFile {
  try {
    const text = bytes.subarray(0, -SEAL_LENGTH).toString('utf8');
    const seal = bytes.subarray(-SEAL_LENGTH).toString('latin1');
    const expected = `${CHECKSUM_HEAD}${checksumOf(bytes.subarray(0, -SEAL_LENGTH))}${CHECKSUM_TAIL}`;
    return (seal === expected && parseLines(text)) || describeDamage(bytes);
  } catch {
    // Errors of parsers quote what they read.
    return unreadable('damaged', 'The file is not as it was written: a line of it is damaged.', {});
  }
}

function parseLines(text: string): TaskRow | null {
  const lines = text.split('\n');
  if (lines.length !== COLUMNS.length + DOCUMENTS.length + 3) return null;
  if (lines[0] !== '{' || lines[1] !== `  "format": ${FORMAT},` || lines.at(-1) !== '') return null;
  const row: Record<string, unknown> = {};
  for (const [at, [column, check]] of COLUMNS.entries()) {
    const value = JSON.parse(valueOf(lines[at + 2]!, column)) as unknown;
    if (!check(value)) return null;
    row[column] = value;
  }
  for (const [at, document] of DOCUMENTS.entries()) {
    row[document] = valueOf(lines[COLUMNS.length + 2 + at]!, document);
  }
  return row as unknown as TaskRow;
}

function valueOf(line: string, field: string): string {
  const head = `  "${field}": `;
  if (!line.startsWith(head) || !line.endsWith(',')) throw new SyntaxError(`The line of "${field}" is damaged.`);
  return line.slice(head.length, -1);
}

function describeDamage(bytes: Buffer): UnreadableFile {
  let content: unknown;
  try {
    content = JSON.parse(bytes.toString('utf8'));
  } catch {
    return unreadable('not-json', 'The file is not JSON.', {});
  }
  const fields = typeof content === 'object' && content !== null ? (content as Record<string, unknown>) : {};
  const { format } = fields;
  if (typeof format === 'number' && format > FORMAT) {
    return unreadable('unknown-version', `The file has format ${format}; this version reads ${FORMAT}.`, fields);
  }
  return unreadable('damaged', 'The file is not as it was written: its checksum does not match.', fields);
}

function unreadable(reason: UnreadableReason, message: string, fields: Record<string, unknown>): UnreadableFile {
  const { id, handler, nextRunTime } = fields;
  return {
    unreadable: reason,
    message,
    id: typeof id === 'string' ? id : null,
    handler: typeof handler === 'string' ? handler : null,
    nextRunTime: typeof nextRunTime === 'number' ? nextRunTime : null,
  };
}

function checksumOf(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex').slice(0, CHECKSUM_LENGTH);
}

function onOneLine(json: string): string {
  return json.includes('\n') ? JSON.stringify(JSON.parse(json)) : json;
}
