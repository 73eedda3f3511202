import { describe, expect, it } from 'vitest';
import { NonRetryableError, RetryLaterError, RunTimeoutError } from 'nestjs-asyncz';
import { crossError, pack, reviveError, unpack } from '../../../lib/executors/pool/crossing.js';
import { ODD_THROWS } from '../../support/odd.throws.js';

/** As it arrives on the other side. */
const cross = (thrown: unknown): Error & Record<string, unknown> =>
  reviveError(structuredClone(crossError(thrown))) as Error & Record<string, unknown>;

class OwnError extends TypeError {
  override readonly name = 'OwnError';
}
class DeclinedError extends NonRetryableError {}

describe('an error that goes to another thread or process', () => {
  it('keeps its name, message, code, stack, causes and members', () => {
    const cause = new RangeError('inner', { cause: 'a text' });
    const error = Object.assign(new AggregateError([new SyntaxError('member')], 'outer', { cause }), {
      code: 'E_OUTER',
    });
    const crossed = cross(error);
    expect(crossed).toBeInstanceOf(AggregateError);
    expect(crossed).toMatchObject({ name: 'AggregateError', message: 'outer', code: 'E_OUTER', stack: error.stack });
    expect(crossed.cause).toBeInstanceOf(RangeError);
    expect((crossed.cause as Error).cause).toMatchObject({ message: 'a text' });
    expect((crossed.errors as unknown[])[0]).toBeInstanceOf(SyntaxError);
  });

  it('is of the nearest class that both sides know', () => {
    expect(cross(new OwnError('x'))).toBeInstanceOf(TypeError);
    expect(cross(new OwnError('x')).name).toBe('OwnError');
    expect(cross(new DeclinedError('x'))).toBeInstanceOf(NonRetryableError);
    expect(cross(new RunTimeoutError('r', 5))).toBeInstanceOf(RunTimeoutError);
    const later = cross(new RetryLaterError('5s'));
    expect(later).toBeInstanceOf(RetryLaterError);
    expect(later.afterMs).toBe(5_000);
  });

  it('keeps the fields that can go', () => {
    const error = Object.assign(new Error('x'), {
      at: new Date(5),
      socket: () => {},
      big: 'x'.repeat(100_000),
      path: '/a',
    });
    const crossed = cross(error);
    expect(crossed).toMatchObject({ at: new Date(5), path: '/a' });
    expect(Object.keys(crossed)).not.toContain('socket');
    expect(Object.keys(crossed)).not.toContain('big');
  });

  it.each(Object.entries(ODD_THROWS))('arrives whatever was thrown: %s', (_, make) => {
    expect(cross(make())).toBeInstanceOf(Error);
  });
});

describe('a value that goes to another thread or process', () => {
  it('is what structured clone takes', () => {
    const value = {
      at: new Date(5),
      map: new Map([[1n, new Set(['a'])]]),
      bytes: new Uint8Array([1]),
      none: undefined,
    };
    const packed = pack(value, 1_000);
    expect('bytes' in packed && unpack(packed.bytes)).toEqual(value);
  });

  it('does not go if it cannot, or is too large', () => {
    expect(pack(() => {}, 1_000)).toMatchObject({ problem: 'unserializable' });
    expect(pack('x'.repeat(1_000), 100)).toMatchObject({
      problem: 'too-large',
      message: expect.stringContaining('Allowed: 100 bytes.'),
    });
  });
});
