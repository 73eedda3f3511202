import type { Logger } from '@nestjs/common';
import type { InstanceWrapper } from '@nestjs/core/injector/instance-wrapper.js';
import type { SchedulerListener } from '../events/event.map.js';
import type { Scheduler } from '../scheduler/scheduler.js';
import type { DecoratedMethod } from './method.finder.js';
import type { MethodKey } from './method.marks.js';

/** A method that may listen, and the provider or controller that has it. */
interface ListeningMethod extends Pick<DecoratedMethod, 'key' | 'name' | 'listeners'> {
  readonly wrapper: InstanceWrapper;
  readonly className: string;
}

/** Calls a method for the events that its decorators name, as far as they are for this scheduler. */
export function addListeners(
  scheduler: Pick<Scheduler, 'name' | 'addListener'>,
  found: ListeningMethod,
  logger: Pick<Logger, 'warn'>,
): void {
  const { key, name, wrapper, className } = found;
  const listeners = found.listeners.filter((one) => (one.scheduler ?? scheduler.name) === scheduler.name);
  if (listeners.length === 0) return;
  if (!wrapper.isDependencyTreeStatic() || wrapper.isTransient) {
    logger.warn(
      `${name} does not listen: ${className} or something that it injects is request-scoped or transient, and an event ` +
        'belongs to no request. Make it a singleton, or move the method to one.',
    );
    return;
  }
  const instance = wrapper.instance as Record<MethodKey, SchedulerListener>;
  for (const { names, filter } of listeners) {
    // Looked up with each event, as a handler is: somebody may have put another function in its place.
    const listener: SchedulerListener = (event) => instance[key]!(event);
    Object.defineProperty(listener, 'name', { value: name });
    scheduler.addListener(listener, names, filter);
  }
}
