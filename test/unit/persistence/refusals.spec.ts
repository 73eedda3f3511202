import { describe, expect, it } from 'vitest';
import { UnserializableError } from '../../../lib/errors/persistence.errors.js';
import { SerializerRegistry } from '../../../lib/persistence/serializer.registry.js';
import { makeTask } from '../../../lib/testing/task.fixtures.js';
import { makeCodec, nest } from './codec.fixtures.js';

class Account {
  constructor(readonly id = 1) {}
}

function cycle(): unknown {
  const value: Record<string, unknown> = { list: [] };
  (value.list as unknown[]).push({ back: value });
  return value;
}

function cyclicMap(): unknown {
  const map = new Map<string, unknown>();
  map.set('self', map);
  return map;
}

const CASES: readonly [name: string, value: unknown, path: string, problem: RegExp][] = [
  ['a function', { later: () => 1 }, 'args[0].later', /a function/],
  ['a class', { list: [1, Account] }, 'args[0].list[1]', /a function \("Account"\)/],
  ['a symbol', [Symbol('s')], 'args[0][0]', /a symbol/],
  ['an instance of a class', { owner: new Account() }, 'args[0].owner', /an instance of Account/],
  ['an instance without a prototype above', Object.create(Object.create(null)), 'args[0]', /an instance/],
  ['an error', new Error('x'), 'args[0]', /an instance of Error/],
  ['a pattern', /x/, 'args[0]', /an instance of RegExp/],
  ['a URL', new URL('http://localhost'), 'args[0]', /an instance of URL/],
  ['a promise', Promise.resolve(), 'args[0]', /an instance of Promise/],
  ['a weak map', new WeakMap(), 'args[0]', /an instance of WeakMap/],
  ['a boxed number', Object(1), 'args[0]', /an instance of Number/],
  ['a proxy of an instance', new Proxy(new Account(), {}), 'args[0]', /an instance of Account/],
  ['a class of dates', new (class Day extends Date {})(), 'args[0]', /an instance of Day/],
  ['a class of arrays', [new (class Rows extends Array {})()], 'args[0][0]', /an instance of Rows/],
  ['a class of maps', new (class Index extends Map {})(), 'args[0]', /an instance of Index/],
  ['shared memory', new SharedArrayBuffer(1), 'args[0]', /an instance of SharedArrayBuffer/],
  ['a cycle', cycle(), 'args[0].list[0].back', /a cycle/],
  ['a map in itself', cyclicMap(), 'args[0].get("self")', /a cycle/],
  ['a hole', [1, , 3], 'args[0][1]', /a hole/], // oxlint-disable-line no-sparse-arrays
  ['an endless array of holes', Object.assign([], { length: 4_294_967_295 }), 'args[0][0]', /a hole/],
  ['a key that stands for a prototype', JSON.parse('{"a":{"__proto__":{}}}'), 'args[0].a.__proto__', /prototype/],
  ['a symbol as a key', { [Symbol('k')]: 1 }, 'args[0]', /symbols as keys/],
  ['a fault in a set', new Set([1, new Account()]), 'args[0].values[1]', /an instance of Account/],
  ['a fault in a key of a map', new Map([[new Account(), 1]]), 'args[0].get(…)', /an instance of Account/],
  ['an odd key', { 'a key': { 'x"': Symbol.iterator } }, 'args[0]["a key"]["x\\""]', /a symbol/],
];

