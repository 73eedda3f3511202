import { byDueKey, DUE_KEY_NAMES, withDueKeys } from '../../../model/due-keys.js';
import type { DueExcept, DueKey } from '../../../model/due-keys.js';
import type { RunSource, RunStatus } from '../../../model/run.js';
import type { TaskLease } from '../../../model/task.js';
import type { RunRow, TaskRow, TaskStateRow } from '../../../persistence/codec.interface.js';
import { toNullableNumber, toNumber } from './sql.js';

/**
 * What kind of values a column holds. Each dialect says which type of its own that is: `key` is compared byte by byte,
 * `text` has any length, `long` holds 64 bits, such as milliseconds since the epoch.
 */
export type ColumnKind = 'key' | 'runKey' | 'label' | 'text' | 'integer' | 'long' | 'flag';

/** The values that are left out, of every key. */
export type StorableExcept = Readonly<Record<DueKey, readonly string[]>>;

export interface Column {
  readonly name: string;
  readonly kind: ColumnKind;
  readonly nullable?: boolean;
}

/** The columns of the due keys. Claims walk over what they leave out, but for groups, which have an index of their own. */
export const DUE_KEY_COLUMNS = {
  // Not by its own name, which is a word of SQL.
  group: { name: 'task_group', kind: 'key' },
  executor: { name: 'executor', kind: 'label' },
} as const satisfies Readonly<Record<DueKey, Column>>;

/** Stands in a column for a value that is null: SQL's own NULL is neither one of some values nor none of them. */
const NONE = '';

/** The columns of the task table, in the order in which {@link taskValues} gives them. */
export const TASK_COLUMNS = [
  { name: 'id', kind: 'key' },
  { name: 'name', kind: 'label' },
  { name: 'handler', kind: 'key' },
  // In front of what is long: SQLite reads a row up to the last column that a condition is about.
  ...DUE_KEY_NAMES.map((key) => DUE_KEY_COLUMNS[key]),
  { name: 'trigger_type', kind: 'label' },
  { name: 'disabled', kind: 'flag' },
  { name: 'start_task', kind: 'flag' },
  { name: 'tags', kind: 'text' },
  { name: 'search', kind: 'text' },
  { name: 'priority', kind: 'integer' },
  { name: 'paused', kind: 'flag' },
  { name: 'running', kind: 'integer' },
  { name: 'finished', kind: 'flag' },
  { name: 'next_run_time', kind: 'long', nullable: true },
  { name: 'due_at', kind: 'long', nullable: true },
  { name: 'version', kind: 'long' },
  { name: 'last_token', kind: 'long' },
  { name: 'codec', kind: 'label' },
  { name: 'definition', kind: 'text' },
  { name: 'state', kind: 'text' },
  // A claim that takes a task writes these, and not the text of its state.
  { name: 'lease_owner', kind: 'label', nullable: true },
  { name: 'lease_token', kind: 'long', nullable: true },
  { name: 'lease_attempt', kind: 'integer', nullable: true },
  { name: 'lease_at', kind: 'long', nullable: true },
  { name: 'lease_until', kind: 'long', nullable: true },
] as const satisfies readonly Column[];

/** The columns that a change of a task's state writes, in the order in which {@link stateValues} gives them. */
export const STATE_COLUMNS = [
  'id',
  'paused',
  'running',
  'finished',
  'next_run_time',
  'due_at',
  'version',
  'last_token',
  'state',
  'lease_owner',
  'lease_token',
  'lease_attempt',
  'lease_at',
  'lease_until',
] as const;

/** The columns of the run table, in the order in which {@link runValues} gives them. The first three are its key. */
export const RUN_COLUMNS = [
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
  { name: 'ended_at', kind: 'long' },
  { name: 'coalesced', kind: 'long' },
  { name: 'dead', kind: 'flag' },
  { name: 'outcome', kind: 'text', nullable: true },
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
    storable(row.name),
    storable(row.handler),
    ...DUE_KEY_NAMES.map((key) => storable(row[key] ?? NONE)),
    storable(row.trigger),
    row.disabled,
    row.startTask ?? false,
    tagsText(row.tags),
    searchText(row),
    row.priority,
    row.paused,
    row.running,
    row.finished,
    row.nextRunTime,
    row.dueAt,
    row.version,
    row.lastToken ?? 0,
    row.codec,
    row.definition,
    row.state,
    ...leaseValues(row),
  ];
}

/** The values of {@link STATE_COLUMNS}. */
export function stateValues(row: TaskStateRow): unknown[] {
  return [
    row.id,
    row.paused,
    row.running,
    row.finished,
    row.nextRunTime,
    row.dueAt,
    row.version,
    row.lastToken ?? 0,
    row.state,
    ...leaseValues(row),
  ];
}

function leaseValues({ lease }: Pick<TaskStateRow, 'lease'>): unknown[] {
  return lease
    ? [storable(lease.owner), lease.token, lease.attempt, lease.at, lease.until]
    : [null, null, null, null, null];
}

function leaseOf(record: Readonly<Record<string, unknown>>): TaskLease | null {
  const token = toNullableNumber(record.lease_token);
  if (token === null) return null;
  return {
    owner: String(record.lease_owner),
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
    row.endedAt,
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
