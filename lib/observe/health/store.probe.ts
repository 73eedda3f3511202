import { messageOf } from '../../errors/thrown.js';
import type { Clock } from '../../model/clock.js';
import { wait } from '../../time/wait.js';
import type { StoreHandle } from '../../scheduler/tasks/store.handle.js';

/** For how long an answer is good enough, in milliseconds: however many ask, a store is asked once in that time. */
const FRESH_MS = 5_000;

/** How long an answer is waited for, in milliseconds. */
const PATIENCE_MS = 2_000;

/** How far due tasks are counted: a count that goes on over millions is no cheap query. */
const MOST_DUE = 10_000;

/** What a store said when it was asked last. */
export type StoreAnswer =
  | {
      readonly state: 'up';
      /** How many tasks are due and not claimed, up to 10,000. */
      readonly due: number;
      /** For how long the oldest of them has been due, in milliseconds; 0 when none is. */
      readonly oldestDueMs: number;
    }
  | { readonly state: 'down'; readonly message: string }
  /** It has not answered in time. */
  | { readonly state: 'silent' };

/** Asks one store what is due in it. One that hangs is not asked again before it has answered. */
export class StoreProbe {
  #answer: StoreAnswer = { state: 'silent' };
  /** When that came, on the monotonic clock. */
  #answeredAt = -Infinity;
  #asking: Promise<StoreAnswer> | null = null;

  constructor(
    private readonly handle: StoreHandle,
    private readonly clock: Clock,
  ) {}

  /** What the store said in the last five seconds, or says within two. Never rejects. */
  async ask(): Promise<StoreAnswer> {
    if (this.clock.monotonic() - this.#answeredAt < FRESH_MS) return this.#answer;
    this.#asking ??= this.#ask();
    let cancel = () => {};
    const silence = new Promise<StoreAnswer>((resolve) => {
      cancel = wait(this.clock, PATIENCE_MS, () => resolve({ state: 'silent' }));
    });
    try {
      return await Promise.race([this.#asking, silence]);
    } finally {
      cancel();
    }
  }

  async #ask(): Promise<StoreAnswer> {
    this.#answer = await this.#look();
    this.#answeredAt = this.clock.monotonic();
    this.#asking = null;
    return this.#answer;
  }

  async #look(): Promise<StoreAnswer> {
    const { store, clock } = this.handle;
    try {
      const oldest = await store.getNextRunTime();
      const now = clock.now();
      if (oldest === null || oldest > now) return { state: 'up', due: 0, oldestDueMs: 0 };
      return { state: 'up', due: await store.countDue(now, MOST_DUE), oldestDueMs: now - oldest };
    } catch (error) {
      return { state: 'down', message: messageOf(error) };
    }
  }
}
