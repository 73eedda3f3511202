import { standOf, standUnder } from '../../model/change.js';
import type { TakenTask, TaskStand } from '../../model/change.js';
import type { LeaseRef } from '../../model/run.js';
import type { TaskRecord } from '../../model/task.js';
import { adoptClaim } from '../plan/take.plan.js';
import type { HeldRun } from './held.run.js';
import type { RunOrigin } from './run.origin.js';

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
  /** Whether the task is simple, and nothing has happened to it since it was taken: see `isSimple`. */
  readonly isSimple: boolean;
}

class HeldTask implements KnownRecord {
  readonly runs: HeldRun[];
  #origin: Pick<RunOrigin, 'record' | 'simpleSince'>;

  constructor(
    run: HeldRun,
    public stand: TaskStand,
    public taken: TakenTask | null,
  ) {
    this.runs = [run];
    this.#origin = run;
  }

  get record(): TaskRecord {
    return this.#origin.record;
  }

  get isSimple(): boolean {
    return this.#origin.simpleSince !== null && this.runs.length === 1;
  }

  set(record: TaskRecord, stand: TaskStand, taken: TakenTask | null): void {
    this.#origin = { record, simpleSince: null };
    this.stand = stand;
    this.taken = taken;
  }
}

/** The runs whose lease this process renews: those that were started, until the store has taken their ends. */
export interface StartedRuns extends Iterable<HeldRun> {
  readonly size: number;
  has(run: HeldRun): boolean;
  /** The run of a lease; undefined when it is not among them. */
  find(lease: LeaseRef): HeldRun | undefined;
}

/**
 * The runs that this process holds, and their tasks, each as it was read or written here last. What holds a run knows its task,
 * so the end of the run need not read it: see `EndBatch`.
 */
export class HeldTasks implements KnownRecords, StartedRuns {
  readonly #tasks = new Map<string, HeldTask>();
  #started = 0;

  /** @param onWritten A claim was written whose run had started without that: the task is not under its lease any more. */
  constructor(private readonly onWritten: (task: TaskRecord) => void = () => {}) {}

  /**
   * A run is held from now on.
   *
   * @param taken The task as it was taken, where the claim is not written yet.
   */
  hold(run: HeldRun, taken: TakenTask | null = null): void {
    const held = this.#tasks.get(run.taskId);
    const stand = taken ? standUnder(taken) : standOf(run.record);
    if (!held) {
      this.#tasks.set(run.taskId, new HeldTask(run, stand, taken));
      return;
    }
    held.runs.push(run);
    if (isNewer(stand, held.stand)) held.set(run.record, stand, taken);
  }

  /** The run is started, or given back without a start. */
  start(run: HeldRun): void {
    run.isStarted = true;
    this.#started += 1;
  }

  /** A run is not held any more. */
  release(run: HeldRun): void {
    const held = this.#tasks.get(run.taskId);
    const at = held ? held.runs.indexOf(run) : -1;
    if (at < 0) return;
    if (run.isStarted) this.#started -= 1;
    if (held!.runs.length === 1) this.#tasks.delete(run.taskId);
    else held!.runs.splice(at, 1);
  }

  /** How many tasks there are of which runs are held. */
  get taskCount(): number {
    return this.#tasks.size;
  }

  get size(): number {
    return this.#started;
  }

  has(run: HeldRun): boolean {
    return run.isStarted && this.#tasks.get(run.taskId)?.runs.includes(run) === true;
  }

  find({ taskId, runId, token }: LeaseRef): HeldRun | undefined {
    const run = this.#tasks.get(taskId)?.runs.find((one) => one.runId === runId && one.token === token);
    return run?.isStarted ? run : undefined;
  }

  *[Symbol.iterator](): Iterator<HeldRun> {
    for (const { runs } of this.#tasks.values()) for (const run of runs) if (run.isStarted) yield run;
  }

  /** Every run, those that are about to start among them. */
  *held(): Iterable<HeldRun> {
    for (const { runs } of this.#tasks.values()) yield* runs;
  }

  /** Answers come in any order: the newest version counts. */
  note(record: TaskRecord): void {
    const held = this.#tasks.get(record.id);
    if (!held) return;
    const stand = standOf(record);
    if (!isNewer(stand, held.stand)) return;
    const { taken } = held;
    // Still under the lease of the taking: this was another change, and the claim is not in it.
    if (taken && record.state.lease?.token === taken.lease.token) return;
    held.set(record, stand, null);
    if (taken) this.onWritten(record);
  }

  of(taskId: string): KnownRecord | undefined {
    return this.#tasks.get(taskId);
  }

  /** Whether the claim of a run of the task is not written yet. */
  isUnwritten(taskId: string): boolean {
    return (this.#tasks.get(taskId)?.taken ?? null) !== null;
  }

  /**
   * When the leases of the run were last known to hold that has waited longest for its claim to be written, on the monotonic
   * clock; Infinity when none waits. It is asked with each claim, and goes through all runs: a generator would cost more.
   */
  oldestUnwritten(): number {
    let oldest = Infinity;
    for (const { taken, runs } of this.#tasks.values()) {
      if (taken) for (const run of runs) if (run.isStarted && run.renewedAt < oldest) oldest = run.renewedAt;
    }
    return oldest;
  }

  adopted(task: TaskRecord): TaskRecord {
    const held = this.#tasks.get(task.id);
    if (!held?.taken || task.state.lease?.token !== held.taken.lease.token) return task;
    return adoptClaim(task, held.taken, held.record);
  }
}

/** A task that was removed and added again has larger tokens. */
function isNewer(a: TaskStand, b: TaskStand): boolean {
  return a.lastToken > b.lastToken || (a.lastToken === b.lastToken && a.version > b.version);
}
