import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { TaskCodec } from '../../../lib/persistence/codec.interface.js';
import { KeyRing } from '../../../lib/persistence/key-ring.js';
import { makeRun, makeTask } from '../../../lib/testing/task.fixtures.js';
import { makeCodec } from './codec.fixtures.js';

const shared = { at: new Date(5) };

const VALUES: Readonly<Record<string, unknown>> = {
  text: 'plain "quoted" \\ \n \u0000 \u2028 <script> ünïcode 😀',
  'lone surrogates': ['\ud800', 'a\udc00b'],
  'an empty text': '',
  true: true,
  false: false,
  null: null,
  undefined: undefined,
  'undefined in an object': { a: undefined, b: [undefined] },
  numbers: [0, 1, -1, 1.5, -1e300, 5e-324, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER],
  'minus zero': -0,
  NaN: NaN,
  Infinity: [Infinity, -Infinity],
  bigints: [0n, -1n, 123_456_789_012_345_678_901_234_567_890n],
  'a date': new Date(1_577_880_000_123),
  'a date before the epoch': new Date(-1),
  'the last date': new Date(8.64e15),
  'an invalid date': new Date(NaN),
  'a map': new Map<unknown, unknown>([
    ['a', 1],
    [2, new Map([['deep', new Date(0)]])],
    [{ key: 'object' }, null],
    [undefined, undefined],
  ]),
  'a set': new Set([1, 'two', 3n, { four: 4 }]),
  bytes: new Uint8Array([0, 1, 127, 128, 255]),
  'no bytes': new Uint8Array(),
  'other arrays of numbers': [new Float64Array([1.5, -0]), new BigInt64Array([-1n]), new Uint16Array([65_535])],
  'a data view': new DataView(new Uint8Array([1, 2, 3]).buffer),
  'an array buffer': new Uint8Array([9, 8]).buffer,
  'empty containers': [[], {}, new Map(), new Set()],
  nested: { list: [{ of: [{ objects: [new Set([new Map([['x', [-0]]])])] }] }], 'a key': { '': 0 } },
  'an object without a prototype': Object.assign(Object.create(null), { a: 1 }) as unknown,
  'the same object twice': [shared, shared],
  'keys that mean something elsewhere': JSON.parse(
    '{"constructor":1,"prototype":{"a":1},"toString":null,"hasOwnProperty":2,"then":3,"toJSON":4,"serialized":5,"$":6}',
  ) as unknown,
  'keys that are numbers': { 1: 'a', 0: 'b', '-1': 'c' },
};

/** Whatever can be written, deeply nested and in any mixture. */
const anyValue = fc.letrec((tie) => ({
  leaf: fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string(),
    fc.double(),
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.constant(undefined),
    fc.bigInt(),
    fc.date(),
    fc.uint8Array(),
  ),
  node: fc.oneof(
    { maxDepth: 6, withCrossShrink: true },
    tie('leaf'),
    fc.array(tie('node'), { maxLength: 5 }),
    fc.dictionary(
      fc.string().filter((key) => key !== '__proto__'),
      tie('node'),
      { maxKeys: 5, noNullPrototype: false },
    ),
    fc.array(fc.tuple(tie('node'), tie('node')), { maxLength: 4 }).map((entries) => new Map(entries)),
    fc.array(tie('node'), { maxLength: 4 }).map((values) => new Set(values)),
  ),
})).node;

function argsThrough(codec: TaskCodec, ...args: readonly unknown[]): readonly unknown[] {
  const task = codec.decodeTask(codec.encodeTask(makeTask('t', { args })));
  if ('unreadable' in task) throw new Error(task.message);
  return task.definition.args;
}

