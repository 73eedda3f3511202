import { AsynczError, show } from './asyncz.error.js';
import { messageOf } from './thrown.js';

export { StoreUnavailableError } from './unavailable.error.js';

/**
 * A store could not be started; the scheduler does not start without it.
 *
 * @publicApi
 */
export class StoreStartError extends AsynczError {
  readonly code = 'ASYNCZ_STORE_START';

  constructor(
    readonly store: string,
    cause: unknown,
  ) {
    super(`The store ${show(store)} could not be started: ${messageOf(cause)}`, {
      cause,
    });
  }
}

/**
 * Something did not answer before `startTimeout` was over, or before the scheduler was stopped; it does not start without it.
 *
 * @publicApi
 */
export class StartTimeoutError extends AsynczError {
  readonly code = 'ASYNCZ_START_TIMEOUT';

  /**
   * @param awaited What was waited for, such as a store with its address, without a password.
   */
  constructor(readonly awaited: string) {
    super(`No answer from ${awaited} before the time for the start was over (startTimeout)`);
  }
}

/**
 * Another scheduler uses the store, and the store cannot coordinate the two.
 *
 * @publicApi
 */
export class StoreInUseError extends AsynczError {
  readonly code = 'ASYNCZ_STORE_IN_USE';

  /**
   * @param store The store's alias.
   * @param by Who uses it: identity, host, process.
   * @param reason Why the two cannot share it, and what to do.
   */
  constructor(
    readonly store: string,
    readonly by: string,
    reason: string,
  ) {
    super(`The store ${show(store)} is in use by ${by}. ${reason}`);
  }
}
