import { SettableClock } from 'nestjs-asyncz';
import type { Clock } from 'nestjs-asyncz';

/** A settable clock that goes on while the process is blocked: what timers are due in that time is called afterwards. */
export class BlockableClock implements Clock {
  readonly #clock: SettableClock;
  #aheadMs = 0;

  constructor(start: number) {
    this.#clock = new SettableClock(start);
  }

  now(): number {
    return this.#clock.now() + this.#aheadMs;
  }

  monotonic(): number {
    return this.#clock.monotonic() + this.#aheadMs;
  }

  schedule(callback: () => void, delayMs: number): () => void {
    return this.#clock.schedule(callback, this.#aheadMs + delayMs);
  }

  advance(ms: number): void {
    this.#clock.advance(ms);
  }

  /** As if the process did nothing else for so long, in milliseconds. */
  block(ms: number): void {
    this.#aheadMs += ms;
    setImmediate(() => {
      this.#aheadMs -= ms;
      this.#clock.advance(ms);
    });
  }
}