describe.each([
  ['in clear', makeCodec()],
  ['encrypted', makeCodec({ keyRing: KeyRing.create('a secret of enough bytes') })],
])('values %s', (_, codec) => {
  it.each(Object.entries(VALUES))('keeps %s as an argument', (_name, value) => {
    expect(argsThrough(codec, value, { inside: [value] })).toStrictEqual([value, { inside: [value] }]);
  });

  it.each(Object.entries(VALUES))('keeps %s as a result', (_name, value) => {
    const run = makeRun('r', { result: value });
    expect(codec.decodeRun(codec.encodeRun(run))).toStrictEqual(run);
  });

  it('keeps whatever values there are', () => {
    fc.assert(
      fc.property(fc.array(anyValue, { maxLength: 4 }), (args) => {
        expect(argsThrough(codec, ...args)).toStrictEqual(args);
      }),
      { numRuns: 500 },
    );
  });

  it('keeps the sign of zero, which comparisons overlook', () => {
    const [zero, list] = argsThrough(codec, -0, [new Float32Array([-0])]) as [number, [Float32Array]];
    expect(Object.is(zero, -0)).toBe(true);
    expect(Object.is(list[0][0], -0)).toBe(true);
  });

  it('keeps one object that occurs twice one object', () => {
    const [first, second] = argsThrough(codec, shared, shared);
    expect(first).toStrictEqual(shared);
    expect(second).toBe(first);
  });

  it('gives a Buffer back as a Uint8Array', () => {
    const [bytes] = argsThrough(codec, Buffer.from('abc'));
    expect(bytes).toStrictEqual(new Uint8Array([97, 98, 99]));
  });

  it('gives back objects of another realm', async () => {
    const { runInNewContext } = await import('node:vm');
    const foreign: unknown = runInNewContext('({ list: [1, new Date(7)], map: new Map([[1, new Set([2])]]) })');
    expect(argsThrough(codec, foreign)).toStrictEqual([{ list: [1, new Date(7)], map: new Map([[1, new Set([2])]]) }]);
  });
});

describe('what is written of bytes', () => {
  it('is what the view shows, not the rest of its buffer', () => {
    const codec = makeCodec();
    const pool = Buffer.from('secret-before|shown|secret-behind');
    const view = new Uint8Array(pool.buffer, pool.byteOffset + 14, 5);
    const row = codec.encodeTask(makeTask('t', { args: [view, view.subarray(1, 3), new DataView(view.buffer, 2, 2)] }));
    const [all, part, two] = argsThrough(codec, view, view.subarray(1, 3), new DataView(view.buffer, 2, 2));
    expect(all).toStrictEqual(new Uint8Array(Buffer.from('shown')));
    expect(part).toStrictEqual(new Uint8Array(Buffer.from('ho')));
    expect((two as DataView).byteLength).toBe(2);
    for (const piece of row.definition.match(/[A-Za-z0-9+/=]{8,}/g) ?? []) {
      expect(Buffer.from(piece, 'base64').toString('latin1')).not.toContain('secret');
    }
  });
});

describe('what is stored of plain JSON', () => {
  it('is plain JSON, so that people can read it', () => {
    const { definition, codec } = makeCodec().encodeTask(makeTask('a', { args: [{ report: 7 }, 'x', null] }));
    expect(codec).toBe('1:json:-');
    expect(definition).toContain('"args":[{"report":7},"x",null]');
    expect(JSON.parse(definition)).toMatchObject({
      entity: 'task',
      version: 1,
      serializer: 'json',
      payload: { id: 'a', handler: 'work', args: [{ report: 7 }, 'x', null] },
    });
  });

  it('is text of the serializer as soon as JSON would lose something', () => {
    const payloadOf = (...args: readonly unknown[]) =>
      (JSON.parse(makeCodec().encodeTask(makeTask('a', { args })).definition) as { payload: object }).payload;
    expect(payloadOf({ a: 1 })).not.toHaveProperty('serialized');
    for (const value of [
      -0,
      NaN,
      undefined,
      { a: undefined },
      1n,
      new Date(0),
      Object.create(null),
      [shared, shared],
    ]) {
      expect(payloadOf(value)).toHaveProperty('serialized');
      expect(payloadOf(value)).not.toHaveProperty('args');
    }
  });

  it('is the same however the database orders the keys of JSON', () => {
    const codec = makeCodec();
    const task = makeTask('a', { args: [{ report: 7 }] });
    const row = codec.encodeTask(task);
    const reversed = (value: unknown): unknown =>
      typeof value !== 'object' || value === null || Array.isArray(value)
        ? value
        : Object.fromEntries(
            Object.entries(value)
              .reverse()
              .map(([key, part]) => [key, reversed(part)]),
          );
    const definition = JSON.stringify(reversed(JSON.parse(row.definition)), null, 2);
    expect(codec.decodeTask({ ...row, definition })).toStrictEqual(task);
  });
});
