import { UnknownNameError } from '../../errors/input.errors.js';
import type { TaskDefinition } from '../../model/definition.js';
import { isLimited, needsOf } from '../../model/limits.js';
import type { Claimed, Room } from '../plan/claim.plan.js';

/** What there is room for when a claim is made. */
interface RoomNow {
  /** How many more runs each executor takes, by alias. */
  readonly executors: ReadonlyMap<string, number>;
  /**
   * For each need of limited runs (see `needsOf`) what is at hand and no run has yet: each by the smallest limit that lets it be
   * used, in ascending order.
   */
  readonly limits: ReadonlyMap<string, readonly number[]>;
}

/** How many runs were decided on. */
class Tally {
  readonly #of: readonly Claimed[];
  #count = 0;
  #last: Claimed | undefined;
  readonly executors = new Map<string, number>();
  readonly limits = new Map<string, number>();

  constructor(of: readonly Claimed[]) {
    this.#of = of;
  }

  /** Counts what was appended since. Returns whether this is the tally of that list: it may have been begun anew. */
  follows(decided: readonly Claimed[]): boolean {
    if (this.#of !== decided || decided[this.#count - 1] !== this.#last) return false;
    for (; this.#count < decided.length; this.#count += 1) {
      this.#last = decided[this.#count]!;
      const { definition, start } = this.#last;
      add(this.executors, definition.executor, start.length);
      if (!isLimited(definition.policies)) continue;
      for (const { name } of needsOf(definition)) add(this.limits, name, start.length);
    }
    return true;
  }
}

/**
 * The room for one claim: a picture of what there is, from which the runs that were decided on are counted off. It takes
 * nothing: what was decided on and could not be written leaves no trace.
 */
export class ClaimRoom implements Room {
  #tally = new Tally([]);
  /** How many runs start for sure, whatever becomes of what is decided on, by executor. */
  readonly #started = new Map<string, number>();

  constructor(private readonly now: RoomNow) {}

  /** How many runs the claim may start in an executor at the most. */
  of(executor: string): number {
    return this.now.executors.get(executor) ?? 0;
  }

  /** Takes room for a run that starts for sure and needs nothing else. Returns whether there was any. */
  take(executor: string, decided: readonly Claimed[]): boolean {
    if (this.#startedIn(executor, this.#tallyOf(decided).executors) >= this.of(executor)) return false;
    this.#started.set(executor, (this.#started.get(executor) ?? 0) + 1);
    return true;
  }

  has(definition: TaskDefinition, decided: readonly Claimed[], own: number): boolean {
    const { executor, policies } = definition;
    const room = this.now.executors.get(executor);
    if (room === undefined) throw new UnknownNameError('executor', executor, [...this.now.executors.keys()].sort());
    const { executors, limits } = this.#tallyOf(decided);
    if (this.#startedIn(executor, executors) + own >= room) return false;
    if (!isLimited(policies)) return true;
    return needsOf(definition).every(({ name, most }) => {
      const next = this.now.limits.get(name)?.[(limits.get(name) ?? 0) + own];
      return next !== undefined && next <= most;
    });
  }

  /** Whether an executor of this process takes no more runs, beside those that were decided on. */
  isFull(executor: string, decided: readonly Claimed[]): boolean {
    const room = this.now.executors.get(executor);
    return room !== undefined && this.#startedIn(executor, this.#tallyOf(decided).executors) >= room;
  }

  #startedIn(executor: string, decided: ReadonlyMap<string, number>): number {
    return (decided.get(executor) ?? 0) + (this.#started.get(executor) ?? 0);
  }

  /** A store appends to one list while it decides, so most calls count one more entry. */
  #tallyOf(decided: readonly Claimed[]): Tally {
    if (!this.#tally.follows(decided)) {
      this.#tally = new Tally(decided);
      this.#tally.follows(decided);
    }
    return this.#tally;
  }
}

function add(counts: Map<string, number>, key: string, count: number): void {
  counts.set(key, (counts.get(key) ?? 0) + count);
}
