import type { Clock } from '../../model/clock.js';

/** How many values claims leave out at the most, because a limit gives nothing: each is a value of every statement. */
const MOST_LANES = 1_000;

interface FullLimit {
  /** When it was found to give nothing, and when it is asked again, on the monotonic clock. */
  readonly since: number;
  retryAt: number;
  /** The tasks that were seen waiting for it, by their value of a due key. */
  readonly lanes: ReadonlySet<string>;
}

/** The limits that give nothing for now, each with what claims leave out until it is asked again. */
export class FullLimits {
  readonly #marks = new Map<string, FullLimit>();

  constructor(private readonly clock: Clock) {}

  /**
   * @param retryMs When it is asked again, in milliseconds from now.
   * @param lanes The tasks that wait for it. Those that were seen before still do.
   */
  mark(name: string, retryMs: number, lanes: ReadonlySet<string>): void {
    const since = this.clock.monotonic();
    const before = this.#marks.get(name)?.lanes ?? [];
    this.#marks.delete(name);
    this.#marks.set(name, { since, retryAt: since + retryMs, lanes: new Set([...before, ...lanes]) });
  }

  /** It may give something again. */
  delete(name: string): void {
    this.#marks.delete(name);
  }

  /** The values of a due key that claims leave out. Beyond a bound, what was found full first is asked again. */
  lanes(): readonly string[] {
    const now = this.clock.monotonic();
    for (const [name, { retryAt }] of this.#marks) if (retryAt <= now) this.#marks.delete(name);
    const lanes = new Set<string>();
    for (const mark of [...this.#marks.values()].reverse()) {
      if (lanes.size + mark.lanes.size > MOST_LANES) break;
      for (const lane of mark.lanes) lanes.add(lane);
    }
    return [...lanes];
  }

  /** How long none has to be asked again, in milliseconds. */
  untilRetry(): number {
    const now = this.clock.monotonic();
    let left = Infinity;
    for (const { retryAt } of this.#marks.values()) left = Math.min(left, retryAt - now);
    return Math.max(0, left);
  }

  /** Has each asked again so long after it was found full, in milliseconds. */
  retryAfter(ms: number): void {
    for (const mark of this.#marks.values()) mark.retryAt = Math.min(mark.retryAt, mark.since + ms);
  }
}
