import type { Clock } from '../model/clock.js';
import { wait } from './wait.js';

/** A moment until which work is waited for, whatever hangs. It can be brought forward, and is never put off. */
export class Deadline {
  #at: number;
  /** What waits, to be told of an earlier moment. */
  readonly #waiting = new Set<() => void>();

  /** @param ms How long from now, in milliseconds. */
  constructor(
    private readonly clock: Clock,
    ms: number,
  ) {
    this.#at = clock.monotonic() + ms;
  }

  /** How long is left, in milliseconds; 0 when it is over. */
  get leftMs(): number {
    return Math.max(0, this.#at - this.clock.monotonic());
  }

  get isOver(): boolean {
    return this.leftMs === 0;
  }

  /** Has it be over in `ms` milliseconds, unless it is over before that. */
  bringForward(ms: number): void {
    const at = this.clock.monotonic() + ms;
    if (at >= this.#at) return;
    this.#at = at;
    for (const wakeUp of this.#waiting) wakeUp();
  }

  /**
   * Whether `work` resolves before it is over. Rejects when the work rejects before; what the work does later is nobody's.
   *
   * @param mostMs How long to wait at the most, in milliseconds.
   */
  async holds(work: Promise<unknown>, mostMs = Infinity): Promise<boolean> {
    const end = this.clock.monotonic() + mostMs;
    let cancel = () => {};
    let setTimer = () => {};
    const over = new Promise<boolean>((resolve) => {
      setTimer = () => {
        cancel();
        const left = Math.min(this.leftMs, end - this.clock.monotonic());
        if (left < Infinity) cancel = wait(this.clock, left, () => resolve(false));
      };
    });
    setTimer();
    this.#waiting.add(setTimer);
    try {
      return await Promise.race([work.then(() => true), over]);
    } finally {
      cancel();
      this.#waiting.delete(setTimer);
    }
  }
}
