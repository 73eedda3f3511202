import { AsynczError, show } from './asyncz.error.js';

/** How many tasks a message names. */
const NAMED = 5;

/**
 * The stores are not as they were when the deploy plan was made, or the code is not the one that it was made with. Make a new plan.
 *
 * @publicApi
 */
export class DeployConflictError extends AsynczError {
  readonly code = 'ASYNCZ_DEPLOY_CONFLICT';

  /**
   * @param conflicts What is not as it was planned.
   * @param applied How many entries of the plan were applied before that was found; the others were not.
   */
  constructor(
    readonly conflicts: readonly { readonly taskId: string; readonly store: string }[],
    readonly applied: number,
  ) {
    super(
      `The plan no longer fits: ${named(conflicts)} ${conflicts.length === 1 ? 'is' : 'are'} not as planned. ` +
        `${applied === 0 ? 'Nothing of it was' : `${applied} of its entries were`} applied. Make a new plan.`,
    );
  }
}

/**
 * With `reconcile: 'verify'`: the stores are not as the code declares, so the scheduler does not start. Apply a plan first.
 *
 * @publicApi
 */
export class DeployPendingError extends AsynczError {
  readonly code = 'ASYNCZ_DEPLOY_PENDING';

  /**
   * @param digest That of the plan.
   * @param pending The tasks that would be changed.
   */
  constructor(
    readonly digest: string,
    readonly pending: readonly { readonly taskId: string; readonly store: string; readonly action: string }[],
  ) {
    super(
      `The stores are not as the code declares (reconcile: 'verify'): ${named(pending)} would be changed. ` +
        'Apply a plan of this code first (scheduler.planDeploy, scheduler.applyDeploy).',
    );
  }
}

function named(tasks: readonly { readonly taskId: string; readonly store: string; readonly action?: string }[]) {
  const texts = tasks
    .slice(0, NAMED)
    .map(({ taskId, store, action }) => `${show(taskId)} in store ${show(store)}${action ? ` (${action})` : ''}`);
  return `${texts.join(', ')}${tasks.length > NAMED ? ` and ${tasks.length - NAMED} more` : ''}`;
}
