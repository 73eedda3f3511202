import { AsynczError } from './asyncz.error.js';

/**
 * A package that is not installed, or a provider that the application does not have, is needed by what the configuration asks
 * for.
 *
 * @publicApi
 */
export class MissingDependencyError extends AsynczError {
  readonly code = 'ASYNCZ_MISSING_DEPENDENCY';

  /**
   * @param asker What needs it: `The store type "redis" of nestjs-asyncz`.
   * @param dependency What is missing: `the package ioredis`.
   * @param remedy What to do.
   */
  constructor(asker: string, dependency: string, remedy: string, options?: ErrorOptions) {
    super(`${asker} needs ${dependency}, which is not there. ${remedy}`, options);
  }
}
