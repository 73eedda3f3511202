import type { DueExcept } from '../../model/due-keys.js';
import { DUE_KEYS } from '../../model/due-keys.js';
import type { TaskDefinition } from '../../model/definition.js';

/** How many keys have had their turn at the most, until all have it again: each is a value of every claim. */
const MOST_KEYS = 200;

/** What one claim has shown. */
export interface ShownByClaim {
  /** What it left out. */
  readonly except: DueExcept;
  /** Whether it has shown all that is due and was not left out. */
  readonly isAll: boolean;
  /** The tasks that it started runs of. */
  readonly started: readonly TaskDefinition[];
  /** The tasks that wait for their limits alone. */
  readonly waiting: readonly TaskDefinition[];
}

/**
 * Whose turn it is among the keys of a group (`limitKey`), while more is due than one claim shows: claims leave out the keys that
 * have had one, until nothing of the group is left but theirs. So one task of a key waits for no more than one claim for each
 * other key, however many tasks those have.
 */
export class KeyTurns {
  /** The keys that have had their turn, as values of the due key `key`, with those of `group`. */
  readonly #had = new Map<string, string>();

  /** What claims leave out. */
  get except(): readonly string[] {
    return [...this.#had.keys()];
  }

  /**
   * Learns from the answer to a claim.
   *
   * @returns Whether another claim follows at once: something that was left out may be due.
   */
  answered({ except, isAll, started, waiting }: ShownByClaim): boolean {
    if (this.#had.size === 0 && !started.some(hasTurn)) return false;
    // What was shown cannot start, for a reason of its own: nothing is left out for that.
    if (!isAll && started.length === 0 && waiting.length === 0) this.#had.clear();
    const shown = new Set([...started, ...waiting].map(DUE_KEYS.group));
    const leftOut = new Set(except.key);
    let mayBeDue = false;
    if (isAll) {
      const full = new Set(except.group);
      const groups = new Set([...this.#had].flatMap(([key, group]) => (leftOut.has(key) ? group : [])));
      for (const [key, group] of this.#had) {
        // What waits for its group keeps its place until then.
        if (full.has(group)) continue;
        mayBeDue ||= leftOut.has(key);
        // While others of the group are there, it is theirs.
        if (!groups.has(group) || !shown.has(group)) this.#had.delete(key);
      }
    }
    for (const task of started) {
      const group = DUE_KEYS.group(task);
      // A claim that has shown all of a group leaves nobody waiting.
      if (hasTurn(task) && (!isAll || mayBeDue)) this.#had.set(DUE_KEYS.key(task)!, group!);
    }
    if (this.#had.size > MOST_KEYS) this.#had.clear();
    return mayBeDue;
  }
}

function hasTurn(task: TaskDefinition): boolean {
  return task.policies.group !== null && DUE_KEYS.key(task) !== null;
}
