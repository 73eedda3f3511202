import type { EventsInput } from '../client/operation.inputs.js';
import type { EventMessage } from '../client/operation.results.js';
import { MACHINE } from '../model/clock.js';
import type { EventFilter } from '../events/event.filter.js';
import type { SchedulerEvent, SchedulerEventName } from '../events/event.map.js';
import type { AnyScheduler } from './operations.base.js';
import { serializeEvent } from './serialize.js';
import { given, listOfTexts } from './operations.base.js';

/** How many events wait for a slow reader; of further ones it is told how many there were. */
const MOST_WAITING = 1_000;

/**
 * The events of a scheduler from now on. It listens from this call on, not from the first time it is read.
 *
 * @throws InvalidOptionError, UnknownOptionError
 */
export function streamEvents(
  scheduler: AnyScheduler,
  { names, taskId, handler, tag, store }: EventsInput,
  signal: AbortSignal | undefined,
): AsyncIterable<EventMessage> {
  const queue = new EventQueue(scheduler.identity);
  const filter = {
    ...given('task', taskId),
    ...given('handler', handler),
    ...given('tag', tag),
    ...given('store', store),
  };
  const listener = (event: SchedulerEvent) => queue.push(event);
  scheduler.addListener(
    listener as never,
    listOfTexts('names', names) as SchedulerEventName[] | undefined,
    (Object.keys(filter).length === 0 ? undefined : filter) as EventFilter,
  );
  const onShutdown = () => queue.end();
  scheduler.addListener(onShutdown, 'scheduler.shutdown');
  const end = () => {
    scheduler.removeListener(listener as never);
    scheduler.removeListener(onShutdown);
    signal?.removeEventListener('abort', end);
    queue.end();
  };
  if (signal?.aborted) end();
  else signal?.addEventListener('abort', end, { once: true });
  return { [Symbol.asyncIterator]: () => queue.read(end) };
}

/** Events that wait to be read: a bounded number, so that a reader that stands still costs nothing. */
class EventQueue {
  readonly #waiting: SchedulerEvent[] = [];
  #dropped = 0;
  #isOver = false;
  #wake: (() => void) | null = null;

  constructor(private readonly identity: string) {}

  push(event: SchedulerEvent): void {
    if (this.#isOver) return;
    if (this.#waiting.length < MOST_WAITING) this.#waiting.push(event);
    else this.#dropped += 1;
    this.#wake?.();
  }

  end(): void {
    this.#isOver = true;
    this.#wake?.();
  }

  async *read(end: () => void): AsyncGenerator<EventMessage, void, undefined> {
    try {
      for (;;) {
        for (let event = this.#waiting.shift(); event; event = this.#waiting.shift()) yield serializeEvent(event);
        if (this.#dropped > 0) yield this.#ofDropped();
        else if (this.#isOver) return;
        else await this.#next();
      }
    } finally {
      end();
    }
  }

  #ofDropped(): EventMessage {
    const events = this.#dropped;
    this.#dropped = 0;
    return { name: 'dropped', time: new Date(MACHINE.now()).toISOString(), scheduler: this.identity, events };
  }

  async #next(): Promise<void> {
    await new Promise<void>((resolve) => (this.#wake = resolve));
    this.#wake = null;
  }
}
