import { isDeepStrictEqual } from 'node:util';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TaskConflictError } from '../../../lib/errors/task.errors.js';
import { assertRejects } from '../../../lib/testing/rejection.js';
import { assertSame } from '../../../lib/testing/same-value.js';

function isSame(a: unknown, b: unknown): boolean {
  try {
    assertSame(a, b);
    return true;
  } catch {
    return false;
  }
}

/** Few of each kind, so that equal ones come up. */
const values = fc.letrec((tie) => ({
  leaf: fc.constantFrom<unknown[]>(0, -0, 1, 1n, '1', '', NaN, null, undefined, true, false),
  value: fc.oneof(
    { maxDepth: 2 },
    tie('leaf'),
    fc.array(tie('value'), { maxLength: 2 }),
    fc.dictionary(fc.constantFrom('a', 'b', '__proto__'), tie('value'), { maxKeys: 2, noNullPrototype: true }),
    fc.nat({ max: 1 }).map((time) => new Date(time)),
    fc.uint8Array({ maxLength: 1, max: 1 }),
    tie('leaf').map((leaf) => new Set([leaf])),
    fc.tuple(tie('leaf'), tie('value')).map((entry) => new Map([entry])),
  ),
})).value;

describe('assertSame', () => {
  it('agrees with deep strict equality within one realm', () => {
    fc.assert(
      fc.property(values, values, (a, b) => {
        expect(isSame(a, b)).toBe(isDeepStrictEqual(a, b));
        expect(isSame(a, structuredClone(a))).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  it('takes what another realm has made for the same', () => {
    const code = '({ list: [1, new Date(5)], map: new Map([["k", new Set([2n])]]), bytes: new Uint8Array([1, 2]) })';
    const own = { list: [1, new Date(5)], map: new Map([['k', new Set([2n])]]), bytes: new Uint8Array([1, 2]) };
    const foreign: unknown = runInNewContext(code);
    expect(isDeepStrictEqual(foreign, own)).toBe(false);
    assertSame(foreign, own);
  });

  it.each([
    [[1, 2], [1], 'value.length'],
    [{ a: [{ b: 1 }] }, { a: [{ b: 2 }] }, 'value["a"]["0"]["b"]'],
    [{ a: undefined }, { b: undefined }, 'value["b"]'],
    [new Map([['k', 1]]), new Map([['k', 2]]), 'value["0"]["1"]'],
    [new Error('one'), new Error('two'), 'value'],
    [[], {}, 'value'],
  ])('says where %o differs from %o', (actual, expected, path) => {
    expect(() => assertSame(actual, expected, 'The record')).toThrow(`The record, at ${path}: `);
  });
});

describe('assertRejects', () => {
  const conflict = () => {
    throw new TaskConflictError('a');
  };

  it('takes an error of the code, thrown at once or later', async () => {
    await assertRejects(conflict, 'ASYNCZ_TASK_CONFLICT');
    await assertRejects(async () => conflict(), 'ASYNCZ_TASK_CONFLICT');
  });

  it('fails when nothing is refused, or for another reason', async () => {
    await expect(assertRejects(() => 1, 'ASYNCZ_TASK_CONFLICT', 'The add')).rejects.toThrow('The add was not refused');
    await expect(assertRejects(conflict, 'ASYNCZ_OTHER')).rejects.toThrow('"a" exists already');
    await expect(assertRejects(() => Promise.reject(new Error('down')), 'ASYNCZ_OTHER')).rejects.toThrow('down');
  });
});
