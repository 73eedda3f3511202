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
  /** For the compiler only. */
  readonly types?: { readonly input: Input; readonly output: Output } | undefined;
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
