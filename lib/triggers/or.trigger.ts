import { CombinationTrigger, MAX_COUNTED } from './combination.trigger.js';
import { attempt, spend } from './search-budget.js';
import type { BaseTrigger } from './base.trigger.js';
import type { TriggerContext } from './trigger.context.js';
import type { TriggerData, TriggerSeed } from './trigger.interface.js';

/**
 * Whenever one of its triggers has a time. Times that several have run once. A date that has passed is left aside.
 */
export class OrTrigger extends CombinationTrigger {
  readonly type = 'or';
  /** Those that are found at once before those that have to be searched for. */
  readonly #simpleFirst: readonly BaseTrigger[];

  /** @throws InvalidOptionError, UnknownOptionError, UnknownNameError, and what the children throw. */
  constructor(data: TriggerData, context: TriggerContext) {
    super(data, context);
    const isNested = (child: BaseTrigger): number => (child instanceof CombinationTrigger ? 1 : 0);
    this.#simpleFirst = this.children.toSorted((a, b) => isNested(a) - isNested(b));
  }

  protected gridFrom(time: number, seed: TriggerSeed, _previous: number | null, until: number): number | null {
    let first: number | null = null;
    for (const child of this.#simpleFirst) {
      spend();
      // No further than the first time that is known: a child that never has one must not hold up the others.
      const found = child.timeFrom(time, seed, first === null ? until : first - 1);
      if (found !== null && (first === null || found < first)) first = found;
    }
    return first;
  }

  /**
   * The child with the most times is counted by arithmetic, the times of the others one by one unless a child before has
   * them. Where they are more than 10,000, times that several children have count for each.
   */
  protected countGrid(from: number, to: number, seed: TriggerSeed): number {
    const counted = this.children.map((child) => ({ child, count: child.countBetween(from, to, seed) }));
    counted.sort((a, b) => (b.count ?? 0) - (a.count ?? 0));
    const before: BaseTrigger[] = [];
    let total = 0;
    let steps = 0;
    for (const { child, count } of counted) {
      let walked = 0;
      const isWalked =
        (count === null || (before.length > 0 && steps + count <= MAX_COUNTED)) &&
        attempt(0.5, () => {
          let time = child.timeFrom(from, seed, to);
          while (time !== null && time <= to && steps < MAX_COUNTED) {
            const at = time;
            if (!before.some((other) => other.timeFrom(at, seed, at) === at)) walked += 1;
            steps += 1;
            time = child.timeFrom(time + 1, seed, to);
          }
          return true;
        });
      total += isWalked ? walked : (count ?? walked);
      before.push(child);
    }
    return total;
  }

  protected override whyNoGrid(): string {
    return this.children.length === 0 ? 'it has no triggers' : 'none of its triggers has a time';
  }

  protected describeGrid(): string {
    return this.childrenInWords('; or ') || 'never';
  }
}
