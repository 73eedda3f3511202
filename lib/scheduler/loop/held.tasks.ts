import type { TaskRecord } from '../../model/task.js';
import type { KnownRecords } from './end.step.js';

interface Held {
  record: TaskRecord;
  holders: number;
}

/**
 * The tasks of which this process holds a run, each as it was read or written here last. What holds a run knows its task, so
 * the end of the run need not read it: see `endRunsIn`.
 */
export class HeldTasks implements KnownRecords {
  readonly #held = new Map<string, Held>();

  /** A run of the task is held from now on. */
  hold(record: TaskRecord): void {
    const held = this.#held.get(record.id);
    if (held) held.holders += 1;
    else this.#held.set(record.id, { record, holders: 1 });
    this.note(record);
  }

  /** A run of the task is not held any more. */
  release(taskId: string): void {
    const held = this.#held.get(taskId);
    if (!held) return;
    held.holders -= 1;
    if (held.holders === 0) this.#held.delete(taskId);
  }

  /** Answers come in any order: the newest version counts. A task that was removed and added again has larger tokens. */
  note(record: TaskRecord): void {
    const held = this.#held.get(record.id);
    if (held && isNewer(record, held.record)) held.record = record;
  }

  recordOf(taskId: string): TaskRecord | undefined {
    return this.#held.get(taskId)?.record;
  }
}

function isNewer(a: TaskRecord, b: TaskRecord): boolean {
  return a.state.lastToken > b.state.lastToken || (a.state.lastToken === b.state.lastToken && a.version > b.version);
}
