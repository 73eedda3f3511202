/**
 * A JSON Schema (draft 2020-12), which is an object of plain data. Of a handler it says what the `data` of its tasks is, or their
 * list of `args`.
 *
 * @publicApi
 */
export type JsonSchema = Readonly<Record<string, unknown>>;

/**
 * What a handler takes, as far as that can be told to other processes.
 *
 * @publicApi
 */
export interface HandlerInputSchema {
  /** The version of what it takes, from 1. */
  readonly schemaVersion: number;
  /** null where it has no schema, or one that cannot be said in JSON Schema. */
  readonly schema: JsonSchema | null;
}