describe('what cannot be stored', () => {
  it.each(CASES)('is refused: %s', (_name, value, path, problem) => {
    const encode = () => makeCodec().encodeTask(makeTask('reports.nightly', { args: [value] }));
    expect(encode).toThrow(UnserializableError);
    try {
      encode();
    } catch (error) {
      const { code, taskId, message, path: where } = error as UnserializableError;
      expect(code).toBe('ASYNCZ_UNSERIALIZABLE');
      expect(taskId).toBe('reports.nightly');
      expect(where).toBe(path);
      expect(message).toContain('"reports.nightly"');
      expect(message).toContain(`${path} is`);
      expect(message).toMatch(problem);
      expect(message).toMatch(/Allowed: null, undefined, booleans/);
    }
  });

  it('is refused where a getter throws', () => {
    const value = {
      get secret(): never {
        throw new Error('no access');
      },
    };
    expect(() => makeCodec().encodeTask(makeTask('t', { args: [value] }))).toThrow(
      /"t" cannot be stored: args is .*no access/,
    );
  });

  it('is 500 levels of nesting, and no more, whatever they are made of', () => {
    const codec = makeCodec();
    for (const kind of ['array', 'object', 'map', 'set', 'rich'] as const) {
      // The list of arguments is the first level.
      const task = makeTask('t', { args: [nest(499, kind)] });
      expect(codec.decodeTask(codec.encodeTask(task))).toStrictEqual(task);
      for (const levels of [500, 10_000, 200_000]) {
        expect(() => codec.encodeTask(makeTask('t', { args: [nest(levels, kind)] }))).toThrow(
          /nested more than 500 levels deep/,
        );
      }
    }
  });

  it('is nested no less deeply where the stack is nearly used up', () => {
    const codec = makeCodec();
    const task = makeTask('t', { args: [nest(499, 'rich')] });
    const row = codec.encodeTask(task);
    const within = (frames: number): unknown => (frames === 0 ? codec.decodeTask(row) : within(frames - 1));
    expect(within(3_000)).toStrictEqual(task);
  });

  it('is a trigger of anything but plain JSON', () => {
    const codec = makeCodec();
    const encode = (trigger: Record<string, unknown>) =>
      codec.encodeTask(makeTask('t', { trigger: { type: 'mine', ...trigger } }));
    expect(() => encode({ start: new Date(0) })).toThrow(/trigger\.start is a Date\. Allowed: plain JSON/);
    expect(() => encode({ list: [NaN] })).toThrow(/trigger\.list\[0\] is NaN\. Allowed: plain JSON/);
    expect(() => encode({ next: () => 1 })).toThrow(UnserializableError);
    expect(() => encode({ left: undefined, list: [{ a: 'b' }, null, 1.5, true] })).not.toThrow();
  });
});

describe('a serializer of one’s own', () => {
  const registry = new SerializerRegistry();
  registry.register({
    name: 'hex',
    serialize: (value) => Buffer.from(JSON.stringify(value)).toString('hex'),
    deserialize: (text) => JSON.parse(Buffer.from(text, 'hex').toString()) as unknown,
  });
  registry.register({
    name: 'broken',
    serialize: (value) => {
      if (value === 7 || (Array.isArray(value) && value[0] === 7)) return 7 as never;
      throw new RangeError('cannot');
    },
    deserialize: () => 0,
  });

  it('writes arguments and results, and is found again by its name', () => {
    const codec = makeCodec({ serializers: registry }, { serializer: 'hex' });
    const task = makeTask('t', { args: ['ab', { c: 1 }] });
    const row = codec.encodeTask(task);
    expect(row.codec).toBe('1:hex:-');
    expect(row.definition).toContain(`"serialized":"${Buffer.from('["ab",{"c":1}]').toString('hex')}"`);
    const reader = makeCodec({ serializers: registry });
    expect(reader.decodeTask(row)).toStrictEqual(task);
    expect(makeCodec().decodeTask(row)).toMatchObject({
      unreadable: 'unknown-serializer',
      message: 'No serializer "hex" is registered here.',
    });
  });

  it('that throws or gives no text makes a clear error', () => {
    const codec = makeCodec({ serializers: registry }, { serializer: 'broken' });
    expect(() => codec.encodeTask(makeTask('t', { args: [1] }))).toThrow(
      /"t" cannot be stored: args is what the serializer "broken" does not write \(cannot\)/,
    );
    expect(() => codec.encodeTask(makeTask('t', { args: [7] }))).toThrow(/it gave 7 instead of text/);
  });

  it('that reads something else than a list of arguments leaves the record unreadable', () => {
    const codec = makeCodec({ serializers: registry });
    const row = codec.encodeTask(makeTask('t', { args: [new Date(0)] }));
    const definition = row.definition.replace('"serializer":"json"', '"serializer":"broken"');
    expect(codec.decodeTask({ ...row, definition })).toMatchObject({ unreadable: 'damaged' });
  });

  it('needs a name that a database column can hold, and that is free', () => {
    const make = (name: unknown) => ({ name: name as string, serialize: String, deserialize: (text: string) => text });
    for (const name of ['', 'a:b', 'a b', 'x'.repeat(41), 7, undefined, '../x', 'json']) {
      expect(() => new SerializerRegistry().register(make(name))).toThrow(/serializer\.name/);
    }
    expect(() => new SerializerRegistry().register({ name: 'x' } as never)).toThrow(/Allowed: an object with name/);
    const full = new SerializerRegistry();
    full.register(make('A-1.b_c'));
    expect(full.names()).toEqual(['json', 'A-1.b_c']);
    expect(() => full.get('constructor')).toThrow(/Unknown serializer "constructor"\. Known: "json" or "A-1\.b_c"/);
    expect(() => makeCodec({}, { serializer: 'none' })).toThrow(/Unknown serializer "none"/);
  });
});
