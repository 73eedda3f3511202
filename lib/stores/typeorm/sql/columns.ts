import { byDueKey, DUE_KEY_NAMES, withDueKeys } from '../../../model/due-keys.js';
import type { DueExcept, DueKey } from '../../../model/due-keys.js';
import type { RunSource, RunStatus } from '../../../model/run.js';
import type { TaskLease } from '../../../model/task.js';
import type { RunRow, TaskRow, TaskStateRow } from '../../../persistence/codec.interface.js';
import { toNullableNumber, toNumber } from './sql.js';

/**
 * What kind of values a column holds. Each dialect says which type of its own that is: `key` is compared byte by byte,
 * `limitKey` is a short one, `text` has any length, `long` holds 64 bits, such as milliseconds since the epoch.
 */
export type ColumnKind = 'key' | 'limitKey' | 'runKey' | 'label' | 'text' | 'integer' | 'long' | 'flag';

/** The values that are left out, of every key. */
export type StorableExcept = Readonly<Record<DueKey, readonly string[]>>;

export interface Column {
  readonly name: string;
  readonly kind: ColumnKind;
  readonly nullable?: boolean;
  /** Whether it is null without a lease, where a change of null into a value costs no more than any other. */
  readonly ofLease?: boolean;
}

/** The columns of the due keys. Claims walk over what they leave out, but for groups and keys, which have an index of their own. */
export const DUE_KEY_COLUMNS = {
  // Not by its own name, which is a word of SQL.
  group: { name: 'task_group', kind: 'key' },
  // Nor this one.
  key: { name: 'limit_key', kind: 'limitKey' },
  executor: { name: 'executor', kind: 'label' },
} as const satisfies Readonly<Record<DueKey, Column>>;

/** Stands in a column for a value that is null: SQL's own NULL is neither one of some values nor none of them. */
const NONE = '';

/** The columns that a taking writes; it writes nothing else. No index has one of them, or each taking would write into it. */
export const TAKEN_COLUMNS = [
  { name: 'version', kind: 'long' },
  { name: 'last_token', kind: 'long' },
  { name: 'lease_token', kind: 'long', nullable: true, ofLease: true },
  { name: 'lease_at', kind: 'long', nullable: true, ofLease: true },
  { name: 'lease_until', kind: 'long', nullable: true, ofLease: true },
  { name: 'lease_attempt', kind: 'integer', nullable: true, ofLease: true },
  { name: 'running', kind: 'integer' },
  { name: 'lease_owner', kind: 'label', nullable: true, ofLease: true },
] as const satisfies readonly Column[];

/** The columns of the task table, in the order in which {@link taskValues} gives them. */
export const TASK_COLUMNS = [
  { name: 'id', kind: 'key' },
  { name: 'due_at', kind: 'long', nullable: true },
  { name: 'next_run_time', kind: 'long', nullable: true },
  { name: 'priority', kind: 'integer' },
  { name: 'paused', kind: 'flag' },
  { name: 'finished', kind: 'flag' },
  { name: 'disabled', kind: 'flag' },
  { name: 'start_task', kind: 'flag' },
  // Side by side, since PostgreSQL logs of a row that was changed all from the first byte that differs to the last.
  ...TAKEN_COLUMNS,
  // In front of what is long: SQLite reads a row up to the last column that a condition is about.
  { name: 'codec', kind: 'label' },
  { name: 'handler', kind: 'key' },
  ...DUE_KEY_NAMES.map((key) => DUE_KEY_COLUMNS[key]),
  { name: 'trigger_type', kind: 'label' },
  { name: 'name', kind: 'label' },
  { name: 'tags', kind: 'text' },
  { name: 'search', kind: 'text' },
  { name: 'state', kind: 'text' },
  { name: 'definition', kind: 'text' },
] as const satisfies readonly Column[];

/** The columns that a change of a task's state writes, in the order in which {@link stateValues} gives them. */
export const STATE_COLUMNS = [
  'id',
  'due_at',
  'next_run_time',
  'paused',
  'finished',
  ...TAKEN_COLUMNS.map(({ name }) => name),
  'state',
] as const;

