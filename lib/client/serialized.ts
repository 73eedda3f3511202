import type { JsonValue } from './json.value.js';

/**
 * What a value of the library looks like as JSON: a date is ISO 8601 text, and what may be anything is a {@link JsonValue}.
 *
 * @publicApi
 */
export type Serialized<T> = unknown extends T
  ? JsonValue
  : T extends Date
    ? string
    : T extends string | number | boolean | null | undefined
      ? T
      : T extends readonly unknown[]
        ? SerializedList<T>
        : keyof T extends never
          ? JsonValue
          : { readonly [Key in keyof T]: Serialized<T[Key]> };

type SerializedList<T extends readonly unknown[]> = number extends T['length']
  ? readonly Serialized<T[number]>[]
  : { readonly [At in keyof T]: Serialized<T[At]> };
