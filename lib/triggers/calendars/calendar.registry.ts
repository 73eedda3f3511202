import { InvalidOptionError, UnknownNameError } from '../../errors/input.errors.js';
import type { CalendarDefinition, CalendarSource, ExclusionCalendar } from './calendar.interface.js';
import { DefinitionCalendar } from './definition.calendar.js';
import { UnionCalendar } from './union.calendar.js';

/** How deep calendars may name each other: more is a circle. */
const MAX_DEPTH = 20;

/** How many definitions one calendar may be made of, and how many days, ranges and windows they may have in all. */
const MAX_DEFINITIONS = 100;
const MAX_ENTRIES = 2_000;

/** What a calendar is made of so far. */
interface Size {
  definitions: number;
  entries: number;
}

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
      this.#build(name, 'UTC');
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
    let built = this.#build(source, timezone);
    let version = this.#version;
    return () => {
      if (version !== this.#version) {
        built = this.#build(source, timezone);
        version = this.#version;
      }
      return built;
    };
  }

  #build(source: CalendarSource, timezone: string): ExclusionCalendar {
    const parts: ExclusionCalendar[] = [];
    const size = { definitions: 0, entries: 0 };
    this.#collect(source, timezone, 0, size, parts);
    return new UnionCalendar(parts);
  }

  #collect(source: CalendarSource, timezone: string, depth: number, size: Size, parts: ExclusionCalendar[]): void {
    if (depth > MAX_DEPTH) {
      throw new InvalidOptionError('calendar', source, 'calendars that do not name each other in a circle');
    }
    if (Array.isArray(source)) {
      if (source.length > MAX_DEFINITIONS) failSize(source);
      for (const one of source as CalendarSource[]) this.#collect(one, timezone, depth + 1, size, parts);
      return;
    }
    const definition = typeof source === 'string' ? this.#definitions.get(source) : (source as CalendarDefinition);
    if (definition === undefined) throw new UnknownNameError('calendar', source as string, this.names());
    if (typeof definition !== 'object' || definition === null) {
      throw new InvalidOptionError('calendar', definition, 'a name, a definition, or an array of either');
    }
    size.definitions += 1;
    for (const entries of Object.values(definition) as unknown[]) {
      if (Array.isArray(entries)) size.entries += entries.length;
    }
    if (size.definitions > MAX_DEFINITIONS || size.entries > MAX_ENTRIES) failSize(source);
    parts.push(new DefinitionCalendar(definition, timezone));
    const others = definition.calendars ?? [];
    if (!Array.isArray(others)) throw new InvalidOptionError('calendar.calendars', others, 'an array');
    const zone = definition.timezone ?? timezone;
    for (const one of others as CalendarSource[]) this.#collect(one, zone, depth + 1, size, parts);
  }
}

function failSize(source: CalendarSource): never {
  throw new InvalidOptionError(
    'calendar',
    source,
    `at most ${MAX_DEFINITIONS} definitions with ${MAX_ENTRIES} days, ranges and windows in one calendar`,
  );
}
