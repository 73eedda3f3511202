import { describe, expect, it } from 'vitest';
import type { RunError } from '../../../lib/errors/thrown.js';
import type { TaskCodec } from '../../../lib/persistence/codec.interface.js';
import { KeyRing } from '../../../lib/persistence/key-ring.js';
import { isUnstoredResult } from '../../../lib/model/unstored-result.js';
import { makeRun } from '../../../lib/testing/task.fixtures.js';
import { makeCodec, nest } from './codec.fixtures.js';

const error: RunError = {
  name: 'TypeError',
  message: 'it broke',
  code: 'E_BROKE',
  stack: 'TypeError: it broke\n at x',
  cause: null,
  errors: [],
};

function throughStore(codec: TaskCodec, fields: { error?: RunError | null; result?: unknown }) {
  const run = makeRun('r', fields);
  const row = codec.encodeRun(run);
  return { run, row, read: codec.decodeRun(row) };
}

describe('the outcome of a run', () => {
  it('is nothing when there is neither an error nor a result', () => {
    const { row, run, read } = throughStore(makeCodec(), { result: undefined });
    expect(row.outcome).toBeNull();
    expect(row).not.toHaveProperty('result');
    expect(row).not.toHaveProperty('error');
    expect(read).toStrictEqual(run);
  });

  it('keeps null and undefined apart', () => {
    expect(throughStore(makeCodec(), { result: null }).read.result).toBeNull();
    expect(throughStore(makeCodec(), { error, result: undefined }).read).toStrictEqual(
      makeRun('r', { error, result: undefined }),
    );
  });

  it('is readable text where it is plain JSON', () => {
    expect(throughStore(makeCodec(), { error, result: { rows: 3 } }).row.outcome).toBe(
      `{"entity":"run","version":1,"serializer":"json","payload":{"error":${JSON.stringify(error)},"result":{"rows":3}}}`,
    );
  });

  it.each([
    ['a function', () => 1, /result is a function/],
    ['an instance of a class', { entity: new Promise(() => {}) }, /result\.entity is an instance of Promise/],
    ['nested too deeply', nest(10_000, 'object'), /nested more than 500 levels/],
    ['a symbol', Symbol('s'), /result is a symbol/],
    [
      'an object whose getter throws',
      {
        get x(): never {
          throw new Error('no');
        },
      },
      /result is what the serializer "json" does not write \(no\)/,
    ],
    ['what only looks like a note', { $asyncz: 'result-not-stored', reason: 'too-large', message: 1n }, /BigInt/],
  ])('has a note in place of a result that cannot be stored: %s', (_name, result, message) => {
    const { read } = throughStore(makeCodec(), { result });
    expect(read.status).toBe('succeeded');
    expect(isUnstoredResult(read.result)).toBe(true);
    expect(read.result).toEqual({
      $asyncz: 'result-not-stored',
      reason: 'unserializable',
      message: expect.stringMatching(message) as string,
    });
  });

  it.each([
    ['in clear', null],
    ['encrypted', KeyRing.create('a secret of enough bytes')],
  ])('has a note in place of a result that is too large, %s', (_name, keyRing) => {
    const codec = makeCodec({ keyRing, maxPayloadBytes: 2_000 });
    expect(throughStore(codec, { result: 'x'.repeat(100) }).read.result).toBe('x'.repeat(100));
    for (const result of ['x'.repeat(1_950), 'x'.repeat(100_000), new Uint8Array(1_500), 'ü'.repeat(1_000)]) {
      const { read, row } = throughStore(codec, { error, result });
      expect(read.result).toEqual({
        $asyncz: 'result-not-stored',
        reason: 'too-large',
        message: 'The result takes more than 2000 bytes (maxPayloadBytes).',
      });
      expect(read.error).toEqual(error);
      expect(Buffer.byteLength(row.outcome!)).toBeLessThanOrEqual(2_000);
    }
  });

  it('does not look at all of a result that is far too large', () => {
    const codec = makeCodec({ maxPayloadBytes: 2_000 });
    const asked = { times: 0 };
    const counted = (at: number) =>
      Object.defineProperty({}, 'at', { get: () => ((asked.times += 1), at), enumerable: true });
    const result = Array.from({ length: 10_000 }, (_, at) => counted(at));
    expect(throughStore(codec, { result }).read.result).toMatchObject({ reason: 'too-large' });
    expect(asked.times).toBeLessThan(1_000);
  });

  it('keeps a long text that occurs often, which is written once', () => {
    const text = 'x'.repeat(1_000);
    const result = [new Date(5), ...Array.from({ length: 100 }, () => text)];
    expect(throughStore(makeCodec({ maxPayloadBytes: 2_000 }), { result }).read.result).toEqual(result);
  });

  it('keeps the beginning of an error that is too large', () => {
    for (const keyRing of [null, KeyRing.create('a secret of enough bytes')]) {
      const codec = makeCodec({ keyRing, maxPayloadBytes: 10_000 });
      const large = { ...error, message: '\u0001'.repeat(50_000), stack: 'at x\n'.repeat(50_000) };
      const { read, row } = throughStore(codec, { error: large, result: 'x'.repeat(20_000) });
      expect(read.error).toMatchObject({ name: 'TypeError', code: 'E_BROKE', stack: null });
      expect(read.error!.message).toBe(`${'\u0001'.repeat(312)}…`);
      expect(isUnstoredResult(read.result)).toBe(true);
      expect(Buffer.byteLength(row.outcome!)).toBeLessThanOrEqual(10_000);
    }
  });

  it('is written however small the limit is', () => {
    const { read } = throughStore(makeCodec({ maxPayloadBytes: 1 }), { error, result: 7 });
    expect(read.error).toMatchObject({ name: 'TypeError', message: 'it broke' });
    expect(isUnstoredResult(read.result)).toBe(true);
  });

  it('makes plain texts of an error, whatever it has in their place', () => {
    const odd = { name: 7, message: { a: 1 }, code: 404, stack: undefined } as unknown as RunError;
    expect(throughStore(makeCodec(), { error: odd }).read.error).toEqual({
      name: '7',
      message: '{ a: 1 }',
      code: '404',
      stack: null,
      cause: null,
      errors: [],
    });
  });

  it('knows a note from a result', () => {
    for (const result of [null, undefined, 'result-not-stored', {}, { $asyncz: 'x' }, []]) {
      expect(isUnstoredResult(result)).toBe(false);
    }
  });

  it('keeps the steps of a dead run, hidden where a key writes', () => {
    const steps = [{ name: 'charge 4711', at: 5, result: '{"result":7}' }];
    const run = makeRun('r', { dead: true, steps, result: undefined });
    const codec = makeCodec({ keyRing: KeyRing.create(['a secret of enough bytes']) });
    expect(codec.encodeRun(run).outcome).not.toContain('4711');
    for (const one of [codec, makeCodec()]) expect(one.decodeRun(one.encodeRun(run))).toStrictEqual(run);
  });
});
