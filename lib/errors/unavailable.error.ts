import { AsynczError } from './asyncz.error.js';

/**
 * The server of a store is unreachable, does not answer, or refuses a call. The scheduler tries again.
 *
 * @publicApi
 */
export class StoreUnavailableError extends AsynczError {
  readonly code = 'ASYNCZ_STORE_UNAVAILABLE';

  /**
   * @param server Its kind and address, without a password.
   * @param reason What it said, or what became of the connection.
   */
  constructor(
    readonly server: string,
    readonly reason: string,
    options?: ErrorOptions,
  ) {
    super(`${server} cannot be used: ${reason}`, options);
  }
}
