import { MACHINE } from '../../model/clock.js';

/** How long what the server said is good enough, in milliseconds: in that time no two clocks drift apart. */
const MAX_AGE_MS = 5_000;

/** The server's clock between two of its answers, moved on by this machine's monotonic one. Never ahead of it. */
export class ServerClock {
  #said = 0;
  #at = -Infinity;

  /** Takes over what the server said just now, in milliseconds since the epoch. */
  sync(now: number): number {
    this.#said = now;
    this.#at = MACHINE.monotonic();
    return now;
  }

  /** Milliseconds since the epoch; null when the server has to be asked. */
  estimate(): number | null {
    const age = MACHINE.monotonic() - this.#at;
    return age < MAX_AGE_MS ? this.#said + Math.floor(age) : null;
  }
}
