import type { RunRecord } from '../../model/run.js';
import { isUnreadable } from '../../model/task.js';
import type { TaskRecord } from '../../model/task.js';
import { CoalescedWork } from '../../stores/coalesced-work.js';
import type { FinishResult, RunResult, Store } from '../../stores/store.interface.js';
import type { WakeableWait } from '../../time/wait.js';

/** How many results one call of the store takes at the most. */
const BATCH = 500;

/** How many attempts of a run are looked through, from the last on, for one that was ended here. */
const LAST_ATTEMPTS = 20;

/** What the queue tells of its work. */
export interface FinishListener {
  settled(result: FinishResult): void;
  /** The store failed; the results are kept. Returns how long to wait before the next try, in milliseconds. */
  failed(error: unknown): number;
  worked(): void;
}

type FinishStore = Pick<Store, 'finishRuns' | 'runs' | 'lookupTask'>;

/**
 * Ends runs in batches: what ends while a batch is on its way goes with the next. Results are kept until the store has
 * taken or refused them, however long it is away.
 *
 * Where the answer to a call is lost, the store may have taken its results all the same, and refuses them when they are given
 * again. What the history has of such a run tells the one from the other.
 */
export class FinishQueue {
  #waiting: RunResult[] = [];
  /** The results of calls that failed: nobody knows whether the store has taken them. */
  readonly #unsure = new Set<string>();
  readonly #flushes = new CoalescedWork(() => this.#flush());
  #closed = false;

  constructor(
    private readonly store: FinishStore,
    private readonly pause: WakeableWait,
    private readonly listener: FinishListener,
  ) {}

  /** How many results the store has not taken yet. */
  get size(): number {
    return this.#waiting.length;
  }

  add(result: RunResult): void {
    this.#waiting.push(result);
    void this.#flushes.ask();
  }

  /** Resolves when all results are taken, or the queue was closed. */
  drained(): Promise<void> {
    return this.#flushes.drained();
  }

  /** Gives up what the store has not taken: leases run out, and another scheduler recovers the runs. */
  close(): void {
    this.#closed = true;
    this.pause.wake();
  }

  async #flush(): Promise<void> {
    // What ends in the same turn of the event loop goes in one batch.
    await Promise.resolve();
    while (this.#waiting.length > 0 && !this.#closed) {
      const batch = this.#waiting.slice(0, BATCH);
      try {
        const result = await this.#recognised(batch, await this.store.finishRuns(batch));
        const done = new Set([...result.settled, ...result.refused].map(keyOf));
        for (const key of done) this.#unsure.delete(key);
        this.#waiting = this.#waiting.filter((one) => !done.has(keyOf(one)));
        this.listener.settled(result);
        if (done.size > 0) this.listener.worked();
        else await this.pause.sleep(this.listener.failed(new Error('The store ended none of the runs.')));
      } catch (error) {
        for (const one of batch) this.#unsure.add(keyOf(one));
        await this.pause.sleep(this.listener.failed(error));
      }
    }
  }

  /** Takes those out of the refused ones that the store had taken before, by a call whose answer was lost. */
  async #recognised(batch: readonly RunResult[], { settled, refused }: FinishResult): Promise<FinishResult> {
    const unsure = refused.filter((one) => this.#unsure.has(keyOf(one)));
    if (unsure.length === 0) return { settled, refused };
    const given = new Map(batch.map((one) => [keyOf(one), one]));
    const known: FinishResult['settled'][number][] = [];
    for (const one of unsure) {
      const record = given.get(keyOf(one))?.record ?? null;
      if (record === null || !(await this.#hasTaken(record))) continue;
      const task = await this.store.lookupTask(one.taskId);
      if (task === null || !isUnreadable(task)) known.push({ ...one, task, paused: isPausedBy(record, task) });
    }
    const keys = new Set(known.map(keyOf));
    return { settled: [...settled, ...known], refused: refused.filter((one) => !keys.has(keyOf(one))) };
  }

  /** Whether the history has this very end: the token is of one attempt, and another scheduler would call it lost. */
  async #hasTaken({ id, token, status }: RunRecord): Promise<boolean> {
    const { runs } = await this.store.runs({ runId: id }, { limit: LAST_ATTEMPTS });
    return runs.some((run) => run.token === token && run.status === status);
  }
}

/** Whether this failure paused the task, and nothing has happened to it since. */
function isPausedBy({ id, status }: RunRecord, task: TaskRecord | null): boolean {
  if (task === null || status !== 'failed') return false;
  const { pause, lastRun, updatedAt } = task.state;
  return pause !== null && pause.at === updatedAt && lastRun?.id === id;
}

function keyOf({ runId, token }: { runId: string; token: number }): string {
  return `${runId}/${token}`;
}
