import type { DueKeyValues } from '../../model/due-keys.js';
import type { StoredTask, TaskLease, UnreadableTask } from '../../model/task.js';
import type { TaskRow } from '../../persistence/codec.interface.js';
import type { DueEntry, DueLane } from '../due-index.js';
import type { FileSignature } from './durable.fs.js';

/** What is known of a task without its record: enough to find, sort and page. Plain JSON. */
export type TaskColumns = Omit<TaskRow, 'definition' | 'state'>;

/** What an {@link IndexedTask} is made of. */
export interface IndexedTaskFields {
  /** The name of its file, without the suffix. */
  readonly file: string;
  /** null for what cannot be read. */
  readonly columns: TaskColumns | null;
  /** The record, as long as no file has it; null when the file has. */
  readonly row: TaskRow | null;
  /** What the file is when this is true of it. With a record that no file has: what the file is that it takes the place of, or null. */
  readonly signature: FileSignature | null;
  /** Why it cannot be read; null when it can. */
  readonly unreadable: UnreadableTask | null;
}

/** What the file of a task is, from before it is written until that is known. */
export const ABOUT_TO_BE_WRITTEN: FileSignature = '?';

/** The columns of a row. */
export function columnsOf(row: TaskRow): TaskColumns {
  const { definition: _definition, state: _state, ...columns } = row;
  return columns;
}

/** A row that shares nothing with what a caller may still change. */
export function ownRow(row: TaskRow): TaskRow {
  const { tags, lease } = row;
  return tags.length === 0 && !lease ? row : { ...row, tags: [...tags], ...(lease && { lease: { ...lease } }) };
}

/** A row under the lease of whoever has taken its task. */
export function takenRow(row: TaskRow, { owner, token, at, attempt, until }: TaskLease, version: number): TaskRow {
  return {
    ...row,
    version,
    lastToken: token,
    lease: { owner, token, at, attempt, until },
    running: row.lease ? row.running : row.running + 1,
    finished: false,
    dueAt: until,
  };
}

/** A task with its slot in the index of due times. */
export class IndexedTask implements DueEntry {
  heapSlot = -1;
  lane: DueLane | null = null;
  readonly file: string;
  readonly columns: TaskColumns | null;
  readonly row: TaskRow | null;
  readonly signature: FileSignature | null;
  readonly unreadable: UnreadableTask | null;
  readonly id: string;
  readonly handler: string;
  readonly priority: number;
  /** Infinity for one that is never due; such a one is not in the index of due times. */
  readonly key: number;

  constructor({ file, columns, row, signature, unreadable }: IndexedTaskFields) {
    this.file = file;
    this.columns = columns;
    this.row = row;
    this.signature = signature;
    this.unreadable = unreadable;
    this.id = unreadable?.id ?? columns!.id;
    this.handler = columns?.handler ?? '';
    this.priority = columns?.priority ?? 0;
    this.key = columns?.dueAt ?? Infinity;
  }

  /** One that can be read, and whose record is in no file yet. */
  static unfiled(file: string, row: TaskRow, signature: FileSignature | null): IndexedTask {
    return new IndexedTask({ file, columns: row, row, signature, unreadable: null });
  }

  /** The same, with some of it changed. */
  with(changed: Partial<IndexedTaskFields>): IndexedTask {
    const { file, columns, row, signature, unreadable } = this;
    return new IndexedTask({ file, columns, row, signature, unreadable, ...changed });
  }

  /** Asked for by the index of due times alone, which has readable ones only. */
  get dueKeys(): DueKeyValues {
    return this.columns!;
  }

  get isStartTask(): boolean {
    return this.columns?.startTask === true;
  }
}

/** A task as far as filters and sort orders look at it. Its definition and state hold nothing else. */
export function taskFacts({ columns, unreadable }: IndexedTask): StoredTask {
  if (!columns) return unreadable!;
  const { id, version, name, handler, executor, trigger, tags, priority, disabled, ...state } = columns;
  const declared = disabled ? { disabled } : null;
  return {
    id,
    version,
    definition: { id, name, handler, executor, trigger: { type: trigger }, tags, policies: { priority }, declared },
    state: {
      nextRunTime: state.nextRunTime,
      pause: state.paused ? { at: 0, reason: null, actor: null } : null,
      exhausted: state.finished,
      // It counts as running already.
      lease: null,
      live: Array.from({ length: state.running }, () => ({ status: 'running' })),
    },
  } as unknown as StoredTask;
}
