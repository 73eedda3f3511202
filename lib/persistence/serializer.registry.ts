import { show } from '../errors/asyncz.error.js';
import { InvalidOptionError, UnknownNameError } from '../errors/input.errors.js';
import { JsonSerializer } from './json.serializer.js';

/**
 * Writes arguments and results of tasks as text and reads them again. Both directions are synchronous, because they run
 * inside a database's transaction.
 *
 * @publicApi
 */
export interface Serializer {
  /** Stored with every record, so it must never change: letters, digits, `.`, `_` and `-`, at most 40. */
  readonly name: string;
  /** @throws Anything for a value that it cannot write; the caller gets an `UnserializableError` with it as the cause. */
  serialize(value: unknown): string;
  /**
   * Reads what {@link serialize} wrote. Text from a store may have been changed by anybody who can write to it: never
   * load a module, look up a class or set a prototype by what it says.
   *
   * @throws Anything for text that it cannot read; the record is then unreadable and stays as it is.
   */
  deserialize(text: string): unknown;
}

const NAME = /^[A-Za-z0-9._-]{1,40}$/;

/** The serializers by name. `json` is always there. */
export class SerializerRegistry {
  readonly #serializers = new Map<string, Serializer>();

  constructor() {
    this.register(new JsonSerializer());
  }

  /** @throws InvalidOptionError When it is not a serializer, or its name is taken. */
  register(serializer: Serializer): void {
    if (typeof serializer?.serialize !== 'function' || typeof serializer.deserialize !== 'function') {
      throw new InvalidOptionError('serializer', serializer, 'an object with name, serialize and deserialize');
    }
    const { name } = serializer;
    if (typeof name !== 'string' || !NAME.test(name)) {
      throw new InvalidOptionError('serializer.name', name, '1 to 40 letters, digits, ".", "_" or "-"');
    }
    if (this.#serializers.has(name)) {
      throw new InvalidOptionError('serializer.name', name, `a name other than ${show(name)}, which is taken`);
    }
    this.#serializers.set(name, serializer);
  }

  /** @throws UnknownNameError */
  get(name: string): Serializer {
    const serializer = this.find(name);
    if (!serializer) throw new UnknownNameError('serializer', name, this.names());
    return serializer;
  }

  /** The serializer, or undefined when there is none of this name. */
  find(name: string): Serializer | undefined {
    return this.#serializers.get(name);
  }

  names(): readonly string[] {
    return [...this.#serializers.keys()];
  }
}
