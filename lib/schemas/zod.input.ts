/** What of a schema of zod 4 is looked at here: `_zod` is what zod has for libraries (https://zod.dev/library-authors). */
interface ZodSchema {
  readonly _zod: {
    readonly def: {
      readonly type: string;
      readonly coerce?: boolean;
      readonly checks?: readonly { readonly _zod: { readonly def: ZodCheck } }[];
      /** Of a pipe: what the value comes to first. */
      readonly in?: ZodSchema;
      /** Of a schema around another one. */
      readonly innerType?: ZodSchema;
      readonly shape?: Readonly<Record<string, ZodSchema>>;
      readonly values?: readonly unknown[];
    };
  };
}

interface ZodCheck {
  readonly check: string;
  readonly pattern?: RegExp;
}

interface Overriding {
  readonly zodSchema: ZodSchema;
  readonly jsonSchema: Record<string, unknown>;
}

/** How many schemas may stand around another one. */
const MAX_DEPTH = 20;

/**
 * The options with which zod makes a JSON Schema that refuses nothing which the schema takes. By itself zod leaves out that a value is
 * coerced, made by a function, or caught before it is checked, that a text is trimmed or its case changed before, and that a
 * pattern has flags.
 */
export function withoutOverstrictZod(): Record<string, unknown> {
  return { unrepresentable: 'any', override: loosen };
}

function loosen({ zodSchema, jsonSchema }: Overriding): void {
  const { def } = zodSchema._zod;
  if (takesMore(zodSchema)) letAnythingIn(jsonSchema);
  else if (def.type === 'literal' && def.values?.some((value) => typeof value === 'bigint')) letAnythingIn(jsonSchema);
  const checks = (def.checks ?? []).map((check) => check._zod.def);
  if (checks.some(({ check }) => check === 'overwrite')) {
    if (def.type !== 'string') letAnythingIn(jsonSchema);
    // A text that is trimmed, or whose case is changed, may be shorter than what is given, and look otherwise.
    for (const rule of ['maxLength', 'pattern', 'allOf']) delete jsonSchema[rule];
  }
  if (checks.some(({ pattern }) => pattern !== undefined && /[^gyuv]/.test(pattern.flags))) {
    for (const rule of ['pattern', 'allOf']) delete jsonSchema[rule];
  }
  const { shape } = def;
  const { required } = jsonSchema;
  if (shape && Array.isArray(required)) {
    jsonSchema.required = required.filter((key) => !takesMore(shape[key as string], true));
  }
}

/** Whatever is given is fine; who makes a form of it still sees what is meant. */
function letAnythingIn(jsonSchema: Record<string, unknown>): void {
  if (Array.isArray(jsonSchema.anyOf) && jsonSchema.anyOf.some((one) => Object.keys(one as object).length === 0))
    return;
  const meant = { ...jsonSchema };
  for (const key of Object.keys(jsonSchema)) delete jsonSchema[key];
  jsonSchema.anyOf = [meant, {}];
}

/**
 * Whether something is done with a value before it is checked.
 *
 * @param isWithin Whether schemas around another one are looked through.
 */
function takesMore(schema: ZodSchema | undefined, isWithin = false, depth = 0): boolean {
  if (schema === undefined || depth > MAX_DEPTH) return false;
  const { type, coerce, in: first, innerType } = schema._zod.def;
  if (type === 'catch' || type === 'transform') return true;
  // What is missing is not coerced.
  if (coerce) return !isWithin;
  if (type === 'pipe') return takesMore(first, isWithin, depth + 1);
  return isWithin && takesMore(innerType, isWithin, depth + 1);
}
