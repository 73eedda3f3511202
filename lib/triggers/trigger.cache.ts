import type { TriggerData } from '../model/definition.js';
import type { BaseTrigger } from './base.trigger.js';
import type { TriggerRegistry } from './trigger.registry.js';

/** Past this many distinct triggers the cache starts anew: a bound on memory, not a tuning knob. */
const LIMIT = 10_000;

/**
 * Triggers by their stored data. Every claim needs the trigger of its task, most tasks share few schedules, and parsing a
 * cron expression costs more than asking it. Triggers keep nothing between calls, so one object serves all.
 */
export class TriggerCache {
  readonly #triggers = new Map<string, BaseTrigger>();

  constructor(private readonly registry: TriggerRegistry) {}

  /** @throws UnknownNameError When the type is not registered, or what the type throws for its options. */
  get(data: TriggerData): BaseTrigger {
    const key = JSON.stringify(data);
    let trigger = this.#triggers.get(key);
    if (!trigger) {
      if (this.#triggers.size >= LIMIT) this.#triggers.clear();
      // What is stored depends neither on the moment nor on the zone of the process: toJSON has frozen both.
      trigger = this.registry.create(data, { now: 0, timezone: 'UTC' });
      this.#triggers.set(key, trigger);
    }
    return trigger;
  }
}
