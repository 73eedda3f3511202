import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { describeThrown, headlineOf, messageOf, presentable, stackOf, textOf } from '../../../lib/errors/thrown.js';
import type { RunError } from '../../../lib/errors/thrown.js';
import { takePromise } from '../../../lib/errors/returned.js';
import { show } from '../../../lib/errors/asyncz.error.js';
import { hostileProxy, ODD_THROWS, revokedProxy } from '../../support/odd.throws.js';

function countOf({ cause, errors }: RunError): number {
  return 1 + (cause ? countOf(cause) : 0) + errors.reduce((sum, one) => sum + countOf(one), 0);
}

/** What takes long to write as text: how to make each, by its name. */
const LARGE: Readonly<Record<string, () => unknown>> = {
  'a buffer': () => Buffer.alloc(20_000_000),
  'an object with a buffer': () => ({ body: Buffer.alloc(20_000_000) }),
  'a list with a buffer': () => [Buffer.alloc(20_000_000)],
  'a typed array': () => new Float64Array(3_000_000),
  'a list': () => Array.from({ length: 2_000_000 }, () => 1),
  'a list of holes': () => Object.assign([], { length: 4_000_000_000 }),
  'a bigint': () => 2n ** 3_000_000n,
  'a text': () => 'x'.repeat(50_000_000),
};

describe('a large value', () => {
  it.each(Object.entries(LARGE))('is shown in no time where it is %s', (_name, make) => {
    const value = make();
    const since = process.cpuUsage();
    for (const text of [show(value), textOf(value).slice(0, 1_000), describeThrown(value).message, messageOf(value)]) {
      expect(text).not.toBe('');
    }
    const { user } = process.cpuUsage(since);
    expect(user / 1_000).toBeLessThan(100);
  });

  it('is told by its kind and its size', () => {
    expect(show(Buffer.alloc(3))).toBe('Uint8Array of 3 bytes');
    expect(show({ body: new Float64Array(2) })).toBe('{"body":"Float64Array of 16 bytes"}');
    expect([show(5n), show(2n ** 5_000n)]).toEqual(['5n', 'a bigint of more than 4,096 bits']);
    expect(textOf(Array.from({ length: 1_000 }, () => 1))).toMatch(/990 more items/);
  });
});

describe('what is kept of something that was thrown', () => {
  it.each(Object.entries(ODD_THROWS))('is plain and bounded for %s', (_name, make) => {
    const thrown = make();
    const error = describeThrown(thrown);
    expect(JSON.parse(JSON.stringify(error))).toEqual(error);
    expect(JSON.stringify(error).length).toBeLessThan(200_000);
    expect(countOf(error)).toBeLessThanOrEqual(30);
    expect(error.name).not.toBe('');
    expect(headlineOf(error)).not.toBe('');
    expect(messageOf(thrown).length).toBeLessThan(2_000);
    expect(typeof show(thrown)).toBe('string');
    const shown = presentable(thrown);
    if (shown instanceof Error) expect([typeof shown.message, typeof shown.stack]).toEqual(['string', 'string']);
  });

  it('is the name, message, code and stack of an error, and its causes to the last', () => {
    const socket = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:9'), { code: 'ECONNREFUSED' });
    const thrown = new TypeError('fetch failed', { cause: new Error('no socket', { cause: socket }) });
    const error = describeThrown(thrown);
    expect(error).toMatchObject({
      name: 'TypeError',
      message: 'fetch failed',
      stack: thrown.stack,
      cause: { message: 'no socket', cause: { code: 'ECONNREFUSED', message: socket.message, cause: null } },
    });
    expect(headlineOf(error)).toBe('fetch failed; caused by: no socket; caused by: connect ECONNREFUSED 127.0.0.1:9');
    expect(stackOf(error)).toContain(`caused by: ${socket.stack}`);
  });

  it('has the members of an AggregateError, and says how many are left out', () => {
    const few = describeThrown(new AggregateError([new Error('a'), 'b'], 'two failed'));
    expect(few.errors.map(({ message }) => message)).toEqual(['a', 'b']);
    const many = describeThrown(new AggregateError(Array.from({ length: 1_000 }, (_, at) => new Error(`${at}`))));
    expect(many.errors).toHaveLength(20);
    expect(many.errors.at(-1)).toMatchObject({ name: 'OmittedErrors', message: '981 more errors are left out.' });
  });

  it('looks at the first members only, also where they are all the same', () => {
    const looked = new Set<PropertyKey>();
    const member = new Error('again');
    const errors = new Proxy(
      Array.from({ length: 1_000 }, () => member),
      {
        get: (target, key) => (looked.add(key), Reflect.get(target, key) as unknown),
      },
    );
    const { errors: kept } = describeThrown({ message: 'many', errors });
    expect(kept.map(({ message }) => message)).toEqual(['again', '980 more errors are left out.']);
    expect(looked.size).toBeLessThan(30);
  });

  it('has the message and the code of a plain object, and its content where it has no message', () => {
    expect(describeThrown({ statusCode: 400, message: 'bad request', code: 'E_BAD' })).toMatchObject({
      name: 'Error',
      message: 'bad request',
      code: 'E_BAD',
    });
    expect(describeThrown({ status: 503 }).message).toBe('{ status: 503 }');
    expect(describeThrown(Object.fromEntries(Array.from({ length: 500 }, (_, at) => [`k${at}`, 1]))).message).toBe(
      'an object with 500 keys',
    );
  });

  it('is that of an error of another realm, as jest and vm make them', () => {
    const thrown: unknown = runInNewContext(`
      class MyError extends Error { name = 'MyError'; code = 'E_MINE'; }
      new MyError('far away', { cause: new RangeError('further') });
    `);
    expect(thrown).not.toBeInstanceOf(Error);
    expect(describeThrown(thrown)).toMatchObject({
      name: 'MyError',
      message: 'far away',
      code: 'E_MINE',
      stack: expect.stringContaining('far away') as string,
      cause: { name: 'RangeError', message: 'further' },
    });
  });

  it('keeps the frames of an error whose message is long', () => {
    const error = describeThrown(new Error('x'.repeat(100_000)));
    expect(error.message.length).toBeLessThan(9_000);
    expect(error.stack).toContain('thrown.spec');
  });

  it('is shown to others as it is, unless looking at it throws', () => {
    const error = new Error('fine');
    expect(presentable(error)).toBe(error);
    const object = { message: 'thrown' };
    expect(presentable(object)).toBe(object);
    for (const odd of [hostileProxy(), revokedProxy(), new Error('outer', { cause: hostileProxy() })]) {
      expect(Object.is(presentable(odd), odd)).toBe(false);
      expect(presentable(odd)).toBeInstanceOf(Error);
    }
  });
});

describe('a promise that nobody awaits', () => {
  it('is taken, of whatever kind it is', async () => {
    const failures = new Set<unknown>();
    const failed = (error: unknown) => failures.add(error);
    expect(takePromise(Promise.reject(1), failed)).toBe(true);
    expect(takePromise(runInNewContext('Promise.reject(2)'), failed)).toBe(true);
    const thenable: unknown = runInNewContext('({ then(_, reject) { reject(3); } })');
    expect(takePromise(thenable, failed)).toBe(true);
    for (const other of [undefined, null, 1, {}, hostileProxy(), revokedProxy()])
      expect(takePromise(other)).toBe(false);
    await new Promise(setImmediate);
    expect(failures).toEqual(new Set([1, 2, 3]));
  });
});
