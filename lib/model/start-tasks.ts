import type { TaskDefinition } from './definition.js';
import type { TaskRecord } from './task.js';

/**
 * What schedulers look for when they start or stop: the tasks that the code declares, or those with the trigger `startup` or
 * `shutdown`.
 *
 * @publicApi
 */
export type StartTaskKind = 'declared' | 'startup' | 'shutdown';

/** Which tasks of a kind, a page at a time. @publicApi */
export interface StartTaskPageRequest {
  /** How many to return at most. */
  readonly limit: number;
  /** The {@link StartTaskPage.next} of the previous page. */
  readonly cursor?: string;
}

/** A page of the tasks of a kind, in an order that does not change. @publicApi */
export interface StartTaskPage {
  /** The readable ones. There may be fewer than the limit, and none, although more follow. */
  readonly tasks: readonly TaskRecord[];
  /** The cursor of the next page; null on the last. */
  readonly next: string | null;
}

/** The part of a definition that says of which kinds a task is. */
type Startable = Pick<TaskDefinition, 'origin' | 'trigger'>;

/** The kind of a task by its trigger; null for a trigger that follows the time. */
export function lifecycleOf(triggerType: string): 'startup' | 'shutdown' | null {
  return triggerType === 'startup' || triggerType === 'shutdown' ? triggerType : null;
}

/** Whether a task is of a kind. */
export function isOfKind({ origin, trigger }: Startable, kind: StartTaskKind): boolean {
  if (origin === 'internal') return false;
  return kind === 'declared' ? origin === 'code' : lifecycleOf(trigger.type) === kind;
}

/** Whether a task is of any kind: what a store keeps an index of. */
export function isStartTask({ origin, trigger }: Startable): boolean {
  return origin === 'code' || (origin !== 'internal' && lifecycleOf(trigger.type) !== null);
}
