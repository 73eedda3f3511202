import { AsynczError } from '../errors/asyncz.error.js';
import { MACHINE } from '../model/clock.js';
import { pause } from '../time/wait.js';
import type { Awaitable } from '../stores/store.interface.js';

/**
 * Something that a test waited for did not come.
 *
 * @publicApi
 */
export class UntilTimeoutError extends AsynczError {
  readonly code = 'ASYNCZ_UNTIL_TIMEOUT';

  constructor(what: string, timeoutMs: number) {
    super(`Waited ${timeoutMs} ms in vain for ${what}.`);
  }
}

/** How long to wait between two looks, in milliseconds. */
const STEP_MS = 10;

/**
 * Looks again and again until `condition` gives something true.
 *
 * @param options `what`: for the message. `timeoutMs`: when to give up, 20 000 by default. `advance`: moves a settable
 *   clock by milliseconds, which is then the one that `timeoutMs` counts; without it, real time passes between the looks.
 * @returns What the condition gave.
 * @throws UntilTimeoutError When it has not come in time.
 * @publicApi
 */
export async function until<T>(
  condition: () => Awaitable<T>,
  options: { what?: string; timeoutMs?: number; advance?: (ms: number) => Awaitable<void> } = {},
): Promise<NonNullable<T>> {
  const { what = 'a condition', timeoutMs = 20_000, advance } = options;
  const start = MACHINE.monotonic();
  for (let advanced = 0; ; advanced += STEP_MS) {
    const value = await condition();
    if (value) return value;
    // On a clock of its own a slow machine has no say in when to give up.
    if ((advance ? advanced : MACHINE.monotonic() - start) > timeoutMs) throw new UntilTimeoutError(what, timeoutMs);
    await advance?.(STEP_MS);
    await pause(MACHINE, advance ? 0 : STEP_MS);
  }
}
