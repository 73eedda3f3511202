import { InvalidOptionError } from '../errors/input.errors.js';
import { DAY_MS } from '../time/civil.js';
import { parseDateText } from '../time/date-text.js';
import type { DstRules } from '../time/dst.js';
import { TimeZone } from '../time/time-zone.js';
import { readDst } from './dst.options.js';
import { RRuleGrid } from './rrule/rrule.grid.js';
import { LibraryRule } from './rrule/rrule.library.js';
import { parseRRule } from './rrule/rrule.parts.js';
import type { RRuleParts } from './rrule/rrule.parts.js';
import { isoOf, unfoldRRule } from './rrule/rrule.text.js';
import { namesOf } from '../model/names.js';
import { given } from './option.readers.js';
import type { OwnOption } from './schedule.options.js';
import { readMoment, readScheduleOptions, readTimezone } from './schedule.options.js';
import { dateInWords } from './schedule.words.js';
import type { TriggerData, TriggerSeed } from './trigger.interface.js';
import type { TriggerContext } from './trigger.context.js';
import { spend } from './search-budget.js';
import { WallClock } from './wall-clock/wall-clock.js';
import { WallClockTrigger } from './wall-clock/wall-clock.trigger.js';

const OWN_OPTIONS = namesOf<OwnOption<'rrule'>>({ rule: 0, exDates: 0, rDates: 0, dst: 0 });

/** How much of a rule without words is shown. */
const MAX_SHOWN = 200;

/** How many dates a rule may exclude, and how many it may add. */
const MAX_DATES = 1_000;

/**
 * A recurrence rule of iCalendar (RFC 5545), as calendars export them: the rule alone, or its lines of text.
 */
export class RRuleTrigger extends WallClockTrigger {
  readonly type = 'rrule';
  readonly #rule: string;
  readonly #parts: RRuleParts;
  readonly #dst: Partial<DstRules>;
  readonly #excluded: ReadonlySet<number>;
  /** In order, without those that are excluded. */
  readonly #added: readonly number[];
  readonly #library: LibraryRule;
  readonly #clock: WallClock;

  /** @throws InvalidOptionError, UnknownOptionError, UnknownNameError */
  constructor(source: TriggerData, context: TriggerContext) {
    const data = unfoldRRule(source, readTimezone(source, context));
    const options = readScheduleOptions(data, context, OWN_OPTIONS);
    // The rule has whole seconds, and so has its start.
    const startAt = Math.floor((options.startAt ?? context.now) / 1_000) * 1_000;
    super({ ...options, startAt, startIsGiven: options.startAt !== null });
    if (typeof data.rule !== 'string') throw new InvalidOptionError('rule', source.rule, 'text with an RRULE');
    this.#rule = data.rule;
    this.#parts = parseRRule(data.rule);
    this.#dst = readDst(data);
    this.#excluded = new Set(readDates(data, 'exDates', options.timezone));
    this.#added = readDates(data, 'rDates', options.timezone).filter((date) => !this.#excluded.has(date));
    const zone = TimeZone.get(options.timezone);
    const until = readUntil(this.#parts, zone);
    const start = (startAt + zone.offsetAt(startAt)) / 1_000;
    this.#library = new LibraryRule(this.#parts, start);
    this.#clock = new WallClock(new RRuleGrid(this.#parts, start, until), zone, {
      gap: 'shift',
      overlap: 'first',
      ...this.#dst,
    });
  }

  protected clockOf(): WallClock {
    return this.#clock;
  }

  protected override gridFrom(time: number): number | null {
    const added = this.#added.find((date) => date >= time) ?? Infinity;
    let found = this.#clock.next(time);
    while (found !== null && this.#excluded.has(found)) {
      spend();
      found = this.#clock.next(found + 1);
    }
    const first = Math.min(found ?? Infinity, added);
    return first === Infinity ? null : first;
  }

  protected override countGrid(from: number, to: number, seed: TriggerSeed): number {
    const inside = (date: number): boolean => date >= from && date <= to;
    const ofRule = (date: number): boolean => this.#clock.next(date) === date;
    const rule = super.countGrid(from, to, seed, null);
    const excluded = [...this.#excluded].filter((date) => inside(date) && ofRule(date)).length;
    return rule - excluded + this.#added.filter((date) => inside(date) && !ofRule(date)).length;
  }

  protected override whyNoGrid(): string {
    return 'its rule gives no date';
  }

  protected ownData(): Record<string, unknown> {
    const iso = (dates: Iterable<number>): string[] => [...dates].map((date) => new Date(date).toISOString());
    return {
      rule: this.#rule,
      ...(this.#excluded.size > 0 && { exDates: iso(this.#excluded) }),
      ...(this.#added.length > 0 && { rDates: iso(this.#added) }),
      ...(Object.keys(this.#dst).length > 0 && { dst: this.#dst }),
    };
  }

  protected describeGrid(): string {
    const { timezone } = this.options;
    const parts = [
      this.#library.inWords() ??
        `by the rule ${this.#rule.length > MAX_SHOWN ? `${this.#rule.slice(0, MAX_SHOWN)}…` : this.#rule}`,
      timezone,
    ];
    const count = this.#parts.get('COUNT');
    if (count !== undefined) parts.push(count === '1' ? 'once' : `${count} times`);
    const until = this.#parts.get('UNTIL');
    if (until !== undefined) parts.push(`until ${isoOf(until)?.replace('T', ' ') ?? until}`);
    if (this.#added.length > 0) parts.push(`also at ${this.#list(this.#added)}`);
    if (this.#excluded.size > 0) parts.push(`but not at ${this.#list([...this.#excluded])}`);
    return parts.join(', ');
  }

  #list(dates: readonly number[]): string {
    const shown = dates.slice(0, 3).map((date) => dateInWords(date, this.options.timezone));
    return shown.join(', ') + (dates.length > 3 ? ` and ${dates.length - 3} more` : '');
  }
}

function readDates(data: TriggerData, option: string, timezone: string): number[] {
  const dates = data[option];
  if (!given(dates)) return [];
  if (!Array.isArray(dates)) throw new InvalidOptionError(option, dates, 'an array of dates');
  if (dates.length > MAX_DATES) throw new InvalidOptionError(option, dates, `at most ${MAX_DATES} dates`);
  return dates.map((date, index) => readMoment(date, `${option}[${index}]`, timezone)).sort((a, b) => a - b);
}

/** The wall-clock second up to which the rule goes; a date means the whole day. */
function readUntil(parts: RRuleParts, zone: TimeZone): number | null {
  const text = parts.get('UNTIL');
  if (text === undefined) return null;
  const iso = isoOf(text);
  const date = iso === null ? null : parseDateText(iso);
  if (date === null) throw new InvalidOptionError('rule', text, 'a date such as "20251231T235959Z" as UNTIL');
  if (!iso!.includes('T')) return (date.local + DAY_MS) / 1_000 - 1;
  return (date.offset === null ? date.local : date.local + zone.offsetAt(date.local)) / 1_000;
}
