import { namesOf } from '../model/names.js';
import { InvalidOptionError } from '../errors/input.errors.js';
import { DAY_MS } from '../time/civil.js';
import type { DstRules } from '../time/dst.js';
import { TimeZone } from '../time/time-zone.js';
import { readDst } from './dst.options.js';
import { given } from './option.readers.js';
import type { OwnOption } from './schedule.options.js';
import { readScheduleOptions } from './schedule.options.js';
import { countInWords, everyInWords, timeOfDayInWords } from './schedule.words.js';
import type { TriggerData } from './trigger.interface.js';
import type { TriggerContext } from './trigger.context.js';
import { CalendarGrid } from './wall-clock/calendar.grid.js';
import { WallClock } from './wall-clock/wall-clock.js';
import { WallClockTrigger } from './wall-clock/wall-clock.trigger.js';

const UNITS = ['years', 'months', 'weeks', 'days'] as const;

const OWN_OPTIONS = [
  ...UNITS,
  ...namesOf<Exclude<OwnOption<'calendarInterval'>, (typeof UNITS)[number]>>({ at: 0, dst: 0 }),
];

type Units = Partial<Record<(typeof UNITS)[number], number>>;

/** More of any unit is beyond the calendar. */
const MAX_AMOUNT = 100_000;

/**
 * Every so many years, months, weeks or days of the calendar, at a time of day on the wall clock. The dates are counted
 * from the first one, so that 31 January plus one month is 28 or 29 February, and plus two is 31 March again.
 */
export class CalendarIntervalTrigger extends WallClockTrigger {
  readonly type = 'calendarInterval';
  readonly #units: Readonly<Units>;
  readonly #dst: Partial<DstRules>;
  /** Seconds since midnight. */
  readonly #at: number;
  readonly #clock: WallClock;

  /** @throws InvalidOptionError, UnknownOptionError, UnknownNameError */
  constructor(data: TriggerData, context: TriggerContext) {
    const options = readScheduleOptions(data, context, OWN_OPTIONS);
    const zone = TimeZone.get(options.timezone);
    // Its times are whole seconds: a start within one must not lie behind the first of them.
    const start = Math.floor((options.startAt ?? context.now) / 1_000) * 1_000;
    const local = start + zone.offsetAt(start);
    const firstDay = Math.floor(local / DAY_MS);
    // Without a start the first date is the day of creation, at midnight unless a time is given.
    const startIsGiven = options.startAt !== null;
    super({ ...options, startAt: startIsGiven ? start : zone.fromLocal(firstDay * DAY_MS).time, startIsGiven });
    const ownTime = startIsGiven ? (local - firstDay * DAY_MS) / 1_000 : 0;
    this.#at = given(data.at) ? readTimeOfDay(data.at) : ownTime;
    this.#units = readUnits(data);
    this.#dst = readDst(data);
    const { years = 0, months = 0, weeks = 0, days = 0 } = this.#units;
    const grid = new CalendarGrid(firstDay, this.#at, years * 12 + months, weeks * 7 + days);
    this.#clock = new WallClock(grid, zone, { gap: 'shift', overlap: 'first', ...this.#dst });
  }

  protected clockOf(): WallClock {
    return this.#clock;
  }

  protected ownData(): Record<string, unknown> {
    const dst = Object.keys(this.#dst).length > 0 ? { dst: this.#dst } : {};
    return { ...this.#units, at: timeOfDayInWords(this.#at * 1_000), ...dst };
  }

  protected describeGrid(): string {
    const every = UNITS.filter((unit) => this.#units[unit] !== undefined)
      .map((unit) => countInWords(this.#units[unit]!, unit.slice(0, -1)))
      .join(' ');
    return `${everyInWords(every)} at ${timeOfDayInWords(this.#at * 1_000)}, ${this.options.timezone}`;
  }
}

function readUnits(data: TriggerData): Units {
  const units: Units = {};
  for (const unit of UNITS) {
    const amount = data[unit];
    if (!given(amount)) continue;
    if (!Number.isInteger(amount) || (amount as number) < 0 || (amount as number) > MAX_AMOUNT) {
      throw new InvalidOptionError(unit, amount, `a whole number from 0 to ${MAX_AMOUNT}`);
    }
    if (amount !== 0) units[unit] = amount as number;
  }
  if (Object.keys(units).length === 0) {
    throw new InvalidOptionError('trigger', data, 'at least one of years, months, weeks and days');
  }
  return units;
}

function readTimeOfDay(value: unknown): number {
  const match = typeof value === 'string' ? /^(\d{1,2}):(\d{2})(?::(\d{2}))?$/.exec(value) : null;
  const [hour, minute, second] = (match ?? []).slice(1).map((part) => Number(part ?? 0));
  if (!match || hour! > 23 || minute! > 59 || second! > 59) {
    throw new InvalidOptionError('at', value, 'a time of day such as "09:30" or "09:30:15"');
  }
  return (hour! * 60 + minute!) * 60 + second!;
}
