import type { EventMessage } from '../client/operation.results.js';
import { TooManyStreamsError } from '../errors/api.errors.js';
import { MACHINE } from '../model/clock.js';
import type { HttpExchange } from './http.exchange.js';

/** How often a comment is sent, so that nobody in between takes the connection for dead, in milliseconds. */
const HEARTBEAT_MS = 15_000;

/** How many streams this process has at the most. */
const MOST_STREAMS = 100;

/** Server-sent events. */
export class EventStreams {
  readonly #open = new Set<AbortController>();

  /** @param open Begins to listen. @throws TooManyStreamsError, and what `open` throws; nothing is answered then. */
  begin(exchange: HttpExchange, open: (signal: AbortSignal) => AsyncIterable<EventMessage>): void {
    if (this.#open.size >= MOST_STREAMS) throw new TooManyStreamsError(MOST_STREAMS);
    const stop = new AbortController();
    const events = open(stop.signal);
    this.#open.add(stop);
    exchange.onClose(() => stop.abort());
    // Proxies such as nginx would keep back what they get.
    exchange.begin({ 'Content-Type': 'text/event-stream; charset=utf-8', 'X-Accel-Buffering': 'no' });
    void this.#send(exchange, events, stop);
  }

  /** Ends all streams. */
  end(): void {
    for (const stop of this.#open) stop.abort();
  }

  async #send(exchange: HttpExchange, events: AsyncIterable<EventMessage>, stop: AbortController): Promise<void> {
    let cancel = () => {};
    const beat = () => {
      cancel = MACHINE.schedule(() => {
        void exchange.write(': \n\n');
        beat();
      }, HEARTBEAT_MS);
    };
    beat();
    try {
      await exchange.write(': \n\n');
      for await (const event of events) {
        if (stop.signal.aborted) break;
        await exchange.write(`event: ${event.name}\ndata: ${JSON.stringify(event)}\n\n`);
      }
    } finally {
      cancel();
      this.#open.delete(stop);
      stop.abort();
      exchange.end();
    }
  }
}
