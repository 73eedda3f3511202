import { AsyncLocalStorage } from 'node:async_hooks';
import { show } from '../errors/asyncz.error.js';
import { read } from '../errors/foreign.js';
import { promiseOf, takePromise } from '../errors/returned.js';
import type { Logger } from '../model/logger.js';
import type { SchedulerEvent, SchedulerListener } from './event.map.js';

/** How many events wait at the most for a listener that has not ended with the one before. */
export const MAX_WAITING = 1_000;

/** The listener that code is part of. */
const calling = new AsyncLocalStorage<ListenerQueue>();

/**
 * One listener, and the events that wait for it. It gets them one after the other, in the order in which they were emitted: the
 * next one when the promise for the one before has settled. One that is too slow, or never ends, loses what does not fit.
 */
export class ListenerQueue {
  /** The events that wait; null for a listener that never had any, as one that returns no promise. */
  #waiting: SchedulerEvent[] | null = null;
  #isBusy = false;
  #isRemoved = false;
  /** How many were dropped since it last had kept up. */
  #dropped = 0;
  #idle: (() => void)[] = [];

  /** @param onDrop Is told of each event that is dropped. */
  constructor(
    readonly listener: SchedulerListener,
    private readonly logger: Logger,
    private readonly onDrop: () => void,
  ) {}

  /** What it is called in the log. */
  get label(): string {
    const name = read(this.listener, 'name');
    return typeof name === 'string' && name !== '' ? `The listener ${show(name)}` : 'A listener';
  }

  /** The listener that the calling code is part of; undefined outside of one. */
  static current(): ListenerQueue | undefined {
    return calling.getStore();
  }

  /** Whether it has nothing to do any more. */
  get isIdle(): boolean {
    return this.#isRemoved || !this.#isBusy;
  }

  /** Resolves when it has nothing to do any more. */
  async idle(): Promise<void> {
    if (!this.isIdle) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  /** Calls the listener, or keeps the event until it is done with those before. Never throws. */
  deliver(event: SchedulerEvent): void {
    if (this.#isRemoved) return;
    if (this.#isBusy) this.#keep(event);
    else this.#call(event);
  }

  /** It gets no further event. */
  remove(): void {
    this.#isRemoved = true;
    this.#waiting = null;
    this.#settle('is removed');
  }

  #keep(event: SchedulerEvent): void {
    const waiting = (this.#waiting ??= []);
    if (waiting.length < MAX_WAITING) {
      waiting.push(event);
      return;
    }
    this.#dropped += 1;
    this.onDrop();
    if (this.#dropped > 1) return;
    this.logger.warn(
      `${this.label} of "${event.name}" is ${MAX_WAITING} events behind: it is not done with an earlier one. ` +
        'What is emitted meanwhile is dropped for it',
    );
  }

  #call(event: SchedulerEvent): void {
    const failed = (error: unknown) => {
      takePromise(error);
      this.logger.error(`${this.label} of "${event.name}" failed`, error);
    };
    let promise: Promise<unknown> | null = null;
    try {
      promise = promiseOf(calling.run(this, this.listener, event));
    } catch (error) {
      failed(error);
    }
    if (!promise) return;
    this.#isBusy = true;
    promise.then(this.#done, (error: unknown) => {
      failed(error);
      this.#done();
    });
  }

  readonly #done = (): void => {
    this.#isBusy = false;
    while (!this.#isBusy) {
      const next = this.#waiting?.shift();
      if (!next) break;
      this.#call(next);
    }
    if (this.isIdle) this.#settle('has caught up');
  };

  /** @param why What has ended its work. */
  #settle(why: string): void {
    if (this.#dropped > 0) this.logger.warn(`${this.label} ${why}; ${this.#dropped} events were dropped for it`);
    this.#dropped = 0;
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}
