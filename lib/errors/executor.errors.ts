import { AsynczError, show } from './asyncz.error.js';
import { messageOf } from './thrown.js';

/**
 * The thread or process that executed a run has ended: it crashed, ran out of memory, called `process.exit`, or did not answer
 * any more after its run was aborted. It is replaced. `cause` is what it ended with, where that is known.
 *
 * @publicApi
 */
export class WorkerEndedError extends AsynczError {
  readonly code = 'ASYNCZ_WORKER_ENDED';

  /**
   * @param executor The alias of the executor.
   * @param how How it ended: `with exit code 3`.
   */
  constructor(
    readonly executor: string,
    readonly runId: string,
    readonly how: string,
    options?: ErrorOptions,
  ) {
    super(`The worker of executor ${show(executor)} that executed run ${show(runId)} ended ${how}.`, options);
  }
}

/**
 * The module of an executor does not boot in a worker. `cause` is why. It is tried again.
 *
 * @publicApi
 */
export class WorkerBootError extends AsynczError {
  readonly code = 'ASYNCZ_WORKER_BOOT';

  /**
   * @param executor The alias of the executor.
   * @param module The URL of the module.
   */
  constructor(
    readonly executor: string,
    readonly module: string,
    cause: unknown,
  ) {
    super(`The module ${module} of executor ${show(executor)} does not boot: ${messageOf(cause)}`, { cause });
  }
}
