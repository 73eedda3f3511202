import { InvalidOptionError, UnknownNameError } from '../../errors/input.errors.js';
import type { CalendarDefinition, CalendarSource, ExclusionCalendar } from './calendar.interface.js';
import { DefinitionCalendar } from './definition.calendar.js';
import { UnionCalendar } from './union.calendar.js';

/** How deep calendars may name each other: more is a circle. */
const MAX_DEPTH = 20;

/** The exclusion calendars of a process by their names. */
export class CalendarRegistry {
  readonly #definitions = new Map<string, CalendarDefinition>();
  /** Counts the registrations, so that what was built from older ones is known to be old. */
  #version = 0;

  /**
   * Adds a calendar or replaces the one of the same name; triggers that name it follow at once.
   *
   * @throws InvalidOptionError, UnknownOptionError, UnknownNameError When it names a calendar that is not there.
   */
  register(name: string, definition: CalendarDefinition): void {
    if (typeof name !== 'string' || name === '') throw new InvalidOptionError('calendar', name, 'a name');
    const known = this.#definitions.get(name);
    this.#definitions.set(name, definition);
    try {
      this.#build(name, 'UTC', 0);
    } catch (error) {
      if (known) this.#definitions.set(name, known);
      else this.#definitions.delete(name);
      throw error;
    }
    this.#version += 1;
  }

  names(): string[] {
    return [...this.#definitions.keys()].sort();
  }

  /**
   * The calendar that a trigger names, as it is at the moment of asking.
   *
   * @param timezone The IANA zone of definitions that name none.
   */
  use(source: CalendarSource, timezone: string): () => ExclusionCalendar {
    let built = this.#build(source, timezone, 0);
    let version = this.#version;
    return () => {
      if (version !== this.#version) {
        built = this.#build(source, timezone, 0);
        version = this.#version;
      }
      return built;
    };
  }

  #build(source: CalendarSource, timezone: string, depth: number): ExclusionCalendar {
    if (depth > MAX_DEPTH) {
      throw new InvalidOptionError('calendar', source, 'calendars that do not name each other in a circle');
    }
    if (Array.isArray(source)) {
      return new UnionCalendar(source.map((one: CalendarSource) => this.#build(one, timezone, depth + 1)));
    }
    const definition = typeof source === 'string' ? this.#definitions.get(source) : (source as CalendarDefinition);
    if (definition === undefined) throw new UnknownNameError('calendar', source as string, this.names());
    const own = new DefinitionCalendar(definition, timezone);
    const others = definition.calendars ?? [];
    if (!Array.isArray(others)) throw new InvalidOptionError('calendar.calendars', others, 'an array');
    const zone = definition.timezone ?? timezone;
    return new UnionCalendar([own, ...others.map((one: CalendarSource) => this.#build(one, zone, depth + 1))]);
  }
}
