import type { TaskRecord } from '../../model/task.js';
import { adoptClaim } from '../plan/take.plan.js';

/** What the holder of runs knows of their tasks. */
export interface KnownRecords {
  /** What is known of a task; undefined when no run of it is held. */
  of(taskId: string): KnownRecord | undefined;
  /** Takes note of a task that this process has written. */
  note(task: TaskRecord): void;
  /** The task with the claim in it, where that is not written yet. */
  adopted(task: TaskRecord): TaskRecord;
}

/** A task as this process knows it. */
export interface KnownRecord {
  /** The task as this process has made it last. */
  readonly record: TaskRecord;
  /** The task as it is in the store: another one while the claim is not written. */
  readonly stored: TaskRecord;
}

interface Held extends KnownRecord {
  holders: number;
}

/**
 * The tasks of which this process holds a run, each as it was read or written here last. What holds a run knows its task, so
 * the end of the run need not read it: see `endRunsIn`.
 */
export class HeldTasks implements KnownRecords {
  readonly #held = new Map<string, Held>();

  /** @param onWritten A claim was written whose run had started without that: the task is not under its lease any more. */
  constructor(private readonly onWritten: (task: TaskRecord) => void = () => {}) {}

  /**
   * A run of the task is held from now on.
   *
   * @param stored The task as it was taken, where the claim is not written yet.
   */
  hold(record: TaskRecord, stored: TaskRecord = record): void {
    const held = this.#held.get(record.id);
    if (held && !isNewer(stored, held.stored)) held.holders += 1;
    else this.#held.set(record.id, { record, stored, holders: (held?.holders ?? 0) + 1 });
  }

  /** A run of the task is not held any more. */
  release(taskId: string): void {
    const held = this.#held.get(taskId);
    if (!held) return;
    held.holders -= 1;
    if (held.holders === 0) this.#held.delete(taskId);
  }

  /** Answers come in any order: the newest version counts. */
  note(record: TaskRecord): void {
    const held = this.#held.get(record.id);
    if (!held || !isNewer(record, held.stored)) return;
    // Still under the lease of the taking: this was another change, and the claim is not in it.
    if (held.record !== held.stored && record.state.lease?.token === held.stored.state.lease?.token) return;
    this.#held.set(record.id, { record, stored: record, holders: held.holders });
    if (held.record !== held.stored) this.onWritten(record);
  }

  of(taskId: string): KnownRecord | undefined {
    return this.#held.get(taskId);
  }

  /** Whether the claim of a run of the task is not written yet. */
  isUnwritten(taskId: string): boolean {
    const held = this.#held.get(taskId);
    return held !== undefined && held.record !== held.stored;
  }

  adopted(task: TaskRecord): TaskRecord {
    const held = this.#held.get(task.id);
    if (!held || held.record === held.stored || task.state.lease?.token !== held.stored.state.lease?.token) return task;
    return adoptClaim(task, held.stored, held.record);
  }
}

/** A task that was removed and added again has larger tokens. */
function isNewer(a: TaskRecord, b: TaskRecord): boolean {
  return a.state.lastToken > b.state.lastToken || (a.state.lastToken === b.state.lastToken && a.version > b.version);
}
