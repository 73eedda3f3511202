import type { LeaseRef, RunRecord } from '../../model/run.js';
import type { KnownChange } from '../../model/change.js';
import { isUnreadable } from '../../model/task.js';
import type { TaskRecord } from '../../model/task.js';
import { CoalescedWork } from '../../stores/coalesced-work.js';
import type { Written } from '../../stores/exchange.interface.js';
import type { Store } from '../../stores/store.interface.js';
import type { Clock } from '../../model/clock.js';
import type { StoreClock } from '../../time/store.clock.js';
import type { WakeableWait } from '../../time/wait.js';
import type { RunEnd } from '../plan/end.plan.js';
import { isKept } from '../plan/kept.runs.js';
import { EndBatch } from './end.batch.js';
import type { OfferedEnd } from './end.batch.js';
import type { EndAnswer } from './end.answer.js';
import type { KnownRecords } from './held.tasks.js';
import { lastAttempts } from './last.attempts.js';
import { keepOrphanedEnd } from './orphaned.end.js';

/** How many ends one call of the store takes at the most. */
const BATCH = 1_000;

/** What the queue reports, and asks. */
export interface EndListener {
  /**
   * The store failed; the ends are kept. Returns how long to wait before the next try, in milliseconds.
   *
   * @param askedAt When it was asked, on the monotonic clock.
   */
  failed(error: unknown, askedAt: number): number;
  worked(): void;
  /** Whether a claim is about to ask what goes along with it: then the ends wait for that. */
  isClaimDue(): boolean;
}

type EndStore = Pick<Store, 'transact' | 'exchange' | 'runs' | 'saveRuns' | 'lookupTask'>;

/** An end that the store has not taken yet. */
interface Offer extends OfferedEnd {
  readonly answer: (answer: EndAnswer | null) => void;
  /** Whether a call with it has failed: nobody knows whether the store has taken it. */
  isUnsure: boolean;
}

/** Ends that go along with a claim. One of its methods is to be called. */
export interface EndsAlong {
  readonly changes: readonly KnownChange[];
  written(written: Written): void;
  failed(): void;
}

/**
 * Ends runs in batches: what ends while a batch is under way goes with the next, or with a claim. Ends are kept until the store
 * has taken or refused them, however long it is unreachable.
 *
 * If the answer to a call is lost, the store may have taken its ends all the same, and refuses them when they are given again.
 * The history of such a run tells the one from the other.
 */
export class EndQueue {
  /** Those that no call is under way with. */
  #waiting: Offer[] = [];
  readonly #flushes = new CoalescedWork(() => this.#flush());
  /** How many batches have gone along with claims, and are not dealt with. */
  #along = 0;
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
    this.#waiting.push({ end, answer, outcome: null, isUnsure: false });
    if (!this.listener.isClaimDue() || this.#isBehind || this.#isClosed) this.flush();
  }

