import { backoffMs } from '../../model/backoff.js';
import type { Clock } from '../../model/clock.js';
import type { Logger } from '../../model/logger.js';
import { CoalescedWork } from '../coalesced-work.js';
import { WakeListeners } from '../wake-listeners.js';

/** How long it waits until it listens again after a failure. */
const BACKOFF = { firstMs: 100, longestMs: 10_000 };

/** What others have sent, one after the other, until it is closed or fails. */
export interface WakeStream extends AsyncIterable<unknown> {
  close(): Promise<void>;
}

/** How wake-ups get from one process to the others. */
export interface WakeChannel {
  /** Listens to what others send from now on. */
  open(): WakeStream;
  send(at: number): Promise<void>;
}

/** Wake-ups over a channel that may break and is opened again. */
export class MongooseWakeUps {
  readonly #listeners = new WakeListeners();
  #stream: WakeStream | null = null;
  #closed = false;
  #loop: Promise<void> | null = null;
  #cancelWait: () => void = () => {};
  readonly #sends = new CoalescedWork(() => this.#send());
  #next: number | null = null;

  constructor(
    private readonly channel: WakeChannel,
    private readonly clock: Clock,
    private readonly logger: Logger,
  ) {}

  listen(listener: () => void): () => void {
    this.#loop ??= this.#run();
    return this.#listeners.add(listener);
  }

  /**
   * Tells the others. Never rejects: whoever misses it finds the task with the next poll. While one is being sent, all
   * that come are put together.
   */
  publish(at: number): Promise<void> {
    this.#next = this.#next === null ? at : Math.min(this.#next, at);
    return this.#sends.ask();
  }

  async #send(): Promise<void> {
    const at = this.#next;
    this.#next = null;
    if (at !== null) await this.channel.send(at).catch(() => {});
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#listeners.clear();
    this.#cancelWait();
    await this.#stream?.close().catch(() => {});
    await this.#loop;
  }

  async #run(): Promise<void> {
    for (let failures = 0; !this.#closed;) {
      try {
        this.#stream = this.channel.open();
        for await (const _ of this.#stream) {
          failures = 0;
          this.#listeners.call(this.logger);
        }
      } catch (error) {
        if (!this.#closed && failures === 0) {
          const { message } = error as Error;
          this.logger.warn(
            `Wake-ups do not come in, so that tasks of other processes wait for the next poll: ${message}`,
          );
        }
      }
      await this.#stream?.close().catch(() => {});
      if (this.#closed) return;
      failures += 1;
      await this.#wait(backoffMs(BACKOFF, failures));
      // What was sent while nobody listened is made up for by one look.
      this.#listeners.call(this.logger);
    }
  }

  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.clock.schedule(resolve, ms);
      this.#cancelWait = () => {
        cancel();
        resolve();
      };
      if (this.#closed) this.#cancelWait();
    });
  }
}
