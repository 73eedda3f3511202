import { isObject, read } from '../errors/foreign.js';
import { messageOf } from '../errors/thrown.js';
import type { JsonSchema } from '../model/json.schema.js';
import type { StandardSchema } from '../model/standard.schema.js';
import { withoutOverstrictZod } from './zod.input.js';

/** How long the text of a JSON Schema may be that is told to others: it goes into a record of the store, and each client reads it. */
const MAX_LENGTH = 65_536;

/** A JSON Schema, or why there is none. */
export type ToldSchema = { readonly schema: JsonSchema } | { readonly problem: string };

/**
 * What a schema takes, said in JSON Schema by its library, if that implements Standard JSON Schema. Others check arguments by it,
 * so it may be laxer than the schema, and should not be stricter. Never throws.
 */
export function toJsonSchema(schema: StandardSchema): ToldSchema {
  try {
    const props = schema['~standard'];
    const { vendor, jsonSchema: converter } = props;
    if (typeof converter?.input !== 'function') return { problem: 'its library does not say it in JSON Schema' };
    if (vendor === 'arktype' && hasFlags(schema))
      return { problem: 'its patterns have flags, which JSON Schema has not' };
    const libraryOptions = vendor === 'zod' ? withoutOverstrictZod() : undefined;
    const text = JSON.stringify(converter.input({ target: 'draft-2020-12', libraryOptions }));
    if (text.length > MAX_LENGTH) {
      return { problem: `it is ${text.length} characters in JSON Schema. Allowed: ${MAX_LENGTH}` };
    }
    const plain: unknown = JSON.parse(text);
    if (isObject(plain) && !Array.isArray(plain)) return { schema: plain as JsonSchema };
    return { problem: 'its library says it in something that is no object' };
  } catch (error) {
    return { problem: messageOf(error) };
  }
}

/** arktype leaves the flags of patterns out of the JSON Schema, which refuses "ABC" then where `/abc/i` was meant. */
function hasFlags(schema: StandardSchema): boolean {
  return JSON.stringify(read(schema, 'json') ?? null).includes('"flags":');
}
