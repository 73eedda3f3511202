import { AsynczError, show } from './asyncz.error.js';

/**
 * A decorator stands where it cannot work, or one of its options is refused: then `cause` is the error about the option.
 *
 * @publicApi
 */
export class DeclarationError extends AsynczError {
  readonly code = 'ASYNCZ_DECLARATION';

  /**
   * @param decorator The decorator: `@ScheduledTask`.
   * @param method The class and the method: `BillingService.charge`.
   * @param problem What is wrong, and what to do.
   * @param taskId The id of the task, where it is known.
   */
  constructor(
    readonly decorator: string,
    readonly method: string,
    problem: string,
    readonly taskId: string | null = null,
    options?: ErrorOptions,
  ) {
    super(`${decorator} on ${method}${taskId === null ? '' : ` (id ${show(taskId)})`}: ${problem}`, options);
  }
}
