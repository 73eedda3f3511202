import type { DueKeyValues } from '../../model/due-keys.js';
import type { StoredTask, UnreadableTask } from '../../model/task.js';
import type { TaskRow } from '../../persistence/codec.interface.js';
import type { DueEntry, DueLane } from '../due-index.js';
import type { FileSignature } from './durable.fs.js';

/** What is known of a task without its file being read: enough to find, sort and page. Plain JSON. */
export interface TaskSummary extends Omit<TaskRow, 'definition' | 'state'> {
  /** The name of its file, without the suffix. */
  readonly file: string;
  /** What the file is when this is true of it; null while it is being written. */
  readonly signature: FileSignature | null;
}

/** A file that cannot be read as a task, in the index. */
export interface UnreadableSummary {
  readonly file: string;
  readonly signature: FileSignature | null;
  readonly unreadable: UnreadableTask;
}

/** The summary of a row. */
export function summaryOf(row: TaskRow, file: string, signature: FileSignature | null): TaskSummary {
  const { definition: _definition, state: _state, ...columns } = row;
  return { file, ...columns, signature };
}

/** A file with its slot in the index of due times. */
export class IndexedTask implements DueEntry {
  heapSlot = -1;
  lane: DueLane | null = null;
  readonly id: string;
  readonly handler: string;
  readonly priority: number;
  /** Infinity for one that is never due; such a one is not in the index of due times. */
  readonly key: number;

  constructor(readonly summary: TaskSummary | UnreadableSummary) {
    const readable = 'unreadable' in summary ? null : summary;
    this.id = 'unreadable' in summary ? summary.unreadable.id : summary.id;
    this.handler = readable?.handler ?? '';
    this.priority = readable?.priority ?? 0;
    this.key = readable?.dueAt ?? Infinity;
  }

  /** Asked for by the index of due times alone, which has readable ones only. */
  get dueKeys(): DueKeyValues {
    return this.summary as TaskSummary;
  }

  get isStartTask(): boolean {
    return !('unreadable' in this.summary) && this.summary.startTask === true;
  }

  get file(): string {
    return this.summary.file;
  }

  get signature(): FileSignature | null {
    return this.summary.signature;
  }

  get unreadable(): UnreadableTask | null {
    return 'unreadable' in this.summary ? this.summary.unreadable : null;
  }
}

/** A task as far as filters and sort orders look at it. Its definition and state hold nothing else. */
export function taskFacts({ summary, unreadable }: IndexedTask): StoredTask {
  if (unreadable) return unreadable;
  const { id, version, name, handler, executor, trigger, tags, priority, disabled, ...state } = summary as TaskSummary;
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
