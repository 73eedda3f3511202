import fc from 'fast-check';
import { InvalidOptionError } from 'nestjs-asyncz';
import { fromJsonValue, toJsonValue } from 'nestjs-asyncz/client';
import { describe, expect, it } from 'vitest';

const throughJson = (value: unknown) => fromJsonValue(JSON.parse(JSON.stringify(toJsonValue(value))));

describe('values as JSON', () => {
  it('come back as they were, of every kind that a task may have as an argument', () => {
    const values = fc.anything({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withSet: true,
      withTypedArray: false,
      withSparseArray: false,
      withNullPrototype: false,
      withUnboxedBoxedValues: false,
      key: fc.oneof(fc.string(), fc.constantFrom('$date', '$map', '$object', '__proto__', 'constructor')),
    } as fc.ObjectConstraints);
    fc.assert(
      fc.property(values, (value) => {
        // An undefined field is as good as none.
        expect(throughJson(value)).toEqual(value);
      }),
      { numRuns: 1_000 },
    );
  });

  it('have marks for what JSON has no form for', () => {
    const given = [
      new Date('2026-11-30T10:00:00.000Z'),
      10n,
      NaN,
      -0,
      new Map([['a', 1n]]),
      new Set([undefined]),
      new Uint8Array([0, 255]),
      /a+/gi,
      new URL('https://example.org/'),
      { $date: 'mine' },
    ];
    const written = [
      { $date: '2026-11-30T10:00:00.000Z' },
      { $bigint: '10' },
      { $number: 'NaN' },
      { $number: '-0' },
      { $map: [['a', { $bigint: '1' }]] },
      { $set: [{ $undefined: true }] },
      { $bytes: 'AP8=' },
      { $regexp: ['a+', 'gi'] },
      { $url: 'https://example.org/' },
      { $object: { $date: 'mine' } },
    ];
    expect(toJsonValue(given)).toEqual(written);
    expect(fromJsonValue(written)).toEqual(given);
  });

  it('are omitted where they cannot be written, and never throw', () => {
    const cycle: { self?: unknown } = {};
    cycle.self = cycle;
    const trap = new Proxy({}, { ownKeys: () => expect.unreachable() as never });
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    expect(toJsonValue(cycle)).toEqual({ self: { $omitted: 'a cycle' } });
    expect(toJsonValue([() => 1, Symbol('s')])).toEqual([{ $omitted: 'a function' }, { $omitted: 'a symbol' }]);
    for (const odd of [trap, proxy]) expect(toJsonValue(odd)).toEqual({ $omitted: 'cannot be read' });
    expect(toJsonValue('a'.repeat(11), 10)).toEqual({ $omitted: 'longer than 10 characters' });
    // A value that refers to itself twice at each of a hundred levels would be endless as a tree.
    let wide: unknown = 'end';
    for (let level = 0; level < 90; level += 1) wide = [wide, wide];
    expect(toJsonValue(wide, 10_000)).toEqual({ $omitted: 'longer than 10000 characters' });
  });

  it.each([
    [{ $date: 'soon' }],
    [{ $bigint: '1e3' }],
    [{ $number: '1' }],
    [{ $map: [['a']] }],
    [{ $set: 1 }],
    [{ $bytes: '%' }],
    [{ $regexp: ['('] }],
    [{ $url: 'nowhere' }],
    [{ $object: [] }],
    [{ $code: 'process.exit()' }],
    [{ $constructor: 1 }],
  ])('are refused where a mark says nothing: %j', (value) => {
    expect(() => fromJsonValue(value)).toThrow(InvalidOptionError);
  });

  it('leave prototypes alone', () => {
    const read = fromJsonValue(JSON.parse('{"a":1,"__proto__":{"polluted":true}}')) as object;
    expect(Object.getPrototypeOf(read)).toBe(Object.prototype);
    expect(Object.keys(read)).toEqual(['a', '__proto__']);
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });
});
