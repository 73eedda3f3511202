import { InvalidOptionError, UnknownNameError } from '../errors/input.errors.js';
import { SystemClock } from '../model/clock.js';
import { assertTimezone, toInstant } from '../time/inputs.js';
import { AndTrigger } from './and.trigger.js';
import { BaseTrigger } from './base.trigger.js';
import { CalendarIntervalTrigger } from './calendar-interval.trigger.js';
import type { CalendarDefinition } from './calendars/calendar.interface.js';
import { CalendarRegistry } from './calendars/calendar.registry.js';
import { CronTrigger } from './cron.trigger.js';
import { DateTrigger } from './date.trigger.js';
import { FixedDelayTrigger } from './fixed-delay.trigger.js';
import { IntervalTrigger } from './interval.trigger.js';
import { ShutdownTrigger, StartupTrigger } from './startup.triggers.js';
import { OrTrigger } from './or.trigger.js';
import { RRuleTrigger } from './rrule.trigger.js';
import { withinBudget } from './search-budget.js';
import type { TriggerCreation, TriggerData } from './trigger.interface.js';
import type { TriggerContext } from './trigger.context.js';
import type { TriggerOptions, TriggerOptionsMap } from './trigger.options.js';

/**
 * Makes a trigger from its stored data.
 *
 * @publicApi
 */
export type TriggerFactory = (data: TriggerData, context: TriggerContext) => BaseTrigger;

/**
 * A class of triggers whose constructor takes the stored data.
 *
 * @publicApi
 */
export type TriggerClass = new (data: TriggerData, context: TriggerContext) => BaseTrigger;

/** The kinds that are always there. */
const BUILT_IN: Readonly<Record<keyof TriggerOptionsMap, TriggerClass>> = {
  date: DateTrigger,
  interval: IntervalTrigger,
  calendarInterval: CalendarIntervalTrigger,
  cron: CronTrigger,
  and: AndTrigger,
  or: OrTrigger,
  rrule: RRuleTrigger,
  fixedDelay: FixedDelayTrigger,
  startup: StartupTrigger,
  shutdown: ShutdownTrigger,
};

/** How deep combinations may be nested, and how many triggers one may have in all. */
const MAX_DEPTH = 8;
const MAX_MEMBERS = 100;

/**
 * The trigger types by name. A task stores the name and plain options; this process registers the code for the name.
 *
 * @publicApi
 */
export class TriggerRegistry {
  readonly #factories = new Map<string, TriggerFactory>();
  /** The kinds that were registered by others. */
  readonly #registered = new Set<string>();
  readonly #calendars = new CalendarRegistry();

  constructor() {
    for (const [type, trigger] of Object.entries(BUILT_IN)) this.register(type, trigger);
    this.#registered.clear();
  }

  /**
   * Adds a kind of trigger, or replaces the one of the same name.
   *
   * @param factory A function that makes the trigger, or a class that extends {@link BaseTrigger}.
   * @throws InvalidOptionError When the name is empty or the factory is neither.
   */
  register(type: string, factory: TriggerFactory | TriggerClass): this {
    if (typeof type !== 'string' || type === '') throw new InvalidOptionError('type', type, 'a name');
    if (typeof factory !== 'function') {
      throw new InvalidOptionError(`triggers.${type}`, factory, 'a factory, or a class that extends BaseTrigger');
    }
    this.#registered.add(type);
    this.#factories.set(type, isTriggerClass(factory) ? (data, context) => new factory(data, context) : factory);
    return this;
  }

  /**
   * Adds an exclusion calendar that triggers can name, or replaces the one of the same name; triggers follow at once.
   *
   * @throws InvalidOptionError, UnknownOptionError When it cannot be read.
   * @throws UnknownNameError When it names a calendar that is not registered.
   */
  registerCalendar(name: string, definition: CalendarDefinition): this {
    this.#calendars.register(name, definition);
    return this;
  }

  /** Whether a kind is the one that is always there, which nobody has replaced. */
  isBuiltIn(type: keyof TriggerOptionsMap): boolean {
    return !this.#registered.has(type);
  }

  /** The names that are registered, in order. */
  types(): string[] {
    return [...this.#factories.keys()].sort();
  }

  /**
   * Makes a trigger.
   *
   * @throws UnknownNameError When the type is not registered.
   * @throws InvalidOptionError, UnknownOptionError, CronSyntaxError What the type throws for its options.
   */
  create(options: TriggerData | BaseTrigger, creation: TriggerCreation): BaseTrigger {
    return withinBudget(() => this.#create(options, creation, 0, { count: 0 }));
  }

  #create(
    options: TriggerData | BaseTrigger,
    creation: TriggerCreation,
    depth: number,
    members: { count: number },
  ): BaseTrigger {
    // One that was made before is taken as what it would be stored as: so it is known to be readable again.
    const data = options instanceof BaseTrigger ? options.toJSON() : options;
    if (typeof data !== 'object' || data === null || typeof data.type !== 'string') {
      throw new InvalidOptionError('trigger', data, 'an object with a "type"');
    }
    members.count += 1;
    if (depth > MAX_DEPTH || members.count > MAX_MEMBERS) {
      const allowed = `at most ${MAX_MEMBERS} triggers, ${MAX_DEPTH} within each other, in one combination`;
      throw new InvalidOptionError('triggers', data, allowed);
    }
    const factory = this.#factories.get(data.type);
    if (!factory) throw new UnknownNameError('trigger type', data.type, this.types());
    const { now, timezone: zone, strict } = creation;
    return factory(data, {
      now,
      timezone: zone,
      ...(strict !== undefined && { strict }),
      create: (child, timezone) => this.#create(child, { ...creation, timezone }, depth + 1, members),
      calendar: (source, timezone) => this.#calendars.use(source, timezone),
    });
  }
}

function isTriggerClass(factory: TriggerFactory | TriggerClass): factory is TriggerClass {
  return factory.prototype instanceof BaseTrigger;
}

/**
 * The registry that {@link createTrigger} uses. Register a custom type here to use it there.
 *
 * @publicApi
 */
export const defaultTriggerRegistry = new TriggerRegistry();

/**
 * Makes a trigger for direct use: previews, tests, schedules without a task.
 *
 * @param options What `@ScheduledTask` and `addTask` take: `{ type: 'cron', expression: '0 2 * * *' }`.
 * @param creation.now The moment of creation, for what is left to it: a date without `runAt`, an interval without
 *   `startAt`. The system's clock unless given.
 * @param creation.timezone The IANA zone for triggers that name none; UTC unless given.
 * @throws UnknownNameError, InvalidOptionError, UnknownOptionError, CronSyntaxError
 *
 * @publicApi
 */
export function createTrigger(
  options: TriggerOptions | TriggerData | BaseTrigger,
  { now, timezone = 'UTC' }: { readonly now?: Date; readonly timezone?: string } = {},
): BaseTrigger {
  if (options instanceof BaseTrigger) return options;
  assertTimezone(timezone, 'timezone');
  const moment = now === undefined ? new SystemClock().now() : toInstant(now, 'now');
  return defaultTriggerRegistry.create(options as TriggerData, { now: moment, timezone });
}
