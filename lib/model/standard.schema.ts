/**
 * A schema of a library that implements Standard Schema (https://standardschema.dev), such as zod, valibot and arktype: what of it
 * is used here. The interface is that of version 1 of the specification, which asks libraries to copy it.
 *
 * @publicApi
 */
export interface StandardSchema<Input = unknown, Output = Input> {
  readonly '~standard': StandardSchemaProps<Input, Output>;
}

/**
 * What stands under `~standard` in a schema.
 *
 * @publicApi
 */
export interface StandardSchemaProps<Input = unknown, Output = Input> {
  readonly version: 1;
  readonly vendor: string;
  /** Checks a value. Gives what it has become, or what is wrong with it. */
  readonly validate: (value: unknown) => StandardResult<Output> | Promise<StandardResult<Output>>;
  /** Says in JSON Schema what the schema takes and gives, where the library can: Standard JSON Schema. */
  readonly jsonSchema?: StandardJsonSchemaConverter | undefined;
  /** For the compiler only. */
  readonly types?: { readonly input: Input; readonly output: Output } | undefined;
}

/**
 * How a schema is said in JSON Schema, by version 1 of Standard JSON Schema (https://standardschema.dev/json-schema).
 *
 * @publicApi
 */
export interface StandardJsonSchemaConverter {
  /** The JSON Schema of what the schema takes. Throws where it cannot be said, or the library does not know the target. */
  readonly input: (options: StandardJsonSchemaOptions) => Record<string, unknown>;
}

/**
 * Which JSON Schema is asked for.
 *
 * @publicApi
 */
export interface StandardJsonSchemaOptions {
  /** The version of JSON Schema, such as `draft-2020-12`. */
  readonly target: 'draft-2020-12' | 'draft-07' | 'openapi-3.0' | ({} & string);
  /** What only the library knows. */
  readonly libraryOptions?: Record<string, unknown> | undefined;
}

/**
 * What a schema says of a value.
 *
 * @publicApi
 */
export type StandardResult<Output> =
  { readonly value: Output; readonly issues?: undefined } | { readonly issues: readonly StandardIssue[] };

/**
 * One thing that is wrong with a value.
 *
 * @publicApi
 */
export interface StandardIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}
