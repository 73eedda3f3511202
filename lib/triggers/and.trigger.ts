import { InvalidOptionError } from '../errors/input.errors.js';
import { CombinationTrigger, MAX_COUNTED } from './combination.trigger.js';
import { attempt, MAX_SEARCH_STEPS, spend } from './search-budget.js';
import type { TriggerData, TriggerSeed } from './trigger.interface.js';
import type { TriggerContext } from './trigger.context.js';

/** When all of its triggers have the same time. */
export class AndTrigger extends CombinationTrigger {
  readonly type = 'and';

  /** @throws InvalidOptionError, UnknownOptionError, UnknownNameError, and what the children throw. */
  constructor(data: TriggerData, context: TriggerContext) {
    super(data, context);
    if (this.children.length === 0) throw new InvalidOptionError('triggers', data.triggers, 'at least one trigger');
  }

  protected gridFrom(from: number, seed: TriggerSeed, _previous: number | null, until: number): number | null {
    let time = from;
    let agreed = 0;
    // Each child in turn moves the time forward to its own next one, until all have stood still.
    for (let step = 0; ; step += 1) {
      spend();
      const found = this.children[step % this.children.length]!.timeFrom(time, seed, until);
      if (found === null || found > until) return null;
      agreed = found === time ? agreed + 1 : 1;
      time = found;
      if (agreed === this.children.length) return time;
    }
  }

  /** Counted one by one, up to 10,000, as far as the steps reach. */
  protected countGrid(from: number, to: number, seed: TriggerSeed): number {
    let count = 0;
    attempt(0.5, () => {
      let time = this.gridFrom(from, seed, null, to);
      while (time !== null && count < MAX_COUNTED) {
        count += 1;
        time = this.gridFrom(time + 1, seed, null, to);
      }
    });
    return count;
  }

  protected override whyNoGrid(): string {
    return 'its triggers have no time in common';
  }

  protected override whyUnknown(): string {
    return `a search of ${MAX_SEARCH_STEPS} steps finds no time that its triggers have in common`;
  }

  protected describeGrid(): string {
    return this.childrenInWords('; and at the same time ');
  }
}
