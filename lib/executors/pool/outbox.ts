import type { ContextCall, FromWorker } from './messages.js';

/** How many calls of a run may be under way. A handler that makes more, in a loop, must not keep the other side busy. */
const MAX_UNDER_WAY = 200;

type Call = Omit<ContextCall, 'type' | 'run'>;

/**
 * The calls of a run that nobody waits for. While too many are under way, only the latest of each field is kept: of progress that
 * is what counts, and of log lines it is said how many are left out.
 */
export class Outbox {
  #underWay = 0;
  readonly #latest = new Map<string, Call>();
  #linesLeftOut = 0;

  /** @param onLeftOut So many lines were left out. It may send a call. */
  constructor(
    private readonly send: (message: FromWorker) => void,
    private readonly run: number,
    private readonly onLeftOut: (lines: number) => void,
  ) {}

  /** Sends a call, or keeps it in place of an earlier one of the same field. */
  tell(call: Call): void {
    if (this.#underWay < MAX_UNDER_WAY) return this.#send(call);
    if (call.field === 'log' && this.#latest.has('log')) this.#linesLeftOut += 1;
    this.#latest.set(call.field, call);
  }

  /** So many calls have arrived. */
  taken(count: number): void {
    this.#underWay -= count;
    this.flush();
  }

  /** Sends what was kept. */
  flush(): void {
    const lines = this.#linesLeftOut;
    this.#linesLeftOut = 0;
    this.#sendLatest();
    if (lines === 0) return;
    this.onLeftOut(lines);
    this.#sendLatest();
  }

  #sendLatest(): void {
    const calls = [...this.#latest.values()];
    this.#latest.clear();
    for (const call of calls) this.#send(call);
  }

  #send(call: Call): void {
    this.#underWay += 1;
    this.send({ type: 'call', run: this.run, ...call });
  }
}