  /** Has the store take what waits, if anything does. */
  flush(): void {
    if (this.#waiting.length > 0) void this.#flushes.ask();
  }

  /** What may go along with a claim; null when there is nothing. What the store has failed to take goes alone. */
  takeAlong(): EndsAlong | null {
    if (this.#isBehind || this.#isClosed || this.#waiting.length === 0) return null;
    const offers = this.#waiting.slice(0, BATCH);
    const batch = this.#batchOf(offers);
    this.#waiting.splice(0, offers.length);
    const askedAt = this.clock.monotonic();
    this.#along += 1;
    return {
      changes: batch.changes,
      written: (written) => {
        batch.written(written);
        void this.#finish(offers, batch, askedAt);
      },
      failed: () => {
        this.#failed(offers);
        this.#alongIsOver();
      },
    };
  }

  /** Never rejects. */
  async #finish(offers: readonly Offer[], batch: EndBatch, askedAt: number): Promise<void> {
    try {
      // Mostly nothing is left, and then nothing is waited for.
      if (batch.hasRest || offers.some(isDoubtful)) {
        // No other end, and no claim, may come that would take along what could not be written.
        if ((await this.#settle(offers, batch)) < offers.length) this.#isBehind = true;
      } else this.#answer(offers);
    } catch (error) {
      this.#failed(offers);
      this.listener.failed(error, askedAt);
    }
    this.#alongIsOver();
  }

  #alongIsOver(): void {
    this.#along -= 1;
    this.#tried();
    if (this.#isBehind) this.flush();
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
      this.flush();
      await tried;
    }
  }

  /** Resolves when all ends are taken, or the queue was closed. */
  async drained(): Promise<void> {
    this.flush();
    for (;;) {
      await this.#flushes.drained();
      if (this.#along === 0) return;
      await new Promise<void>((resolve) => this.#tries.push(resolve));
    }
  }

  /** Gives up what the store is not taking just now: leases expire, and another scheduler recovers the runs. */
  close(): void {
    this.#isClosed = true;
    this.pause.wake();
    this.flush();
  }

  async #flush(): Promise<void> {
    // What ends in the same turn of the event loop goes in one batch.
    await Promise.resolve();
    while (this.#waiting.length > 0 && !this.#isClosed) {
      const offers = this.#waiting.splice(0, BATCH);
      const askedAt = this.clock.monotonic();
      let pauseMs = 0;
      try {
        const batch = this.#batchOf(offers);
        if (batch.changes.length > 0) batch.written((await this.store.exchange({ write: batch.changes })).written);
        const count = await this.#settle(offers, batch);
        this.#isBehind = false;
        if (count > 0) this.listener.worked();
        else pauseMs = this.listener.failed(new Error('The store ended none of the runs.'), askedAt);
      } catch (error) {
        this.#failed(offers);
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

  #batchOf(offers: readonly Offer[]): EndBatch {
    return new EndBatch(offers, this.known, this.storeClock.now());
  }

  /** A call failed: what was in it is tried again, in front of the others. */
  #failed(offers: readonly Offer[]): void {
    this.#isBehind = true;
    const again = offers.filter(({ outcome }) => outcome === null || outcome.outcome === 'refused');
    this.#answer(offers.filter((offer) => !again.includes(offer)));
    for (const offer of again) {
      offer.isUnsure = true;
      offer.outcome = null;
    }
    this.#waiting.unshift(...again);
  }

  /** Deals with what is left of a batch. Returns how many of its ends are over. */
  async #settle(offers: readonly Offer[], batch: EndBatch): Promise<number> {
    await batch.finish(this.store);
    for (const offer of offers)
      if (offer.outcome) offer.outcome = (await this.#takenBefore(offer, offer.outcome)) ?? offer.outcome;
    const refused = offers.filter(isRefused);
    const kept = await Promise.all(refused.map(({ end }) => this.keepOrphaned(end)));
    for (const [at, offer] of refused.entries()) if (kept[at]) offer.outcome = { outcome: 'kept', task: null };
    const over = offers.filter(({ outcome }) => outcome !== null);
    this.#waiting.unshift(...offers.filter(({ outcome }) => outcome === null));
    this.#answer(over);
    return over.length;
  }

  #answer(offers: readonly Offer[]): void {
    for (const { answer, outcome } of offers) answer(outcome);
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

function isRefused({ outcome }: OfferedEnd): boolean {
  return outcome?.outcome === 'refused';
}

/** Whether nobody knows yet what has become of an end, or it was refused. */
function isDoubtful({ outcome }: OfferedEnd): boolean {
  return outcome === null || outcome.outcome === 'refused';
}

/** Whether this failure paused the task, and nothing has happened to it since. */
function isPausedBy({ id, status }: RunRecord, task: TaskRecord | null): boolean {
  if (task === null || status !== 'failed') return false;
  const { pause, lastRun, updatedAt } = task.state;
  return pause !== null && pause.at === updatedAt && lastRun?.id === id;
}
