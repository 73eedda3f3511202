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
  /** By the very object of the data, where its store gives out the same each time: to write it as text takes longer than to ask. */
  #known = new WeakMap<TriggerData, BaseTrigger>();

  constructor(private readonly registry: TriggerRegistry) {}

  /** Whether a date is what it always is: somebody may have registered another kind of that name. */
  get knowsDates(): boolean {
    return this.registry.isBuiltIn('date');
  }

  /** @throws UnknownNameError When the type is not registered, or what the type throws for its options. */
  get(data: TriggerData): BaseTrigger {
    const known = this.#known.get(data);
    if (known) return known;
    const key = JSON.stringify(data);
    let trigger = this.#triggers.get(key);
    if (!trigger) {
      if (this.#triggers.size >= LIMIT) this.#triggers.clear();
      // What is stored depends neither on the moment nor on the zone of the process: toJSON has frozen both.
      trigger = this.registry.create(data, { now: 0, timezone: 'UTC' });
      this.#triggers.set(key, trigger);
    }
    // Data that somebody may change is not known by its object.
    if (Object.isFrozen(data)) this.#known.set(data, trigger);
    return trigger;
  }
}
