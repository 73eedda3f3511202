import { standOf, standUnder } from '../../model/change.js';
import type { TakenTask, TaskStand } from '../../model/change.js';
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
  /** The stand of the task in the store. */
  readonly stand: TaskStand;
  /** What was taken, while the claim is not written. */
  readonly taken: TakenTask | null;
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
   * @param taken What was taken, where the claim is not written yet.
   */
  hold(record: TaskRecord, taken: TakenTask | null = null): void {
    const held = this.#held.get(record.id);
    const stand = taken ? standUnder(taken) : standOf(record);
    if (held && !isNewer(stand, held.stand)) held.holders += 1;
    else this.#held.set(record.id, { record, stand, taken, holders: (held?.holders ?? 0) + 1 });
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
    const stand = standOf(record);
    if (!held || !isNewer(stand, held.stand)) return;
    // Still under the lease of the taking: this was another change, and the claim is not in it.
    if (held.taken && record.state.lease?.token === held.taken.lease.token) return;
    this.#held.set(record.id, { record, stand, taken: null, holders: held.holders });
    if (held.taken) this.onWritten(record);
  }

  of(taskId: string): KnownRecord | undefined {
    return this.#held.get(taskId);
  }

  /** Whether the claim of a run of the task is not written yet. */
  isUnwritten(taskId: string): boolean {
    return (this.#held.get(taskId)?.taken ?? null) !== null;
  }

  adopted(task: TaskRecord): TaskRecord {
    const held = this.#held.get(task.id);
    if (!held?.taken || task.state.lease?.token !== held.taken.lease.token) return task;
    return adoptClaim(task, held.taken, held.record);
  }
}

/** A task that was removed and added again has larger tokens. */
function isNewer(a: TaskStand, b: TaskStand): boolean {
  return a.lastToken > b.lastToken || (a.lastToken === b.lastToken && a.version > b.version);
}
