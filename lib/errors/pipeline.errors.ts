import { AsynczError, show } from './asyncz.error.js';
import { headlineOf, describeThrown } from './thrown.js';

/**
 * A guard did not let the run through: its `canActivate` gave false, or nothing that is true. The handler was not called.
 *
 * @publicApi
 */
export class GuardRejectedError extends AsynczError {
  readonly code = 'ASYNCZ_GUARD_REJECTED';

  constructor(
    readonly runId: string,
    /** The class of the guard. */
    readonly guard: string,
    /** The class and the method of the handler. */
    readonly method: string,
  ) {
    super(`The guard ${guard} did not let the run ${show(runId)} through to ${method}.`);
  }
}

/**
 * What a run needs of its own could not be made: the request-scoped object that has the handler, something that this injects, or
 * a request-scoped guard, interceptor, pipe or filter. The handler was not called; `cause` says why.
 *
 * @publicApi
 */
export class RunScopeError extends AsynczError {
  readonly code = 'ASYNCZ_RUN_SCOPE';

  constructor(
    readonly runId: string,
    /** The class and the method of the handler. */
    readonly method: string,
    cause: unknown,
  ) {
    super(
      `The request-scoped providers of the run ${show(runId)} of ${method} could not be made: ${headlineOf(describeThrown(cause))}`,
      { cause },
    );
  }
}
