import { type } from 'arktype';
import * as v from 'valibot';
import { toStandardJsonSchema } from '@valibot/to-json-schema';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { StandardSchema } from '../../../lib/model/standard.schema.js';
import { JsonCheck } from '../../../lib/schemas/json.check.js';
import type { JsonIssue } from '../../../lib/schemas/json.check.js';
import { toJsonSchema } from '../../../lib/schemas/to-json.schema.js';

async function issuesOf(schema: StandardSchema, value: unknown): Promise<readonly JsonIssue[]> {
  const told = toJsonSchema(schema);
  if (!('schema' in told)) throw new Error(told.problem);
  const check = new JsonCheck();
  await check.load();
  return check.issuesOf(told.schema, value);
}

/** What each schema takes, which its JSON Schema must not refuse. */
const TAKEN: readonly [string, StandardSchema, unknown][] = [
  ['a coerced number', z.object({ a: z.coerce.number() }), { a: '5' }],
  ['a coerced boolean', z.object({ a: z.coerce.boolean(), b: z.coerce.string().max(2) }), { a: 'x', b: 12 }],
  ['what is caught', z.object({ a: z.string().catch('x') }), { a: 5 }],
  ['what is caught and not given', z.object({ a: z.string().catch('x') }), {}],
  ['a pattern with flags', z.object({ a: z.string().regex(/^abc$/i) }), { a: 'ABC' }],
  ['two patterns, one with flags', z.object({ a: z.string().regex(/^abc$/i).regex(/c$/i) }), { a: 'ABC' }],
  ['a text that is trimmed', z.object({ a: z.string().trim().max(3) }), { a: '  abc ' }],
  ['one in a list', z.object({ a: z.array(z.string().trim().max(1)).optional() }), { a: [' a '] }],
  [
    'a text whose case is changed',
    z.object({
      a: z
        .string()
        .toUpperCase()
        .regex(/^[A-Z]+$/),
    }),
    { a: 'abc' },
  ],
  ['an address that is trimmed', z.object({ a: z.string().trim().email() }), { a: ' a@b.de ' }],
  ['what a function makes first', z.object({ a: z.preprocess((x) => Number(x), z.number()) }), { a: '5' }],
  ['what a function makes of nothing', z.object({ a: z.preprocess(() => 1, z.number()) }), {}],
  ['a number that is rounded', z.object({ a: z.number().overwrite(Math.round).int() }), { a: 1.5 }],
  ['a BigInt', z.object({ a: z.bigint(), b: z.literal([1n, 'a']) }), { a: 1n, b: 1n }],
  [
    'dates, maps and sets',
    z.object({ a: z.date(), b: z.map(z.string(), z.number()) }),
    { a: new Date(), b: new Map() },
  ],
  ['a property that is undefined', z.strictObject({ a: z.string().optional() }), { a: undefined }],
  ['an element that is undefined', z.array(z.string().optional()), [undefined]],
  ['a tuple', z.tuple([z.string(), z.number().optional()]), ['a']],
  ['a decimal multiple', z.object({ a: z.number().multipleOf(0.1) }), { a: 0.3 }],
  ['a date as text, decoded', z.object({ a: z.iso.date().transform((text) => new Date(text)) }), { a: '2026-01-01' }],
  ['a record', z.record(z.enum(['a', 'b']), z.number()), { a: 1, b: 2 }],
  [
    'what stands in a list of itself',
    z.object({
      get a() {
        return z.array(z.lazy(() => z.string()));
      },
    }),
    { a: ['x'] },
  ],
  ['a property called __proto__', z.looseObject({}), JSON.parse('{"__proto__": {"a": 1}}')],
  ['a default of arktype', type({ a: 'string = "x"' }), {}],
  ['a Date of arktype', type({ a: 'Date' }), { a: new Date() }],
  ['a text of arktype that is trimmed', type({ a: type('string.trim').to('string < 2') }), { a: ' a ' }],
  ['a default of valibot', toStandardJsonSchema(v.object({ a: v.optional(v.string(), 'x') })), {}],
];

const CUSTOMER = z.object({ id: z.number(), 'a/b': z.string().optional() });
const REPORT = z.strictObject({
  to: z.string().min(1),
  copies: z.number().int().max(10).default(1),
  when: z.date(),
  customers: z.array(CUSTOMER).optional(),
  kind: z.enum(['a', 'b']).optional(),
  either: z.union([z.string(), z.object({ id: z.number() })]).optional(),
});
const FINE = { to: 'eve', when: new Date() };

