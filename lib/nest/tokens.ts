/**
 * The name of the scheduler that `forRoot` makes when it is given none.
 */
export const DEFAULT_SCHEDULER = 'default';

/**
 * The injection token of a scheduler's service. The default one is also injectable by its class, `SchedulerService`.
 *
 * @param name The name given to `forRoot`.
 * @publicApi
 */
export function getSchedulerToken(name: string = DEFAULT_SCHEDULER): string {
  return `asyncz:scheduler:${name}`;
}

/**
 * The injection token of a store.
 *
 * @param alias The store's alias.
 * @param scheduler The name of its scheduler.
 * @publicApi
 */
export function getStoreToken(alias = 'default', scheduler: string = DEFAULT_SCHEDULER): string {
  return `asyncz:store:${scheduler}:${alias}`;
}

// Texts and not symbols, so that two installed copies of the package agree.

/** The token of a scheduler's options, checked. */
export function getOptionsToken(name: string): string {
  return `asyncz:options:${name}`;
}

/** The token of the engine behind a scheduler's service. */
export function getEngineToken(name: string): string {
  return `asyncz:engine:${name}`;
}

/** The metadata key of `@ScheduledTask`. */
export const SCHEDULED_TASK_METADATA = 'asyncz:scheduled-task';

/** The metadata key of `@TaskHandler`. */
export const TASK_HANDLER_METADATA = 'asyncz:task-handler';
