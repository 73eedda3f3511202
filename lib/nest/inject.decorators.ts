import { Inject } from '@nestjs/common';
import { getSchedulerToken, getStoreToken } from './tokens.js';

/**
 * Injects the `SchedulerService` of a named scheduler.
 *
 * @param name The name given to `forRoot`; the default scheduler when left out.
 * @publicApi
 */
export function InjectScheduler(name?: string): ReturnType<typeof Inject> {
  return Inject(getSchedulerToken(name));
}

/**
 * Injects a store.
 *
 * @param alias The alias that it has in `stores`; `default` when left out.
 * @param scheduler The name of its scheduler; the default one when left out.
 * @publicApi
 */
export function InjectStore(alias?: string, scheduler?: string): ReturnType<typeof Inject> {
  return Inject(getStoreToken(alias, scheduler));
}
