import type { TaskDefinition } from './definition.js';
import type { TaskRecord } from './task.js';

/**
 * What schedulers look for among all tasks: those that the code declares, those with the trigger `startup` or `shutdown`, and those of
 * which something is expected (`expect`), unless they have such a trigger.
 *
 * @publicApi
 */
export type StartTaskKind = 'declared' | 'startup' | 'shutdown' | 'expected';

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
type Startable = Pick<TaskDefinition, 'origin' | 'trigger' | 'policies'>;

/** The kind of a task by its trigger; null for a trigger that follows the time. */
export function lifecycleOf(triggerType: string): 'startup' | 'shutdown' | null {
  return triggerType === 'startup' || triggerType === 'shutdown' ? triggerType : null;
}

/** Whether a task is of a kind. */
export function isOfKind({ origin, trigger, policies }: Startable, kind: StartTaskKind): boolean {
  if (origin === 'internal') return false;
  const lifecycle = lifecycleOf(trigger.type);
  if (kind === 'expected') return policies.expect !== null && lifecycle === null;
  return kind === 'declared' ? origin === 'code' : lifecycle === kind;
}

/** Whether a task is of any kind: what a store keeps an index of. */
export function isStartTask({ origin, trigger, policies }: Startable): boolean {
  if (origin === 'internal') return false;
  return origin === 'code' || policies.expect !== null || lifecycleOf(trigger.type) !== null;
}
