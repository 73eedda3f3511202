import { namesOf } from '../../model/names.js';
import { toInstant } from '../../time/inputs.js';
import type { PauseRequest } from '../plan/pause.plan.js';
import { CHANGE_TASK_OPTIONS, requestOf } from './control.options.js';
import type { ActorOptions, ChangeOptions } from './control.options.js';
import type { TimeInput } from './task.options.js';

/**
 * Options of `pauseTasks`: who asks, why, and until when.
 *
 * @publicApi
 */
export interface PauseManyOptions extends ActorOptions {
  /** When the pause ends by itself, by the clock of the store. When left out, somebody has to end it. */
  readonly until?: TimeInput;
}

/**
 * Options of `pauseTask`.
 *
 * @publicApi
 */
export interface PauseOptions extends ChangeOptions, PauseManyOptions {}

/** The names of {@link PauseManyOptions}. */
export const PAUSE_MANY_OPTIONS = namesOf<keyof PauseManyOptions>({ actor: 0, reason: 0, until: 0 });

/** The names of {@link PauseOptions}. */
export const PAUSE_OPTIONS = [...CHANGE_TASK_OPTIONS, ...PAUSE_MANY_OPTIONS];

/** Who wants tasks to stand still, why and until when, checked. @throws InvalidOptionError */
export function pauseRequestOf(options: PauseManyOptions): PauseRequest {
  const { until } = options;
  return { ...requestOf(options), ...(until !== undefined && { until: toInstant(until, 'until') }) };
}
