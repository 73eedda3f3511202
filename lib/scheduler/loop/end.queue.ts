import type { LeaseRef, RunRecord } from '../../model/run.js';
import { isUnreadable } from '../../model/task.js';
import type { TaskRecord } from '../../model/task.js';
import { CoalescedWork } from '../../stores/coalesced-work.js';
import type { Store } from '../../stores/store.interface.js';
import type { Clock } from '../../model/clock.js';
import type { StoreClock } from '../../time/store.clock.js';
import type { WakeableWait } from '../../time/wait.js';
import type { RunEnd } from '../plan/end.plan.js';
import { isKept } from '../plan/kept.runs.js';
import { endRunsIn } from './end.step.js';
import type { EndAnswer } from './end.step.js';
import type { KnownRecords } from './held.tasks.js';
import { lastAttempts } from './last.attempts.js';
import { keepOrphanedEnd } from './orphaned.end.js';

/** How many ends one call of the store takes at the most. */
const BATCH = 500;

/** What the queue reports. */
export interface EndListener {
  /**
   * The store failed; the ends are kept. Returns how long to wait before the next try, in milliseconds.
   *
   * @param askedAt When it was asked, on the monotonic clock.
   */
  failed(error: unknown, askedAt: number): number;
  worked(): void;
}

type EndStore = Pick<Store, 'transact' | 'exchange' | 'runs' | 'saveRuns' | 'lookupTask'>;

/** An end that the store has not taken yet. */
interface Offer {
  readonly end: RunEnd;
  readonly answer: (answer: EndAnswer | null) => void;
  /** Whether a call with it has failed: nobody knows whether the store has taken it. */
  isUnsure: boolean;
}

/**
 * Ends runs in batches: what ends while a batch is under way goes with the next. Ends are kept until the store has taken or
 * refused them, however long it is unreachable.
 *
 * If the answer to a call is lost, the store may have taken its ends all the same, and refuses them when they are given again.
 * The history of such a run tells the one from the other; or the task, where the history does not keep the run.
 */
export class EndQueue {
  #waiting: Offer[] = [];
  readonly #flushes = new CoalescedWork(() => this.#flush());
  #isClosed = false;
  /** Whether the last call failed, so that ends are here which the store may not have. */
  #isBehind = false;
  /** Who waits for the end of a call. */
  #tries: (() => void)[] = [];

  constructor(
    private readonly store: EndStore,
    private readonly known: KnownRecords,
    private readonly storeClock: Pick<StoreClock, 'now'>,
    private readonly clock: Pick<Clock, 'monotonic'>,
    private readonly pause: WakeableWait,
    private readonly listener: EndListener,
  ) {}

  /** @param answer Is told what became of the end; null when the queue was closed before. */
  offer(end: RunEnd, answer: (answer: EndAnswer | null) => void): void {
    this.#waiting.push({ end, answer, isUnsure: false });
    void this.#flushes.ask();
  }

