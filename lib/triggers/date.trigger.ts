import { namesOf } from '../model/names.js';
import { given } from './option.readers.js';
import type { OwnOption } from './schedule.options.js';
import { readMoment, readScheduleOptions } from './schedule.options.js';
import { ScheduleTrigger } from './schedule.trigger.js';
import { dateInWords } from './schedule.words.js';
import type { CatchUp, Occurrence, TriggerData, TriggerSeed } from './trigger.interface.js';
import type { TriggerContext } from './trigger.context.js';

const OWN_OPTIONS = namesOf<OwnOption<'date'>>({ runAt: 0 });

/**
 * Once, at `runAt`; without it, at the moment of creation. Whether one that has passed still runs is for the task's grace
 * time to say, so asked for its first time it gives a past one too.
 */
export class DateTrigger extends ScheduleTrigger {
  readonly type = 'date';
  readonly #runAt: number;

  /** @throws InvalidOptionError, UnknownOptionError, UnknownNameError */
  constructor(data: TriggerData, context: TriggerContext) {
    super(readScheduleOptions(data, context, OWN_OPTIONS));
    this.#runAt = given(data.runAt) ? readMoment(data.runAt, 'runAt', this.options.timezone) : Math.trunc(context.now);
  }

  override nextTime(previous: number | null): number | null {
    return previous === null ? super.nextTime(null, -Infinity) : null;
  }

  override nextOccurrence(previous: number | null, _now: number, seed: TriggerSeed): Occurrence | null {
    return previous === null ? super.nextOccurrence(null, -Infinity, seed) : null;
  }

  override catchUp(from: Occurrence, now: number, _seed: TriggerSeed): CatchUp {
    return from.runTime > now ? { count: 0, latest: null, next: from } : { count: 1, latest: from, next: null };
  }

  override impossible(): string | null {
    return this.nextTime(null) === null ? 'its runAt lies outside its startAt and endAt, or is excluded' : null;
  }

  protected gridFrom(time: number): number | null {
    return this.#runAt >= time ? this.#runAt : null;
  }

  protected countGrid(from: number, to: number): number {
    return this.#runAt >= from && this.#runAt <= to ? 1 : 0;
  }

  protected ownData(): Record<string, unknown> {
    return { runAt: new Date(this.#runAt).toISOString() };
  }

  protected describeGrid(): string {
    return `at ${dateInWords(this.#runAt, this.options.timezone)}, ${this.options.timezone}`;
  }
}
