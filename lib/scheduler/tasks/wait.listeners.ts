import type { EventDispatcher } from '../../events/event.dispatcher.js';
import type { EndedRunEvent } from '../../events/event.map.js';
import type { RunRecord } from '../../model/run.js';

const ENDS = ['run.succeeded', 'run.failed', 'run.cancelled', 'run.missed', 'run.lost'] as const;

/** Whose end is waited for: a run, or the next run of a task. */
export type AwaitedEnd = { readonly runId: string } | { readonly taskId: string };

/** A wait that listens. */
interface Listening {
  /** A run that it is for has ended for good in this process. */
  ended(run: RunRecord): void;
  /** The scheduler has stopped. */
  stopped(): void;
}

/**
 * Tells waits of the ends that this process has seen. However many there are, they are one listener of the scheduler's events, and
 * an end reaches those that it is for: thousands may wait, and as many runs end.
 */
export class WaitListeners {
  readonly #waits = new Map<string, Set<Listening>>();
  #count = 0;

  constructor(private readonly events: EventDispatcher) {}

  /** How many waits are under way. */
  get count(): number {
    return this.#count;
  }

  /** @returns What ends it. */
  add(awaited: AwaitedEnd, wait: Listening): () => void {
    const key = keyOf(awaited);
    const waits = this.#waits.get(key) ?? new Set();
    this.#waits.set(key, waits.add(wait));
    this.#count += 1;
    if (this.#count === 1) {
      this.events.add(this.#ended, ENDS);
      this.events.add(this.#stopped, 'scheduler.shutdown');
    }
    return () => {
      waits.delete(wait);
      if (waits.size === 0) this.#waits.delete(key);
      this.#count -= 1;
      if (this.#count > 0) return;
      this.events.remove(this.#ended);
      this.events.remove(this.#stopped);
    };
  }

  readonly #ended = ({ run, willRetry }: EndedRunEvent & { readonly willRetry?: boolean }): void => {
    if (willRetry === true) return;
    for (const awaited of [{ runId: run.id }, { taskId: run.taskId }]) {
      for (const wait of this.#waits.get(keyOf(awaited)) ?? []) wait.ended(run);
    }
  };

  readonly #stopped = (): void => {
    for (const waits of this.#waits.values()) for (const wait of waits) wait.stopped();
  };
}

function keyOf(awaited: AwaitedEnd): string {
  return 'runId' in awaited ? `run ${awaited.runId}` : `task ${awaited.taskId}`;
}
