import { InvalidOptionError, rejectUnknownOptions } from '../errors/input.errors.js';
import { TimeZone } from '../time/time-zone.js';
import { CronClock } from './cron/cron.clock.js';
import type { DstGap, DstOverlap, DstRules } from './cron/cron.clock.js';
import type { CronDialect } from './cron/cron.field-parser.js';
import { CRON_FIELD_NAMES } from './cron/cron.fields.js';
import type { CronSchedule, DayMatch } from './cron/cron.fields.js';
import { parseCronExpression, parseCronFields } from './cron/cron.parser.js';
import { CronPattern } from './cron/cron.pattern.js';
import { cronInWords } from './cron/cron.words.js';
import { given, readScheduleOptions } from './schedule.options.js';
import { NO_TASK, ScheduleTrigger } from './schedule.trigger.js';
import type { Occurrence, TriggerContext, TriggerData, TriggerSeed } from './trigger.interface.js';

const OWN_OPTIONS = ['expression', ...CRON_FIELD_NAMES, 'dialect', 'dayMatch', 'dst'];

/** How many tasks' values of `H` are kept ready by one trigger; past that they are worked out anew. */
const MAX_HASHED = 1_000;

/**
 * Wall-clock times by the rules of crontab: an expression, or fields one by one. See `docs/triggers.md`.
 *
 * @publicApi
 */
export class CronTrigger extends ScheduleTrigger {
  readonly type = 'cron';
  readonly #schedule: CronSchedule;
  readonly #zone: TimeZone;
  readonly #rules: DstRules;
  readonly #own: Record<string, unknown>;
  readonly #clock: CronClock;
  /** The clocks of tasks, where `H` gives each its own; null where none does. */
  readonly #hashed: Map<string, CronClock> | null;

  /** @throws CronSyntaxError, InvalidOptionError, UnknownOptionError, UnknownNameError */
  constructor(data: TriggerData, context: TriggerContext) {
    super(readScheduleOptions(data, context, OWN_OPTIONS));
    const dialect = readChoice<CronDialect>(data, 'dialect', ['standard', 'asyncz']) ?? 'standard';
    const dayMatch = readChoice<DayMatch>(data, 'dayMatch', ['and', 'or']);
    const fields = givenFields(data);
    this.#schedule = given(data.expression)
      ? parseCronExpression(data.expression, dialect, dayMatch)
      : parseCronFields(fields, dialect, dayMatch);
    this.#zone = TimeZone.get(this.options.timezone);
    const dst = readDst(data);
    const wildcard = this.#schedule.fields.hour.wildcard;
    this.#rules = {
      gap: dst.gap ?? (wildcard ? 'skip' : 'shift'),
      overlap: dst.overlap ?? (wildcard ? 'both' : 'first'),
    };
    this.#own = {
      ...(given(data.expression) ? { expression: data.expression } : fields),
      dialect,
      ...(dayMatch !== undefined && { dayMatch }),
      ...(given(data.dst) && { dst }),
    };
    this.#hashed = usesHash(this.#schedule) ? new Map() : null;
    this.#clock = this.#createClock(NO_TASK.taskId);
  }

  protected gridFrom(time: number, seed: TriggerSeed): number | null {
    return this.#clockOf(seed).next(time);
  }

  protected countGrid(from: number, to: number, seed: TriggerSeed): number {
    return this.#clockOf(seed).count(from, to);
  }

  protected override dstMark(time: number, seed: TriggerSeed): Occurrence['dst'] {
    return this.#clockOf(seed).mark(time);
  }

  protected override whyNoGrid(): string {
    return 'no day of the calendar matches its fields in 400 years, or its clocks skip every time that does';
  }

  protected ownData(): Record<string, unknown> {
    return this.#own;
  }

  protected describeGrid(): string {
    return `${cronInWords(this.#own, this.#schedule)}, ${this.options.timezone}`;
  }

  #clockOf({ taskId }: TriggerSeed): CronClock {
    if (this.#hashed === null) return this.#clock;
    let clock = this.#hashed.get(taskId);
    if (!clock) {
      if (this.#hashed.size >= MAX_HASHED) this.#hashed.clear();
      clock = this.#createClock(taskId);
      this.#hashed.set(taskId, clock);
    }
    return clock;
  }

  #createClock(taskId: string): CronClock {
    return new CronClock(new CronPattern(this.#schedule, taskId), this.#zone, this.#rules);
  }
}

function usesHash({ fields }: CronSchedule): boolean {
  return Object.values(fields).some((field) => field.items.some((item) => item.kind === 'hash'));
}

function givenFields(data: TriggerData): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  for (const name of CRON_FIELD_NAMES) {
    if (!given(data[name])) continue;
    if (given(data.expression)) throw new InvalidOptionError(name, data[name], 'nothing when "expression" is given');
    fields[name] = data[name];
  }
  return fields;
}

function readChoice<T extends string>(data: TriggerData, option: string, allowed: readonly T[]): T | undefined {
  const value = data[option];
  if (!given(value)) return undefined;
  if (!(allowed as readonly unknown[]).includes(value)) {
    throw new InvalidOptionError(option, value, allowed.map((one) => JSON.stringify(one)).join(' or '));
  }
  return value as T;
}

/** The rules of the task itself; what it leaves open follows from the form of its hour. */
function readDst({ dst }: TriggerData): Partial<DstRules> {
  if (!given(dst)) return {};
  if (typeof dst !== 'object') throw new InvalidOptionError('dst', dst, 'an object with "gap" or "overlap"');
  rejectUnknownOptions('dst', dst as object, ['gap', 'overlap']);
  const rules = { type: 'dst', ...(dst as object) };
  const gap = readChoice<DstGap>(rules, 'gap', ['shift', 'skip', 'next']);
  const overlap = readChoice<DstOverlap>(rules, 'overlap', ['first', 'second', 'both']);
  return { ...(gap !== undefined && { gap }), ...(overlap !== undefined && { overlap }) };
}
