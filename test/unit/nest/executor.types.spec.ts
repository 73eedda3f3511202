import { describe, expect, it } from 'vitest';
import { AsyncExecutor } from '../../../lib/executors/async.executor.js';
import { DebugExecutor } from '../../../lib/executors/debug.executor.js';
import { createExecutor } from '../../../lib/nest/executor.types.js';
import type { ExecutorConfig } from '../../../lib/nest/module.options.js';

describe('the configuration of an executor', () => {
  it('names a type, by its name or by that of the model system', () => {
    expect(createExecutor('x', 'async')).toBeInstanceOf(AsyncExecutor);
    expect(createExecutor('x', 'asyncio')).toBeInstanceOf(AsyncExecutor);
    expect(createExecutor('x', 'debug')).toBeInstanceOf(DebugExecutor);
    expect(createExecutor('x', { type: 'async', concurrency: 7 }).room).toBe(7);
    expect(createExecutor('x', { type: 'debug' }).room).toBe(1);
  });

  it('is an executor itself', () => {
    const own = { room: 1, execute: () => {} };
    expect(createExecutor('x', own)).toBe(own);
  });

  it.each([
    ['thread', 'Unknown executor type "thread". Known: "async", '],
    [{ type: 'constructor' }, 'Unknown executor type "constructor"'],
    [{}, 'Invalid executors.cpu: {}. Allowed: the name of an executor type, '],
    [null, 'Invalid executors.cpu: null. Allowed: '],
    [7, 'Invalid executors.cpu: 7. Allowed: '],
    [{ type: 'async', concurrency: 0 }, 'Invalid concurrency: 0. Allowed: a whole number from 1.'],
    [{ type: 'async', concurrency: null }, 'Invalid concurrency: null.'],
    [{ type: 'async', threads: 2 }, 'Unknown option "threads" of the async executor. Allowed: "concurrency".'],
    [{ type: 'debug', concurrency: 2 }, 'Unknown option "concurrency" of the debug executor. Allowed: (none).'],
  ])('says what is wrong with %j, and what is allowed', (config, message) => {
    expect(() => createExecutor('cpu', config as ExecutorConfig)).toThrow(message);
  });
});
