import { InvalidOptionError } from '../errors/input.errors.js';
import type { Clock } from '../model/clock.js';
import type { Logger } from '../model/logger.js';
import { readFilter } from './event.filter.js';
import type { EventFilter } from './event.filter.js';
import type { SchedulerEvent, SchedulerEventMap, SchedulerEventName, SchedulerListener } from './event.map.js';
import { ListenerQueue, MAX_WAITING } from './listener.queue.js';

/** How many events that listeners have caused are handed out before the process gets to its other work. */
const TURN = 100;

interface Registration extends ReturnType<typeof readFilter> {
  readonly queue: ListenerQueue;
}

/** An event on its way to those who had registered for it when it was emitted. */
interface Delivery {
  readonly event: SchedulerEvent;
  readonly to: readonly Registration[];
}

/** Hands events to listeners, each kept apart from the others and from the engine, in the order in which they were emitted. */
export class EventDispatcher {
  /** How many events were dropped for listeners that were too slow, or never ended. */
  dropped = 0;
  #registrations: readonly Registration[] = [];
  /** The same by the name of an event, as far as that was asked for: most events have no listener. */
  readonly #named = new Map<SchedulerEventName, readonly Registration[]>();
  /** What was emitted while another event was handed out: listeners may call the scheduler. */
  readonly #next: Delivery[] = [];
  #isDelivering = false;
  /** Set when some of that was dropped, which is said once. */
  #isOverrun = false;

  constructor(
    private readonly scheduler: string,
    private readonly clock: Clock,
    private readonly logger: Logger,
  ) {}

  /**
   * @param names The events that it is called with; all when left out.
   * @throws InvalidOptionError When a name is not an event's, the listener is not a function, or the filter is refused.
   *   UnknownOptionError
   */
  add<Name extends SchedulerEventName>(
    listener: SchedulerListener<Name>,
    names?: Name | readonly Name[],
    filter?: EventFilter<Name>,
  ): void {
    if (typeof listener !== 'function') throw new InvalidOptionError('listener', listener, 'a function');
    const queue = new ListenerQueue(listener as SchedulerListener, this.logger, () => (this.dropped += 1));
    this.#set([...this.#registrations, { ...readFilter(names, filter), queue }]);
  }

  /** Removes the first registration of a listener. Returns whether there was one. */
  remove(listener: SchedulerListener<never>): boolean {
    const index = this.#registrations.findIndex(({ queue }) => queue.listener === listener);
    if (index < 0) return false;
    this.#registrations[index]!.queue.remove();
    this.#set(this.#registrations.toSpliced(index, 1));
    return true;
  }

  /**
   * Hands an event out, to the listeners in the order in which they were added. Never throws.
   *
   * @param payload What the event carries, or a function that makes it, which is called only if a listener is registered:
   *   most events have none.
   */
  emit<Name extends SchedulerEventName>(
    name: Name,
    payload: SchedulerEventMap[Name] | (() => SchedulerEventMap[Name]),
  ): void {
    if (this.#registrations.length === 0) return;
    const named = this.#namedBy(name);
    if (named.length === 0) return;
    const fields = typeof payload === 'function' ? payload() : payload;
    const to = named.filter(({ test }) => test === null || test(fields as Readonly<Record<string, unknown>>));
    if (to.length === 0) return;
    const event = Object.freeze({
      ...fields,
      name,
      scheduler: this.scheduler,
      time: new Date(this.clock.now()),
    }) as unknown as SchedulerEvent;
    if (this.#isDelivering || this.#next.length > 0) this.#deliverLater({ event, to });
    else this.#deliver({ event, to });
  }

  #set(registrations: readonly Registration[]): void {
    this.#registrations = registrations;
    this.#named.clear();
  }

  #namedBy(name: SchedulerEventName): readonly Registration[] {
    let named = this.#named.get(name);
    if (!named) {
      named = this.#registrations.filter(({ names }) => names === null || names.has(name));
      this.#named.set(name, named);
    }
    return named;
  }

  /**
   * Resolves when no listener has anything to do any more. Does not wait for the one that asks: one may stop the scheduler, and
   * wait for that.
   */
  async drained(): Promise<void> {
    const asking = ListenerQueue.current();
    for (;;) {
      const busy = this.#registrations.filter(({ queue }) => queue !== asking && !queue.isIdle);
      if (busy.length === 0 && this.#next.length === 0) return;
      await Promise.all(busy.map(({ queue }) => queue.idle()));
      // What listeners have caused is handed out in turns.
      if (this.#next.length > 0) await new Promise(setImmediate);
    }
  }

  /** An event that a listener causes reaches no listener before the one that it came from: their order would not be that of the events. */
  #deliverLater(delivery: Delivery): void {
    if (this.#next.length < MAX_WAITING) {
      this.#next.push(delivery);
      return;
    }
    if (!this.#isOverrun) this.logger.warn('Listeners cause more events than they are called with; some are dropped');
    this.#isOverrun = true;
    this.dropped += delivery.to.length;
  }

  #deliver(delivery: Delivery): void {
    this.#isDelivering = true;
    let left = TURN;
    for (let next: Delivery | undefined = delivery; next; next = left > 0 ? this.#next.shift() : undefined) {
      for (const { queue } of next.to) queue.deliver(next.event);
      left -= 1;
    }
    this.#isDelivering = false;
    // Listeners that cause events for each other would keep the process from everything else.
    if (this.#next.length > 0) setImmediate(() => this.#deliver(this.#next.shift()!));
  }
}
