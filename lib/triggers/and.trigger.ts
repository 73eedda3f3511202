import { InvalidOptionError } from '../errors/input.errors.js';
import { CombinationTrigger, MAX_COUNTED } from './combination.trigger.js';
import { takeStep, withinBudget } from './search-budget.js';
import type { TriggerData, TriggerSeed } from './trigger.interface.js';
import type { TriggerContext } from './trigger.context.js';

/** How far apart two times that all children have may lie: ten years, in milliseconds. */
const HORIZON_MS = 10 * 365.25 * 86_400_000;

/**
 * When all of its triggers have the same time. The search ends after ten years, or 100,000 times of its children, without
 * one: what agrees so rarely counts as never.
 */
export class AndTrigger extends CombinationTrigger {
  readonly type = 'and';

  /** @throws InvalidOptionError, UnknownOptionError, UnknownNameError, and what the children throw. */
  constructor(data: TriggerData, context: TriggerContext) {
    super(data, context);
    if (this.children.length === 0) throw new InvalidOptionError('triggers', data.triggers, 'at least one trigger');
  }

  protected gridFrom(from: number, seed: TriggerSeed): number | null {
    return withinBudget(() => this.#search(from, seed));
  }

  /** Counted one by one, up to 10,000, and within the bound of one search. */
  protected countGrid(from: number, to: number, seed: TriggerSeed): number {
    return withinBudget(() => {
      let count = 0;
      let time = this.#search(from, seed);
      while (time !== null && time <= to && count < MAX_COUNTED) {
        count += 1;
        time = this.#search(time + 1, seed);
      }
      return count;
    });
  }

  #search(from: number, seed: TriggerSeed): number | null {
    let time = from;
    let agreed = 0;
    let limit = Infinity;
    // Each child in turn moves the time forward to its own next one, until all have stood still.
    for (let step = 0; takeStep(); step += 1) {
      const found = this.children[step % this.children.length]!.timeFrom(time, seed);
      if (found === null || found > limit) return null;
      agreed = found === time ? agreed + 1 : 1;
      time = found;
      if (agreed === this.children.length) return time;
      // Counted from the first time that is possible for all, wherever the question starts.
      if (step === this.children.length - 1) limit = time + HORIZON_MS;
    }
    return null;
  }

  protected override whyNoGrid(): string {
    return 'its triggers have no time in common within ten years';
  }

  protected describeGrid(): string {
    return this.childrenInWords('; and at the same time ');
  }
}
