import { crc32 } from 'node:zlib';
import type { TaskLease } from '../../model/task.js';
import type { JournalRow, RunRow, TaskRow, TaskStateRow } from '../../persistence/codec.interface.js';
import { Breather } from './breather.js';
import type { FileSignature } from './durable.fs.js';
import { formatEntry } from './entry-line.format.js';
import { formatRun } from './run-line.format.js';

/**
 * The lines of the journal. Each begins with a letter and a tab:
 *
 *     P  a task as a whole: its columns, its state, its definition
 *     S  the state of a task that the journal has as a whole
 *     T  tasks that were taken, with the lease that they are under
 *     R  files of tasks that were removed
 *     H  an ended run
 *     J  an entry of the journal of tasks
 *     B  files that are about to be written or removed, so that the journal need not have them any longer
 *     F  files that were, with the signature of each; null for one that was removed
 *
 * What one step changes is a group: a line that says how many bytes follow, and what their checksum is. A group counts as a
 * whole or not at all.
 */
export interface JournalReader {
  put(row: TaskRow, filed: FileSignature | null): void;
  state(row: TaskStateRow): void;
  take(taken: TakenLine): void;
  remove(file: string, filed: FileSignature | null): void;
  /** Whether {@link run} is called: nobody but a start under another kernel needs them. */
  readonly wantsRuns: boolean;
  run(run: RunRow): void;
  entry(row: JournalRow): void;
  /** What was read before is over: a new journal begins. */
  renewed(): void;
  begin(files: readonly string[]): void;
  filed(files: readonly FiledFile[]): void;
}

/** A file, and what it is now; null for one that is gone. */
export type FiledFile = readonly [file: string, signature: FileSignature | null];

/** Tasks that one scheduler has taken at the same time. */
export interface TakenLine extends Pick<TaskLease, 'owner' | 'at' | 'until'> {
  readonly tasks: readonly TakenEntry[];
}

/** What a taking made of a task: its version, and what of its lease is its own. */
export type TakenEntry = readonly [id: string, version: number, token: number, attempt: number];

/** The first line of a journal. */
export interface JournalHeader {
  /** Each journal has one more than the one before. */
  readonly journal: number;
  /** The running kernel: what another one has written may not be on the disk, but for the journal. */
  readonly realm: string;
}

/** What stands above the lines of a group. */
export interface GroupHeader {
  /** Counts the groups of a journal, from 1. */
  readonly group: number;
  /** How long its lines are, in bytes. */
  readonly bytes: number;
  /** Their checksum, as hexadecimal text. */
  readonly check: string;
}

/** How long a first line, or that of a group, may be, in bytes. */
export const LONGEST_HEADER = 512;

export function formatPut(row: TaskRow, filed: FileSignature | null): string {
  const { definition, state, ...columns } = row;
  return `P\t${JSON.stringify({ ...columns, filed })}\t${onOneLine(state)}\t${onOneLine(definition)}\n`;
}

export function formatState({ state, ...columns }: TaskStateRow): string {
  return `S\t${JSON.stringify(columns)}\t${onOneLine(state)}\n`;
}

export function formatTake(taken: TakenLine): string {
  return `T\t${JSON.stringify(taken)}\n`;
}

export function formatRemoval(file: string, filed: FileSignature | null): string {
  return `R\t${JSON.stringify([file, filed])}\n`;
}

export function formatEnded(run: RunRow): string {
  return `H\t${formatRun(run)}`;
}

export function formatNote(row: JournalRow): string {
  return `J\t${formatEntry(row)}`;
}

export function formatBegin(files: readonly string[]): string {
  return `B\t${JSON.stringify(files)}\n`;
}

export function formatFiled(files: readonly FiledFile[]): string {
  return `F\t${JSON.stringify(files)}\n`;
}

/** A group as it is appended. */
export function formatGroup(group: number, lines: string): Buffer {
  const body = Buffer.from(lines);
  const head = Buffer.from(`${JSON.stringify({ group, bytes: body.length, check: checkOf(group, body) })}\n`);
  return Buffer.concat([head, body]);
}

/** Whether the lines of a group are as they were written. */
export function isWhole({ group, bytes, check }: GroupHeader, lines: Buffer): boolean {
  return lines.length === bytes && checkOf(group, lines) === check;
}

/** With the number in it, so that a group in the place of another one is none. */
function checkOf(group: number, lines: Buffer): string {
  return crc32(lines, group % 2 ** 32).toString(16);
}

/** Reads a first line, or that of a group; null when it is neither. */
export function parseHeader<T extends JournalHeader | GroupHeader>(text: string, field: keyof T & string): T | null {
  try {
    const header = JSON.parse(text) as T | null;
    return Number.isSafeInteger(header?.[field]) ? header : null;
  } catch {
    return null;
  }
}

/**
 * Reads the lines of a whole group.
 *
 * @throws SyntaxError When a line is none. With a checksum that is right, only another version has written that.
 */
export async function readLines(text: string, reader: JournalReader): Promise<void> {
  const breather = new Breather();
  for (let start = 0; start < text.length;) {
    await breather.breathe();
    const end = text.indexOf('\n', start);
    readLine(text[start]!, text.slice(start + 2, end), reader);
    start = end + 1;
  }
}

function readLine(kind: string, line: string, reader: JournalReader): void {
  switch (kind) {
    case 'P': {
      const [columns, state, definition] = line.split('\t');
      const { filed, ...rest } = JSON.parse(columns!) as TaskRow & { filed: FileSignature | null };
      return reader.put({ ...rest, state: state!, definition: definition! }, filed);
    }
    case 'S': {
      const [columns, state] = line.split('\t');
      return reader.state({ ...(JSON.parse(columns!) as TaskStateRow), state: state! });
    }
    case 'T':
      return reader.take(JSON.parse(line) as TakenLine);
    case 'R':
      return reader.remove(...(JSON.parse(line) as [string, FileSignature | null]));
    case 'H':
      if (reader.wantsRuns) reader.run(JSON.parse(line) as RunRow);
      return;
    case 'J':
      return reader.entry(JSON.parse(line) as JournalRow);
    case 'B':
      return reader.begin(JSON.parse(line) as string[]);
    case 'F':
      return reader.filed(JSON.parse(line) as FiledFile[]);
    default:
      throw new SyntaxError(`There is no line ${JSON.stringify(kind)} in a journal.`);
  }
}

/** JSON has line breaks and tabs only between its values, where they mean nothing. */
function onOneLine(json: string): string {
  return /[\n\t]/.test(json) ? JSON.stringify(JSON.parse(json)) : json;
}