  /**
   * Tries at once what the store has not taken: what has ended goes before anything new. Resolves when the store has taken it,
   * or has failed once more. A call that was on its way already says nothing, so there is another one.
   */
  async catchUp(): Promise<void> {
    for (let calls = 0; calls < 2; calls += 1) {
      if (!this.#isBehind || this.#isClosed) return;
      const tried = new Promise<void>((resolve) => this.#tries.push(resolve));
      this.pause.wake();
      await tried;
    }
  }

  /** Resolves when all ends are taken, or the queue was closed. */
  drained(): Promise<void> {
    return this.#flushes.drained();
  }

  /** Gives up what the store is not taking just now: leases expire, and another scheduler recovers the runs. */
  close(): void {
    this.#isClosed = true;
    this.pause.wake();
  }

  async #flush(): Promise<void> {
    // What ends in the same turn of the event loop goes in one batch.
    await Promise.resolve();
    while (this.#waiting.length > 0 && !this.#isClosed) {
      const batch = this.#waiting.slice(0, BATCH);
      const askedAt = this.clock.monotonic();
      let pauseMs = 0;
      try {
        const answered = await this.#endAll(batch);
        this.#isBehind = false;
        this.#waiting = this.#waiting.filter((offer) => !answered.has(offer));
        for (const [offer, answer] of answered) offer.answer(answer);
        if (answered.size > 0) this.listener.worked();
        else pauseMs = this.listener.failed(new Error('The store ended none of the runs.'), askedAt);
      } catch (error) {
        this.#isBehind = true;
        for (const offer of batch) offer.isUnsure = true;
        pauseMs = this.listener.failed(error, askedAt);
      }
      this.#tried();
      if (pauseMs > 0) await this.pause.sleep(pauseMs);
    }
    this.#isBehind = false;
    this.#tried();
    for (const { answer } of this.#waiting.splice(0)) answer(null);
  }

  #tried(): void {
    for (const resolve of this.#tries.splice(0)) resolve();
  }

  async #endAll(batch: readonly Offer[]): Promise<ReadonlyMap<Offer, EndAnswer>> {
    const ends = batch.map(({ end }) => end);
    const answers = await endRunsIn(this.store, ends, this.known, this.storeClock.now());
    const answered = new Map<Offer, EndAnswer>();
    for (const offer of batch) {
      const answer = answers.get(offer.end);
      if (answer) answered.set(offer, (await this.#takenBefore(offer, answer)) ?? answer);
    }
    const refused = [...answered].filter(([, { outcome }]) => outcome === 'refused');
    const kept = await Promise.all(refused.map(([{ end }]) => this.keepOrphaned(end)));
    for (const [at, [offer]] of refused.entries()) if (kept[at]) answered.set(offer, { outcome: 'kept', task: null });
    return answered;
  }

  /** Keeps an end whose task is gone: see `keepOrphanedEnd`. Never rejects. */
  async keepOrphaned(end: RunEnd): Promise<boolean> {
    return keepOrphanedEnd(this.store, end, this.known).catch(() => false);
  }

  /** What became of a refused end that the store has taken before, by a call whose answer was lost; null for others. */
  async #takenBefore({ end, isUnsure }: Offer, { outcome }: EndAnswer): Promise<EndAnswer | null> {
    const { record, taskId } = end;
    if (outcome !== 'refused' || !isUnsure || !record) return null;
    const definition = this.known.of(taskId)?.record.definition;
    const isInHistory = !definition || isKept(record, definition);
    if (isInHistory && !(await this.#hasTaken(end, record))) return null;
    const task = await this.store.lookupTask(taskId);
    if (task !== null && isUnreadable(task)) return null;
    if (!isInHistory && task !== null && !isLastOf(task, record)) return null;
    return { outcome: isPausedBy(record, task) ? 'paused' : 'ended', task };
  }

  /** Whether the history has this very end: the token is of one attempt, and another scheduler would call it lost. */
  async #hasTaken({ runId, token }: LeaseRef, { status }: RunRecord): Promise<boolean> {
    const attempts = await lastAttempts(this.store, runId);
    return attempts.some((attempt) => attempt.token === token && attempt.status === status);
  }
}

/**
 * Whether the task says that this attempt was the last one that ended, or tells nothing of its run: of one that was taken
 * over it says so until another run has ended, and for as long as that run is under way.
 */
function isLastOf({ state: { live, lastRun } }: TaskRecord, { id, status, endedAt }: RunRecord): boolean {
  if (lastRun?.id === id) return lastRun.status === status && lastRun.endedAt === endedAt;
  return !live.some((run) => run.id === id);
}

/** Whether this failure paused the task, and nothing has happened to it since. */
function isPausedBy({ id, status }: RunRecord, task: TaskRecord | null): boolean {
  if (task === null || status !== 'failed') return false;
  const { pause, lastRun, updatedAt } = task.state;
  return pause !== null && pause.at === updatedAt && lastRun?.id === id;
}