/**
 * The columns of the run table, in the order in which {@link runValues} gives them. The first four are its key: it begins with
 * the time, so that what has ended is put at the end of the key's index.
 */
export const RUN_COLUMNS = [
  { name: 'ended_at', kind: 'long' },
  { name: 'id', kind: 'runKey' },
  { name: 'attempt', kind: 'integer' },
  { name: 'token', kind: 'long' },
  { name: 'task_id', kind: 'key' },
  { name: 'handler', kind: 'key' },
  { name: 'source', kind: 'label' },
  { name: 'scheduled_time', kind: 'long' },
  { name: 'status', kind: 'label' },
  { name: 'owner', kind: 'label', nullable: true },
  { name: 'started_at', kind: 'long', nullable: true },
  { name: 'coalesced', kind: 'long' },
  { name: 'dead', kind: 'flag' },
  { name: 'outcome', kind: 'text', nullable: true },
] as const satisfies readonly Column[];

/** The key of the run table. A run that is written again has ended at the same time. */
export const RUN_KEY = ['ended_at', 'id', 'attempt', 'token'] as const;

/** The columns of the journal's table. Its key is the id, which begins with the time. */
export const JOURNAL_COLUMNS = [
  { name: 'id', kind: 'key' },
  { name: 'entry_time', kind: 'long' },
  { name: 'kind', kind: 'label' },
  { name: 'task_id', kind: 'key', nullable: true },
  { name: 'scheduler', kind: 'label' },
  { name: 'actor', kind: 'label', nullable: true },
  { name: 'body', kind: 'text' },
] as const satisfies readonly Column[];

/** The columns of the scheduler table. */
export const SCHEDULER_COLUMNS = [
  { name: 'scheduler', kind: 'key' },
  { name: 'heartbeat_at', kind: 'long' },
  { name: 'data', kind: 'text' },
] as const satisfies readonly Column[];

/** The column of what is read back that says how many bytes its texts have. */
export const BYTES = 'text_bytes';

/** Separates the parts of `search`, and sorts before all that people write. */
const UNIT = '\u001f';

/**
 * Text as every database keeps it: PostgreSQL has no NUL, and none has half a surrogate pair. Only for columns that are
 * searched and shown; the definition keeps the exact text.
 */
export function storable(text: string): string {
  return text.replace(/[\0\p{Surrogate}]/gu, '');
}

/** What is left out, by key, as columns have it. A text that nothing storable is left of would be {@link NONE}. */
export function storableExcept(except: DueExcept = {}): StorableExcept {
  return byDueKey((key) => (except[key] ?? []).map(storable).filter((value) => value !== NONE));
}

/** Whether a database can have an id. One that it cannot have is not there. */
export function isStorable(id: string): boolean {
  return storable(id) === id;
}

/**
 * What a search for text looks through, in lower case: databases differ in which letters they know. It begins with name
 * and id, so that it also sorts by name, ties by id.
 */
function searchText({ id, name, handler, trigger, executor }: TaskRow): string {
  const key = storable(name).toLowerCase();
  return [key, id, storable([id, handler, trigger, executor].join(UNIT).toLowerCase())].join(UNIT);
}

/** What the tags column has for each tag; found again exactly, since JSON escapes line breaks. */
export function tagText(tag: string): string {
  return `\n${JSON.stringify(tag)}\n`;
}

function tagsText(tags: readonly string[]): string {
  return tags.length === 0 ? '' : `\n${tags.map((tag) => JSON.stringify(tag)).join('\n')}\n`;
}

/** A task's row as values in the order of {@link TASK_COLUMNS}. */
export function taskValues(row: TaskRow): unknown[] {
  return [
    row.id,
    row.dueAt,
    row.nextRunTime,
    row.priority,
    row.paused,
    row.finished,
    row.disabled,
    row.startTask ?? false,
    ...takenValues(row),
    row.codec,
    storable(row.handler),
    ...DUE_KEY_NAMES.map((key) => storable(row[key] ?? NONE)),
    storable(row.trigger),
    storable(row.name),
    tagsText(row.tags),
    searchText(row),
    row.state,
    row.definition,
  ];
}

/** The values of {@link STATE_COLUMNS}. */
export function stateValues(row: TaskStateRow): unknown[] {
  return [row.id, row.dueAt, row.nextRunTime, row.paused, row.finished, ...takenValues(row), row.state];
}

