import { checkName, checkNamed } from '../errors/option.checks.js';
import { readFilter } from '../events/event.filter.js';
import type { EventFilter } from '../events/event.filter.js';
import type { SchedulerEventName, SchedulerListener } from '../events/event.map.js';
import { createMethodDecorator, declarationError, nameOfMethod } from './method.marks.js';
import type { MethodKey } from './method.marks.js';
import { ON_TASK_EVENT_METADATA } from './tokens.js';

/** The decorator in messages. */
export const ON_TASK_EVENT = '@OnTaskEvent';

/**
 * Options of `@OnTaskEvent`: which of the events, and of which scheduler.
 *
 * @publicApi
 */
export type OnTaskEventOptions<Name extends SchedulerEventName = SchedulerEventName> = EventFilter<Name> & {
  /** The name of the only scheduler whose events it gets; by default those of all. */
  readonly scheduler?: string;
};

/** What `@OnTaskEvent` leaves on a method, one entry for each decorator. */
export type OnTaskEventMetadata = readonly {
  readonly names: SchedulerEventName | readonly SchedulerEventName[] | undefined;
  readonly filter: EventFilter;
  /** The scheduler that it is for; every one when null. */
  readonly scheduler: string | null;
}[];

/** A decorator of methods that take this event. */
type ListenerDecorator<Name extends SchedulerEventName> = <Method extends SchedulerListener<Name>>(
  target: object,
  key: string | symbol,
  descriptor: TypedPropertyDescriptor<Method>,
) => void;

/**
 * Calls a provider's method for events of the scheduler in this process: as `addListener`, see `docs/events.md`.
 *
 * ```ts
 * @OnTaskEvent('run.failed', { task: 'reports.*' })
 * async alert({ taskId, run }: SchedulerEvent<'run.failed'>) {}
 * ```
 *
 * A method can have several decorators. It has to be one of a singleton: an event belongs to no request.
 *
 * @param names The events; all when left out.
 * @throws DeclarationError When a name or an option is refused, or it stands on what is no method of an instance.
 * @publicApi
 */
export function OnTaskEvent<Name extends SchedulerEventName = SchedulerEventName>(
  names?: Name | readonly Name[],
  options: OnTaskEventOptions<Name> = {} as OnTaskEventOptions<Name>,
): ListenerDecorator<Name> {
  const decorate = createMethodDecorator(ON_TASK_EVENT, ({ target, key, method }) => {
    const { scheduler, filter } = checked(names, options, nameOfMethod(target.constructor.name, key));
    const others = (Reflect.getOwnMetadata(ON_TASK_EVENT_METADATA, method) ?? []) as OnTaskEventMetadata;
    Reflect.defineMetadata(ON_TASK_EVENT_METADATA, [{ names, filter, scheduler }, ...others], method);
  });
  return decorate as (target: object, key: MethodKey, descriptor: PropertyDescriptor) => void;
}

/** @throws DeclarationError */
function checked(
  names: string | readonly string[] | undefined,
  options: OnTaskEventOptions,
  method: string,
): { scheduler: string | null; filter: EventFilter } {
  try {
    checkNamed('options', options, 'filters');
    const { scheduler, ...filter } = options;
    readFilter(names, filter);
    return { scheduler: scheduler === undefined ? null : checkName('scheduler', scheduler), filter };
  } catch (error) {
    throw declarationError(ON_TASK_EVENT, method, error);
  }
}