const REFUSED: readonly [string, object, readonly (readonly [PropertyKey[], string])[]][] = [
  ['a text for a number', { ...FINE, copies: 'two' }, [[['copies'], 'type']]],
  ['a number that is too large', { ...FINE, copies: 11 }, [[['copies'], 'maximum']]],
  ['an empty text', { ...FINE, to: '' }, [[['to'], 'minLength']]],
  ['what is missing', { when: new Date() }, [[['to'], 'required']]],
  ['what is not known', { ...FINE, extra: 1 }, [[['extra'], 'additionalProperties']]],
  ['a value of a list', { ...FINE, kind: 'c' }, [[['kind'], 'enum']]],
  ['none of two', { ...FINE, either: { id: 'x' } }, [[['either'], 'anyOf']]],
  ['what is deep', { ...FINE, customers: [{ id: 1 }, { id: 'x' }] }, [[['customers', 1, 'id'], 'type']]],
  ['a key with a slash', { ...FINE, customers: [{ id: 1, 'a/b': 5 }] }, [[['customers', 0, 'a/b'], 'type']]],
  [
    'two things',
    { when: new Date(), copies: 'x' },
    [
      [['to'], 'required'],
      [['copies'], 'type'],
    ],
  ],
];

describe('the JSON Schema of a schema', () => {
  it.each(TAKEN)('takes what the schema takes: %s', async (_, schema, value) => {
    expect((await schema['~standard'].validate(value)).issues).toBeUndefined();
    expect(await issuesOf(schema, value)).toEqual([]);
  });

  it.each(REFUSED)('refuses %s, with path and rule', async (_, value, expected) => {
    expect(REPORT.safeParse(value).success).toBe(false);
    expect((await issuesOf(REPORT, value)).map(({ path, code }) => [path, code])).toEqual(expected);
  });

  it.each<[string, StandardSchema, string]>([
    ['a library that does not say it', v.object({ a: v.string() }), 'its library does not say it in JSON Schema'],
    [
      'what the library cannot say',
      toStandardJsonSchema(v.object({ a: v.date() })),
      'The "date" schema cannot be converted to JSON Schema.',
    ],
    ['flags of arktype', type({ a: /^abc$/i }), 'its patterns have flags, which JSON Schema has not'],
    [
      'what is too large',
      z.object({ a: z.literal(Array.from({ length: 9_000 }, (__, n) => `number ${n}`)) }),
      'characters in JSON Schema. Allowed: 65536',
    ],
  ])('is not told of %s', (_, schema, problem) => {
    expect(toJsonSchema(schema)).toEqual({ problem: expect.stringContaining(problem) });
  });

  it.each([
    ['a list', [] as never],
    ['nothing', null as never],
    [
      'what throws',
      () => {
        throw new Error('no');
      },
    ],
    ['what JSON does not have', () => ({ a: 1n }) as never],
  ])('is not told where the library gives %s', (_, given) => {
    const input = typeof given === 'function' ? given : () => given;
    const schema = {
      '~standard': { version: 1, vendor: 'odd', validate: (value: unknown) => ({ value }), jsonSchema: { input } },
    };
    expect(toJsonSchema(schema as unknown as StandardSchema)).toHaveProperty('problem');
  });
});

describe('a JSON Schema from elsewhere', () => {
  const check = new JsonCheck();
  it.each([
    ['a reference that leads nowhere', { $ref: '#/$defs/none' }],
    ['a reference to itself', { $ref: '#' }],
    ['a pattern that is none', { type: 'string', pattern: '(' }],
    ['keywords of the wrong type', { required: 5, properties: 7 }],
    ['another one', { 'x-other': { a: [1] } }],
  ])('refuses nothing that it cannot check: %s', async (_, schema) => {
    await check.load();
    expect(check.issuesOf(schema, 'text')).toEqual([]);
    expect(check.issuesOf(schema, { a: 1 }).filter(({ code }) => code !== 'type')).toEqual([]);
  });

  it('looks at no more than 2,000 values', async () => {
    await check.load();
    const schema = { type: 'object', additionalProperties: { type: 'string' } };
    const of = (count: number) => Object.fromEntries(Array.from({ length: count }, (__, n) => [n, 5]));
    expect(check.issuesOf(schema, of(1_900))).toHaveLength(1_900);
    expect(check.issuesOf(schema, of(2_100))).toEqual([]);
  });

  it('does not take formats for rules', async () => {
    await check.load();
    expect(check.issuesOf({ properties: { format: { type: 'string', format: 'email' } } }, { format: 'x' })).toEqual(
      [],
    );
  });
});
