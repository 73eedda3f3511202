import type * as Library from '@cfworker/json-schema';
import type { OutputUnit, Schema, Validator } from '@cfworker/json-schema';
import type { JsonSchema } from '../model/json.schema.js';
import type { StandardIssue } from '../model/standard.schema.js';
import { jsonViewOf, NO_VIEW } from './json.view.js';

/** One thing that a JSON Schema refuses. */
export interface JsonIssue extends StandardIssue {
  /** The keyword of JSON Schema that refuses it. */
  readonly code: string;
}

/**
 * Checks arguments by JSON Schemas that other processes have told. What cannot be checked is fine: the schema itself is asked before
 * each run.
 *
 * The schemas come out of a store, so they are interpreted; a validator that makes code of them is not for that.
 */
export class JsonCheck {
  #library: typeof Library | null = null;
  /** null for schemas that the library does not take. */
  readonly #validators = new WeakMap<JsonSchema, Validator | null>();

  /** Whether {@link issuesOf} can be called. */
  get isReady(): boolean {
    return this.#library !== null;
  }

  /** Loads the library: only who needs it does. */
  async load(): Promise<void> {
    this.#library ??= await import('@cfworker/json-schema');
  }

  /** What is wrong with arguments; empty where nothing is, or they cannot be checked. Never throws. */
  issuesOf(schema: JsonSchema, value: unknown): readonly JsonIssue[] {
    const view = jsonViewOf(value);
    if (view === NO_VIEW) return [];
    try {
      const result = this.#validatorOf(schema)?.validate(view);
      return !result || result.valid ? [] : tellingOf(result.errors).map((unit) => issueOf(unit, view));
    } catch {
      return [];
    }
  }

  #validatorOf(schema: JsonSchema): Validator | null {
    let validator = this.#validators.get(schema);
    if (validator === undefined) {
      validator = this.#create(schema);
      this.#validators.set(schema, validator);
    }
    return validator;
  }

  #create(schema: JsonSchema): Validator | null {
    try {
      // All that is wrong is told, and not the first thing only.
      return new this.#library!.Validator(withoutFormats(schema) as Schema, '2020-12', false);
    } catch {
      return null;
    }
  }
}

/** Keywords under which schemas stand by names of their own. */
const MAPS = new Set(['properties', 'patternProperties', '$defs', 'definitions', 'dependentSchemas']);
/** Keywords under which there are values. */
const VALUES = new Set(['const', 'enum', 'default', 'examples', 'required']);

/** A copy without `format`, which says what a text is for: what that is exactly, each library decides for itself. */
function withoutFormats(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(withoutFormats);
  if (typeof schema !== 'object' || schema === null) return schema;
  const copy: Record<string, unknown> = {};
  for (const [keyword, part] of Object.entries(schema)) {
    if (keyword === 'format' || keyword === '__proto__') continue;
    if (VALUES.has(keyword)) copy[keyword] = part;
    else if (MAPS.has(keyword)) copy[keyword] = eachWithoutFormats(part);
    else copy[keyword] = withoutFormats(part);
  }
  return copy;
}

function eachWithoutFormats(schemas: unknown): unknown {
  if (typeof schemas !== 'object' || schemas === null) return schemas;
  return Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, withoutFormats(schema)]));
}

/** Keywords that only say that something below them is wrong. */
const AROUND = new Set([
  'properties',
  'patternProperties',
  'additionalProperties',
  'unevaluatedProperties',
  'dependentSchemas',
  'items',
  'prefixItems',
  'additionalItems',
  'unevaluatedItems',
  'contains',
  'allOf',
  'if',
  '$ref',
]);
/** Keywords whose parts may be wrong, each for itself. */
const CHOICES = new Set(['anyOf', 'oneOf', 'not']);

/** Of all that the library says, what tells where the fault is. */
function tellingOf(errors: readonly OutputUnit[]): readonly OutputUnit[] {
  const choices = errors
    .filter(({ keyword }) => CHOICES.has(keyword))
    .map(({ keywordLocation }) => `${keywordLocation}/`);
  const telling = errors.filter(
    ({ keyword, keywordLocation }) =>
      !AROUND.has(keyword) && !choices.some((choice) => keywordLocation.startsWith(choice)),
  );
  return telling.length > 0 ? telling : errors;
}

const MISSING = /^Instance does not have required property "(.*)"\.$/s;

function issueOf({ instanceLocation, keyword, error }: OutputUnit, root: unknown): JsonIssue {
  const path = pathOf(instanceLocation, root);
  const missing = keyword === 'required' ? MISSING.exec(error)?.[1] : undefined;
  if (missing !== undefined) return { path: [...path, missing], message: 'It is missing.', code: keyword };
  // What `additionalProperties: false` and the like say of each.
  if (keyword === 'false') return { path, message: 'It is not allowed here.', code: 'additionalProperties' };
  if (keyword === 'anyOf') return { path, message: 'It is none of what is allowed here.', code: keyword };
  return { path, message: error.replace('Instance type', 'Type'), code: keyword };
}

/** The library gives a JSON pointer. */
function pathOf(pointer: string, root: unknown): PropertyKey[] {
  const path: PropertyKey[] = [];
  let at = root;
  for (const part of pointer.split('/').slice(1)) {
    const key = decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~');
    path.push(Array.isArray(at) ? Number(key) : key);
    at = (at as Record<string, unknown> | undefined)?.[key];
  }
  return path;
}
