import { InvalidOptionError } from '../errors/input.errors.js';
import type { BaseTrigger } from './base.trigger.js';
import { namesOf } from '../model/names.js';
import { given } from './option.readers.js';
import type { OwnOption } from './schedule.options.js';
import { readScheduleOptions } from './schedule.options.js';
import { ScheduleTrigger } from './schedule.trigger.js';
import type { Occurrence, TriggerData, TriggerSeed } from './trigger.interface.js';
import type { TriggerContext } from './trigger.context.js';

const OWN_OPTIONS = namesOf<OwnOption<'and' | 'or'>>({ triggers: 0 });

/** How many times of a combination are looked at one by one to count them. */
export const MAX_COUNTED = 10_000;

/**
 * Several triggers taken together. Each child keeps its own grid: it is asked for its first time from a moment on, never
 * told what another one ran. A child's jitter is left aside, since it would keep children from ever meeting; the
 * combination has its own.
 */
export abstract class CombinationTrigger extends ScheduleTrigger {
  protected readonly children: readonly BaseTrigger[];

  /** @throws InvalidOptionError, UnknownOptionError, UnknownNameError, and what the children throw. */
  constructor(data: TriggerData, context: TriggerContext) {
    const options = readScheduleOptions(data, context, OWN_OPTIONS);
    super(options);
    if (!Array.isArray(data.triggers)) {
      throw new InvalidOptionError('triggers', data.triggers, 'an array of triggers');
    }
    // Array.from: a place that is left out is none that may be passed over.
    this.children = Array.from(data.triggers as TriggerData[], (child, index) => {
      const trigger = context.create(child, options.timezone);
      checkChild(trigger, child, index);
      return trigger;
    });
  }

  protected override dstMark(time: number, seed: TriggerSeed): Occurrence['dst'] {
    for (const child of this.children) {
      const occurrence = child.timeFrom(time, seed, time) === time ? child.nextOccurrence(null, time, seed) : null;
      if (occurrence?.dst !== undefined && occurrence.scheduledTime === time) return occurrence.dst;
    }
    return undefined;
  }

  protected ownData(): Record<string, unknown> {
    return { triggers: this.children.map((child) => child.toJSON()) };
  }

  protected childrenInWords(joint: string): string {
    const words = this.children.map((child) =>
      child instanceof CombinationTrigger && this.children.length > 1 ? `(${child.describe()})` : child.describe(),
    );
    return words.join(joint);
  }
}

function checkChild(trigger: BaseTrigger, data: TriggerData, index: number): void {
  const option = `triggers[${index}]`;
  // The start of a scheduler or the end of a run cannot be met or awaited. A stop is known from configurations that are
  // brought over, where it adds nothing.
  if (trigger.advance === 'completion' || trigger.advance === 'startup') {
    throw new InvalidOptionError(`${option}.type`, trigger.type, 'a trigger that has times of its own');
  }
  if (given(data.maxRuns)) {
    throw new InvalidOptionError(`${option}.maxRuns`, data.maxRuns, 'maxRuns on the combination as a whole');
  }
  if (given(data.onExcluded) && data.onExcluded !== 'skip') {
    throw new InvalidOptionError(
      `${option}.onExcluded`,
      data.onExcluded,
      '"skip", or it on the combination as a whole',
    );
  }
}
