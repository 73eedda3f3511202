import { InvalidOptionError, rejectUnknownOptions } from '../errors/input.errors.js';
import { messageOf } from '../errors/thrown.js';
import { namesOf } from '../model/names.js';
import { parseDuration } from '../model/duration.js';
import type { Duration } from '../model/duration.js';
import { pause } from '../time/wait.js';
import type { StoreContext } from './store.interface.js';

/**
 * How long to wait for a server that is not there yet when the application starts.
 *
 * @publicApi
 */
export interface ConnectRetry {
  /** How often it is tried, the first time included. */
  readonly attempts: number;
  /** The pause between two tries: milliseconds, or text such as `'2s'`. */
  readonly delay: Duration;
}

/** A {@link ConnectRetry} that was checked. */
export interface ResolvedConnectRetry {
  readonly attempts: number;
  readonly delayMs: number;
}

const OPTIONS = namesOf<keyof ConnectRetry>({ attempts: 0, delay: 0 });

/**
 * Checks the option `connectRetry`. Without it there is one try.
 *
 * @throws UnknownOptionError For an option that there is not.
 * @throws InvalidOptionError For a value that is not allowed.
 */
export function resolveConnectRetry(retry: ConnectRetry | undefined): ResolvedConnectRetry {
  if (retry === undefined) return { attempts: 1, delayMs: 0 };
  rejectUnknownOptions('connectRetry', retry, OPTIONS);
  const { attempts, delay } = retry;
  if (!Number.isInteger(attempts) || attempts < 1) {
    throw new InvalidOptionError('connectRetry.attempts', attempts, 'a whole number from 1');
  }
  const delayMs = parseDuration(delay);
  if (delayMs === null || delayMs < 0) {
    throw new InvalidOptionError('connectRetry.delay', delay, '0 or more milliseconds, or text such as "2s"');
  }
  return { attempts, delayMs };
}

/**
 * Connects, as often as the option says. Each failure but the last, which is thrown, is written to the log: whoever waits
 * for the application to come up sees what it waits for.
 */
export async function connectWithRetry<T>(
  { attempts, delayMs }: ResolvedConnectRetry,
  { alias, clock, logger }: Pick<StoreContext, 'alias' | 'clock' | 'logger'>,
  connect: () => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await connect();
    } catch (error) {
      if (attempt >= attempts) throw error;
      logger.warn(`The store "${alias}" is not there yet (${attempt} of ${attempts}): ${messageOf(error)}`);
    }
    await pause(clock, delayMs);
  }
}
