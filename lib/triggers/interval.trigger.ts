import { InvalidOptionError } from '../errors/input.errors.js';
import { formatDuration } from '../model/duration.js';
import { given } from './option.readers.js';
import type { OwnOption } from './schedule.options.js';
import { MAX_LENGTH_MS, readLength, readScheduleOptions } from './schedule.options.js';
import { ScheduleTrigger } from './schedule.trigger.js';
import { durationInWords, everyInWords } from './schedule.words.js';
import type { TriggerData, TriggerSeed } from './trigger.interface.js';
import type { TriggerContext } from './trigger.context.js';

const UNITS = {
  weeks: 604_800_000,
  days: 86_400_000,
  hours: 3_600_000,
  minutes: 60_000,
  seconds: 1_000,
  milliseconds: 1,
} as const satisfies Record<Exclude<OwnOption<'interval'>, 'every'>, number>;

const UNIT_NAMES = Object.keys(UNITS) as readonly (keyof typeof UNITS)[];

/**
 * Every so long, counted in elapsed time on a grid that is anchored at `startAt`, never on when a run really took place.
 * A day is 24 hours: for a time of day that survives a change of clocks there is the `calendarInterval`.
 */
export class IntervalTrigger extends ScheduleTrigger {
  readonly type = 'interval';
  readonly #every: number;
  readonly #anchor: number;

  /** @throws InvalidOptionError, UnknownOptionError, UnknownNameError */
  constructor(data: TriggerData, context: TriggerContext) {
    const options = readScheduleOptions(data, context, ['every', ...UNIT_NAMES]);
    const every = readInterval(data, context.strict ?? false);
    // Without a start, the first run is one interval from now; written down, so that it stays where it is.
    const anchor = options.startAt ?? Math.trunc(context.now) + every;
    super({ ...options, startAt: anchor, startIsGiven: options.startAt !== null });
    this.#every = every;
    this.#anchor = anchor;
  }

  /** From a first run at a time of its own, which the conformance cases have, the grid goes on from there. */
  protected gridFrom(time: number, _seed: TriggerSeed, previous: number | null): number | null {
    const origin = previous ?? this.#anchor;
    return origin + Math.max(0, Math.ceil((time - origin) / this.#every)) * this.#every;
  }

  protected countGrid(from: number, to: number, _seed: TriggerSeed, previous: number | null): number {
    const origin = previous ?? this.#anchor;
    const first = Math.max(0, Math.ceil((from - origin) / this.#every));
    return Math.max(0, Math.floor((to - origin) / this.#every) - first + 1);
  }

  protected ownData(): Record<string, unknown> {
    return { every: formatDuration(this.#every) };
  }

  protected describeGrid(): string {
    return everyInWords(durationInWords(this.#every));
  }
}

function readInterval(data: TriggerData, strict: boolean): number {
  const units = UNIT_NAMES.filter((unit) => given(data[unit]));
  if (given(data.every)) {
    if (units.length > 0) throw new InvalidOptionError(units[0]!, data[units[0]!], 'nothing when "every" is given');
    return readLength(data.every, 'every', 1);
  }
  let total = 0;
  for (const unit of units) {
    const amount = data[unit];
    if (typeof amount !== 'number' || !(amount >= 0) || !Number.isFinite(amount)) {
      throw new InvalidOptionError(unit, amount, 'a number that is not negative');
    }
    total += amount * UNITS[unit];
  }
  // As in the model system, whose conformance cases ask for it: no length at all is one second. A task that says so is
  // a mistake, and would run 86,400 times a day.
  if (total === 0 && !strict) return 1_000;
  if (total < 1 || total > MAX_LENGTH_MS) {
    const [unit = 'every'] = units;
    throw new InvalidOptionError(unit, data[unit], 'an interval of one millisecond to 1,000 years');
  }
  return Math.round(total);
}
