import type { Clock } from '../../model/clock.js';
import type { LogFields } from '../../model/logger.js';
import { wait } from '../../time/wait.js';

/** How many lines are written in one interval at the most, and how long an interval is, in milliseconds. */
const MAX_LINES = 5;
const INTERVAL_MS = 10_000;

/** Lines of one kind in the log, of which there may be hundreds at once: the first ones are written, the others counted. */
export class LimitedLines {
  #written = 0;
  #leftOut = 0;
  #cancel: (() => void) | null = null;

  /**
   * @param write Writes a line.
   * @param summary The line that stands for those that were left out.
   */
  constructor(
    private readonly clock: Clock,
    private readonly write: (line: string, fields?: LogFields) => void,
    private readonly summary: (leftOut: number) => string,
  ) {}

  add(line: string, fields?: LogFields): void {
    this.#cancel ??= wait(this.clock, INTERVAL_MS, () => this.flush());
    this.#written += 1;
    if (this.#written <= MAX_LINES) this.write(line, fields);
    else this.#leftOut += 1;
  }

  /** Writes what is still to be said, and begins anew. */
  flush(): void {
    this.#cancel?.();
    this.#cancel = null;
    const leftOut = this.#leftOut;
    this.#written = 0;
    this.#leftOut = 0;
    if (leftOut > 0) this.write(this.summary(leftOut));
  }
}
