import { InvalidOptionError } from '../errors/input.errors.js';
import { formatDuration } from '../model/duration.js';
import { namesOf } from '../model/names.js';
import { given } from './option.readers.js';
import type { OwnOption } from './schedule.options.js';
import { readLength, readScheduleOptions } from './schedule.options.js';
import { ScheduleTrigger } from './schedule.trigger.js';
import { durationInWords } from './schedule.words.js';
import type { CatchUp, Occurrence, TriggerData, TriggerSeed } from './trigger.interface.js';
import type { TriggerContext } from './trigger.context.js';

const OWN_OPTIONS = namesOf<OwnOption<'fixedDelay'>>({ delay: 0 });

/**
 * So long after the last run has ended: for work that must not follow on itself. The first run is at `startAt`, or at
 * once. The engine gives the end of the last run as the previous time, and asks only when there is one.
 */
export class FixedDelayTrigger extends ScheduleTrigger {
  readonly type = 'fixedDelay';
  override readonly advance = 'completion';
  readonly #delay: number;

  /** @throws InvalidOptionError, UnknownOptionError, UnknownNameError */
  constructor(data: TriggerData, context: TriggerContext) {
    const options = readScheduleOptions(data, context, OWN_OPTIONS);
    if (!given(data.delay)) {
      throw new InvalidOptionError('delay', data.delay, 'a duration: milliseconds, or text such as "90s" or "5m"');
    }
    // The first run waits for its calendar from the moment of creation on, wherever that is asked for.
    const startAt = options.startAt ?? Math.trunc(context.now);
    super({ ...options, startAt, startIsGiven: options.startAt !== null });
    this.#delay = readLength(data.delay, 'delay', 1);
  }

  /** There is one time at a time: what follows it is known when its run has ended. */
  override catchUp(from: Occurrence, now: number, _seed: TriggerSeed): CatchUp {
    return from.runTime > now ? { count: 0, latest: null, next: from } : { count: 1, latest: from, next: null };
  }

  protected gridFrom(time: number, _seed: TriggerSeed, previous: number | null): number {
    return previous === null ? time : Math.max(time, previous + this.#delay);
  }

  protected countGrid(): number {
    return 0;
  }

  protected ownData(): Record<string, unknown> {
    return { delay: formatDuration(this.#delay) };
  }

  protected describeGrid(): string {
    return `${durationInWords(this.#delay)} after the last run has ended`;
  }
}
