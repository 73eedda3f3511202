import { namesOf } from '../model/names.js';
import { InvalidOptionError } from '../errors/input.errors.js';
import type { DstRules } from '../time/dst.js';
import { TimeZone } from '../time/time-zone.js';
import { DIALECTS } from './cron/cron.dialects.js';
import { CRON_FIELD_NAMES } from './cron/cron.fields.js';
import type { CronDialect, CronSchedule, DayMatch } from './cron/cron.fields.js';
import { parseCronExpression, parseCronFields } from './cron/cron.parser.js';
import { CronPattern } from './cron/cron.pattern.js';
import { cronInWords } from './cron/cron.words.js';
import { readDst } from './dst.options.js';
import { given, readChoice } from './option.readers.js';
import type { OwnOption } from './schedule.options.js';
import { readScheduleOptions } from './schedule.options.js';
import { NO_TASK } from './schedule.trigger.js';
import type { TriggerData, TriggerSeed } from './trigger.interface.js';
import type { CronFieldOptions } from './trigger.options.js';
import type { TriggerContext } from './trigger.context.js';
import { WallClock } from './wall-clock/wall-clock.js';
import { WallClockTrigger } from './wall-clock/wall-clock.trigger.js';

const OWN_OPTIONS = [
  ...namesOf<Exclude<OwnOption<'cron'>, keyof CronFieldOptions>>({ expression: 0, dialect: 0, dayMatch: 0, dst: 0 }),
  ...CRON_FIELD_NAMES,
];

const DIALECT_NAMES = Object.keys(DIALECTS) as CronDialect[];

/** How many tasks' values of `H` are kept ready by one trigger; past that they are worked out anew. */
const MAX_HASHED = 1_000;

/**
 * Wall-clock times by the rules of crontab: an expression, or fields one by one. See `docs/triggers.md`.
 */
export class CronTrigger extends WallClockTrigger {
  readonly type = 'cron';
  readonly #schedule: CronSchedule;
  readonly #zone: TimeZone;
  readonly #rules: DstRules;
  readonly #own: Record<string, unknown>;
  /** As it was written, in one line. */
  readonly #text: string;
  readonly #clock: WallClock;
  /** The clocks of tasks, where `H` gives each its own; null where none does. */
  readonly #hashed: Map<string, WallClock> | null;

  /** @throws CronSyntaxError, InvalidOptionError, UnknownOptionError, UnknownNameError */
  constructor(data: TriggerData, context: TriggerContext) {
    super(readScheduleOptions(data, context, OWN_OPTIONS));
    const dialect = readChoice(data.dialect, 'dialect', DIALECT_NAMES) ?? 'standard';
    const dayMatch = readChoice<DayMatch>(data.dayMatch, 'dayMatch', ['and', 'or']);
    const fields = givenFields(data);
    // Nothing at all is every second for the model system; a task that says so has most likely lost its expression.
    if (context.strict === true && !given(data.expression) && Object.keys(fields).length === 0) {
      throw new InvalidOptionError('expression', data.expression, 'an expression, or at least one field');
    }
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
    this.#text = given(data.expression)
      ? `"${String(data.expression)}"`
      : Object.entries(fields)
          .map(([name, value]) => `${name} ${String(value)}`)
          .join(', ');
    this.#hashed = usesHash(this.#schedule) ? new Map() : null;
    this.#clock = this.#createClock(NO_TASK.taskId);
  }

  protected override whyNoGrid(): string {
    return 'no day of the calendar matches its fields in 400 years, or its clocks skip every time that does';
  }

  protected ownData(): Record<string, unknown> {
    return this.#own;
  }

  protected describeGrid(): string {
    return `${cronInWords(this.#schedule, this.#text)}, ${this.options.timezone}`;
  }

  protected clockOf({ taskId }: TriggerSeed): WallClock {
    if (this.#hashed === null) return this.#clock;
    let clock = this.#hashed.get(taskId);
    if (!clock) {
      if (this.#hashed.size >= MAX_HASHED) this.#hashed.clear();
      clock = this.#createClock(taskId);
      this.#hashed.set(taskId, clock);
    }
    return clock;
  }

  #createClock(taskId: string): WallClock {
    return new WallClock(new CronPattern(this.#schedule, taskId), this.#zone, this.#rules);
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
