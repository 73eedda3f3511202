import { InvalidOptionError } from '../errors/input.errors.js';
import { listOf } from '../errors/asyncz.error.js';
import { takePromise } from '../errors/returned.js';
import type { Clock } from '../model/clock.js';
import type { Logger } from '../model/logger.js';
import { SCHEDULER_EVENT_NAMES } from './event.map.js';
import type { SchedulerEvent, SchedulerEventMap, SchedulerEventName } from './event.map.js';

/**
 * A function that is called with each event. It is called at once and not awaited, so a slow one delays nothing. An error
 * that it throws or rejects with is logged.
 *
 * @publicApi
 */
export type SchedulerListener<Name extends SchedulerEventName = SchedulerEventName> = (
  event: SchedulerEvent<Name>,
) => unknown;

interface Registration {
  readonly listener: SchedulerListener;
  readonly names: ReadonlySet<string> | null;
}

/** Hands events to listeners, each kept apart from the others and from the engine. */
export class EventDispatcher {
  #registrations: readonly Registration[] = [];

  constructor(
    private readonly scheduler: string,
    private readonly clock: Clock,
    private readonly logger: Logger,
  ) {}

  /**
   * @param names The events that it is called with; all when left out.
   * @throws InvalidOptionError When a name is not an event's, or the listener is not a function.
   */
  add<Name extends SchedulerEventName>(listener: SchedulerListener<Name>, names?: Name | readonly Name[]): void {
    if (typeof listener !== 'function') throw new InvalidOptionError('listener', listener, 'a function');
    const wanted = names === undefined ? null : typeof names === 'string' ? [names] : names;
    for (const name of wanted ?? []) {
      if (!SCHEDULER_EVENT_NAMES.includes(name)) {
        throw new InvalidOptionError('event', name, listOf(SCHEDULER_EVENT_NAMES));
      }
    }
    const registration = { listener: listener as SchedulerListener, names: wanted && new Set<string>(wanted) };
    this.#registrations = [...this.#registrations, registration];
  }

  /** Removes the first registration of a listener. Returns whether there was one. */
  remove(listener: SchedulerListener<never>): boolean {
    const index = this.#registrations.findIndex((one) => one.listener === listener);
    if (index < 0) return false;
    this.#registrations = this.#registrations.toSpliced(index, 1);
    return true;
  }

  /**
   * Calls the listeners in the order in which they were added. Never throws.
   *
   * @param payload What the event carries, or a function that makes it, which is called only if a listener is registered:
   *   most events have none.
   */
  emit<Name extends SchedulerEventName>(
    name: Name,
    payload: SchedulerEventMap[Name] | (() => SchedulerEventMap[Name]),
  ): void {
    const registrations = this.#registrations.filter((one) => one.names === null || one.names.has(name));
    if (registrations.length === 0) return;
    const event = Object.freeze({
      ...(typeof payload === 'function' ? payload() : payload),
      name,
      scheduler: this.scheduler,
      time: new Date(this.clock.now()),
    }) as unknown as SchedulerEvent;
    for (const { listener } of registrations) this.#call(listener, event);
  }

  #call(listener: SchedulerListener, event: SchedulerEvent): void {
    const failed = (error: unknown) => this.logger.error(`A listener of "${event.name}" failed`, error);
    try {
      takePromise(listener(event), failed);
    } catch (error) {
      failed(error);
    }
  }
}
