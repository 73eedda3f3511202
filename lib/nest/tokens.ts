import type { ModulesContainer } from '@nestjs/core';

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
  return `${SCHEDULER_TOKEN}${name}`;
}

const SCHEDULER_TOKEN = 'asyncz:scheduler:';

/** The names of the schedulers of the application that has this container, one for each that it makes. */
export function schedulersOf(container: ModulesContainer): string[] {
  return [...container.values()]
    .flatMap(({ providers }) => [...providers.keys()])
    .filter((token): token is string => typeof token === 'string' && token.startsWith(SCHEDULER_TOKEN))
    .map((token) => token.slice(SCHEDULER_TOKEN.length));
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

/** The token of a scheduler's runtime options: their names are checked, their values are left to the scheduler. */
export function getOptionsToken(name: string): string {
  return `asyncz:options:${name}`;
}

/** The metadata key of `@ScheduledTask`. */
export const SCHEDULED_TASK_METADATA = 'asyncz:scheduled-task';

/** The metadata key of `@OnTaskEvent`. */
export const ON_TASK_EVENT_METADATA = 'asyncz:on-task-event';

/** The metadata key of `@TaskHandler`. */
export const TASK_HANDLER_METADATA = 'asyncz:task-handler';
