import { describe, expect, it } from 'vitest';
import { StoreUnavailableError } from '../../../../lib/errors/store.errors.js';
import { isAnswerLost, unavailable } from '../../../../lib/stores/mongoose/mongoose.errors.js';

const errorOf = (fields: object) => Object.assign(new Error('it failed'), fields);

describe('an error of the driver of MongoDB', () => {
  it.each([
    ['of the network', { name: 'MongoNetworkError' }],
    ['of the socket, which it lets through as it is', { code: 'EPIPE', syscall: 'write' }],
    ['of a socket that was reset', { code: 'ECONNRESET', syscall: 'read' }],
  ])('%s means that the store is unavailable, and that the answer is lost', (_, fields) => {
    const error = errorOf(fields);
    expect(unavailable('MongoDB at x', error)).toBeInstanceOf(StoreUnavailableError);
    expect((unavailable('MongoDB at x', error) as Error).cause).toBe(error);
    expect(isAnswerLost(error)).toBe(true);
  });

  it('that says what the server has against it is an answer', () => {
    const error = errorOf({ name: 'MongoServerError', code: 2 });
    expect(unavailable('MongoDB at x', error)).toBeInstanceOf(StoreUnavailableError);
    expect(isAnswerLost(error)).toBe(false);
  });

  it.each([
    ['of a file', { code: 'ENOENT' }],
    ['of the store', { code: 'ASYNCZ_TASK_CONFLICT' }],
    ['of code', {}],
  ])('it is not when it is one %s', (_, fields) => {
    const error = errorOf(fields);
    expect(unavailable('MongoDB at x', error)).toBe(error);
    expect(isAnswerLost(error)).toBe(false);
  });
});