/** The values of the columns that a taking writes. */
function takenValues({ version, lastToken = 0, lease, running }: TaskStateRow): unknown[] {
  return lease
    ? [version, lastToken, lease.token, lease.at, lease.until, lease.attempt, running, storable(lease.owner)]
    : [version, lastToken, null, null, null, null, running, null];
}

function leaseOf(record: Readonly<Record<string, unknown>>): TaskLease | null {
  const token = toNullableNumber(record.lease_token);
  // 0 where the columns are never null.
  if (token === null || token === 0) return null;
  return {
    owner: String(record.lease_owner).replace(/\0+$/, ''),
    token,
    at: toNumber(record.lease_at),
    attempt: toNumber(record.lease_attempt),
    until: toNumber(record.lease_until),
  };
}

/** A text that conditions are about. What SQLite keeps as bytes is no text to it: no condition finds it, nor here. */
function textOf(value: unknown): string {
  return value instanceof Uint8Array ? '(bytes)' : String(value);
}

/** How many bytes there are of texts that were left out; undefined when all are there. */
function oversizeOf(record: Readonly<Record<string, unknown>>, ...texts: readonly string[]): { oversize?: number } {
  return texts.some((name) => record[name] === '') ? { oversize: toNumber(record[BYTES]) } : {};
}

/** A record of the task table as the codec reads it. */
export function taskRow(record: Readonly<Record<string, unknown>>): TaskRow {
  const tags = String(record.tags);
  const row: Omit<TaskRow, DueKey> = {
    id: String(record.id),
    name: textOf(record.name),
    handler: textOf(record.handler),
    trigger: textOf(record.trigger_type),
    tags: tags === '' ? [] : tags.split('\n').filter(Boolean).map(readTag),
    priority: toNumber(record.priority),
    disabled: Boolean(Number(record.disabled)),
    paused: Boolean(Number(record.paused)),
    running: toNumber(record.running),
    finished: Boolean(Number(record.finished)),
    nextRunTime: toNullableNumber(record.next_run_time),
    dueAt: toNullableNumber(record.due_at),
    version: toNumber(record.version),
    lastToken: toNumber(record.last_token),
    lease: leaseOf(record),
    codec: textOf(record.codec),
    definition: String(record.definition),
    state: String(record.state),
    ...oversizeOf(record, 'definition', 'state'),
  };
  return withDueKeys(row, (key) => {
    const value = record[DUE_KEY_COLUMNS[key].name];
    return value === NONE ? null : textOf(value);
  }) as TaskRow;
}

/** Never throws: a hand that has been in the table must not stop the reading of others. */
function readTag(text: string): string {
  try {
    return String(JSON.parse(text));
  } catch {
    return text;
  }
}

/** An ended run's row as values in the order of {@link RUN_COLUMNS}. */
export function runValues(row: RunRow): unknown[] {
  return [
    row.endedAt,
    row.id,
    row.attempt,
    row.token,
    row.taskId,
    storable(row.handler),
    row.source,
    row.scheduledTime,
    row.status,
    row.owner === null ? null : storable(row.owner),
    row.startedAt,
    row.coalesced,
    row.dead,
    row.outcome,
  ];
}

/** A record of the run table as the codec reads it. */
export function runRow(record: Readonly<Record<string, unknown>>): RunRow {
  return {
    id: String(record.id),
    attempt: toNumber(record.attempt),
    token: toNumber(record.token),
    taskId: String(record.task_id),
    handler: String(record.handler),
    source: record.source as RunSource,
    scheduledTime: toNumber(record.scheduled_time),
    status: record.status as RunStatus,
    owner: record.owner === null || record.owner === undefined ? null : String(record.owner),
    startedAt: toNullableNumber(record.started_at),
    endedAt: toNumber(record.ended_at),
    coalesced: toNumber(record.coalesced),
    dead: Boolean(Number(record.dead)),
    // Left out when it is empty, as it is never written.
    outcome: record.outcome === null || record.outcome === undefined ? null : String(record.outcome) || null,
    ...oversizeOf(record, 'outcome'),
  };
}
