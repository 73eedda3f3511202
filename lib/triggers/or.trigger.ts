import { CombinationTrigger, MAX_COUNTED } from './combination.trigger.js';
import { withinBudget } from './search-budget.js';
import type { BaseTrigger } from './base.trigger.js';
import type { TriggerSeed } from './trigger.interface.js';

/**
 * Whenever one of its triggers has a time. Times that several have run once. A date that has passed is left aside.
 */
export class OrTrigger extends CombinationTrigger {
  readonly type = 'or';

  protected gridFrom(time: number, seed: TriggerSeed): number | null {
    let first: number | null = null;
    for (const child of this.children) {
      const found = child.timeFrom(time, seed);
      if (found !== null && (first === null || found < first)) first = found;
    }
    return first;
  }

  /**
   * The child with the most times is counted by arithmetic, the times of the others one by one unless a child before has
   * them. Where they are more than 10,000, times that several children have count for each.
   */
  protected countGrid(from: number, to: number, seed: TriggerSeed): number {
    return withinBudget(() => this.#count(from, to, seed));
  }

  #count(from: number, to: number, seed: TriggerSeed): number {
    const counted = this.children.map((child) => ({ child, count: child.countBetween(from, to, seed) }));
    counted.sort((a, b) => (b.count ?? 0) - (a.count ?? 0));
    const before: BaseTrigger[] = [];
    let total = 0;
    let steps = 0;
    for (const { child, count } of counted) {
      if (count !== null && (before.length === 0 || steps + count > MAX_COUNTED)) {
        total += count;
      } else {
        let time = child.timeFrom(from, seed);
        while (time !== null && time <= to && steps < MAX_COUNTED) {
          const at = time;
          if (!before.some((other) => other.timeFrom(at, seed) === at)) total += 1;
          steps += 1;
          time = child.timeFrom(time + 1, seed);
        }
      }
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
