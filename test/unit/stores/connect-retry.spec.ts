import { describe, expect, it } from 'vitest';
import { SettableClock } from '../../../lib/model/clock.js';
import { SILENT_LOGGER } from '../../../lib/model/logger.js';
import { connectWithRetry, resolveConnectRetry } from '../../../lib/stores/connect-retry.js';
import { until } from '../../../lib/testing/until.js';

describe('the option connectRetry', () => {
  it('is one try where it is left out, and otherwise what it says', () => {
    expect(resolveConnectRetry(undefined)).toEqual({ attempts: 1, delayMs: 0 });
    expect(resolveConnectRetry({ attempts: 30, delay: '2s' })).toEqual({ attempts: 30, delayMs: 2_000 });
    expect(resolveConnectRetry({ attempts: 1, delay: 0 })).toEqual({ attempts: 1, delayMs: 0 });
  });

  it.each([
    [{ attempts: 0, delay: 1 }, 'Invalid connectRetry.attempts: 0. Allowed: a whole number from 1.'],
    [{ attempts: 1.5, delay: 1 }, 'Invalid connectRetry.attempts: 1.5.'],
    [{ attempts: '3', delay: 1 }, 'Invalid connectRetry.attempts: "3".'],
    [{ delay: 1 }, 'Invalid connectRetry.attempts: undefined.'],
    [{ attempts: 2, delay: -1 }, 'Invalid connectRetry.delay: -1. Allowed: 0 or more milliseconds'],
    [{ attempts: 2, delay: 'soon' }, 'Invalid connectRetry.delay: "soon".'],
    [{ attempts: 2 }, 'Invalid connectRetry.delay: undefined.'],
    [{ attempts: 2, delay: 1, pause: 1 }, 'Unknown option "pause" of connectRetry. Allowed:'],
  ])('is refused with the value and what is allowed: %j', (retry, message) => {
    expect(() => resolveConnectRetry(retry as never)).toThrow(message);
  });
});

describe('connecting', () => {
  /** A server that is down for the first tries. */
  function setUp(failures: number) {
    const clock = new SettableClock();
    const warnings: string[] = [];
    const logger = { ...SILENT_LOGGER, warn: (message: string) => void warnings.push(message) };
    const triedAt: number[] = [];
    const connect = () => {
      triedAt.push(clock.monotonic());
      return triedAt.length > failures ? Promise.resolve('connected') : Promise.reject(new Error('refused'));
    };
    /** Lets a pause pass that has begun. */
    const pass = async (ms: number) => {
      await until(() => clock.pendingTimers === 1);
      clock.advance(ms);
    };
    return { context: { alias: 'jobs', clock, logger }, warnings, triedAt, connect, pass };
  }

  it('is tried again after each pause until it succeeds, and says what it waits for', async () => {
    const { context, warnings, triedAt, connect, pass } = setUp(2);
    const connecting = connectWithRetry({ attempts: 5, delayMs: 100 }, context, connect);
    await pass(100);
    await pass(100);
    expect(await connecting).toBe('connected');
    expect(triedAt).toEqual([0, 100, 200]);
    expect(warnings).toEqual([
      'The store "jobs" is not there yet (1 of 5): refused',
      'The store "jobs" is not there yet (2 of 5): refused',
    ]);
  });

  it('fails with the last reason when the tries are used up', async () => {
    const { context, warnings, triedAt, connect, pass } = setUp(9);
    const connecting = connectWithRetry({ attempts: 2, delayMs: 7 }, context, connect);
    const failure = expect(connecting).rejects.toThrow('refused');
    await pass(7);
    await failure;
    expect(triedAt).toEqual([0, 7]);
    expect(warnings).toHaveLength(1);
  });

  it('fails at once where there is one try', async () => {
    const { context, warnings, connect } = setUp(1);
    await expect(connectWithRetry(resolveConnectRetry(undefined), context, connect)).rejects.toThrow('refused');
    expect(warnings).toEqual([]);
    expect(context.clock.pendingTimers).toBe(0);
  });
});
