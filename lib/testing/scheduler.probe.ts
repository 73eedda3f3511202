import assert from 'node:assert/strict';
import type { Handler } from '../scheduler/loop/handler.registry.js';
import { Scheduler } from '../scheduler/scheduler.js';
import type { Store } from '../stores/store.interface.js';
import { SECRET } from './store.bench.js';
import type { StoreBench } from './store.bench.js';

/** For how many looks a run is held, so that others which may not start beside it have the time to. */
const HELD_LOOKS = 3;

/** How often stores are polled that do not push wake-ups, in milliseconds. */
const POLL_MS = 50;

/** How long a shutdown waits for runs under way, in milliseconds: longer than any test. */
const SHUTDOWN_MS = 600_000;

/**
 * Whole schedulers on the data of a test, stopped when it ends, with a handler whose runs are held for a while and counted by group: the first argument. Time goes on while the
 * test waits by {@link until}, and only then do runs end.
 */
export class SchedulerProbe {
  /** How many runs of one group were under way at the same time at the most. */
  most = 0;
  /** How many runs of each task have succeeded. */
  readonly succeeded = new Map<string, number>();
  /** The runs that have failed for good, each with its scheduler. A store may keep the history for that one alone. */
  readonly dead: { readonly runId: string; readonly scheduler: Scheduler }[] = [];
  readonly #schedulers: Scheduler[] = [];
  readonly #begun = new Map<string, number>();
  /** The runs under way, the oldest first. */
  readonly #held: { looks: number; readonly group: unknown; readonly end: () => void }[] = [];
  /** Set when the test is over: from then on runs end at once. */
  #isReleased = false;

  /**
   * @param limit How many runs of a group may be under way at the same time; {@link until} fails where there were more.
   * @param fails The tasks whose first attempt fails.
   */
  constructor(
    private readonly bench: StoreBench,
    private readonly limit: number,
    private readonly fails: readonly string[],
  ) {
    bench.onClose(() => this.#close());
  }

  /** A scheduler with a store of its own, not started yet. */
  async create(): Promise<{ readonly scheduler: Scheduler; readonly store: Store }> {
    const { request, options, encrypted } = this.bench;
    const store = await this.bench.create(request);
    const scheduler = new Scheduler({
      identity: `kit-scheduler-${this.#schedulers.length + 1}`,
      stores: { default: store },
      pollInterval: POLL_MS,
      shutdownTimeout: SHUTDOWN_MS,
      ...(options.clock && { clock: options.clock }),
      ...(encrypted && { encryption: { keys: SECRET } }),
    });
    scheduler.registerHandler('work', this.#handler);
    scheduler.addListener(({ taskId }) => count(this.succeeded, taskId), 'run.succeeded');
    scheduler.addListener(({ runId, willRetry }) => {
      if (!willRetry) this.dead.push({ runId, scheduler });
    }, 'run.failed');
    this.#schedulers.push(scheduler);
    return { scheduler, store };
  }

  /** Two schedulers, or twice the same one where the store coordinates only one process. */
  async createTwo() {
    const first = await this.create();
    const isShared = first.store.capabilities.coordination !== 'process';
    return { first, second: isShared ? await this.create() : first };
  }

  readonly #handler: Handler = async ([group], { task: { id } }) => {
    const isFirst = count(this.#begun, id) === 1;
    await new Promise<void>((end) => {
      this.#held.push({ looks: 0, group, end });
      this.most = Math.max(this.most, this.#held.filter((run) => run.group === group).length);
      if (this.#isReleased) this.#endOldest();
    });
    if (isFirst && this.fails.includes(id)) throw new Error('an attempt of the conformance kit that fails');
  };

  #endOldest(): void {
    this.#held.shift()?.end();
  }

  /** Waits as the bench does, and lets the oldest run end that was held for long enough. */
  async until(condition: () => boolean, what: string): Promise<void> {
    await this.bench.until(() => {
      for (const run of this.#held) run.looks += 1;
      if ((this.#held[0]?.looks ?? 0) > HELD_LOOKS) this.#endOldest();
      const { most, limit } = this;
      if (most > limit && !this.#isReleased)
        assert.fail(`${most} runs of a group were under way whose limit is ${limit}`);
      return condition();
    }, what);
  }

  /** Waits until so many runs of each of these tasks have succeeded. */
  async ran(runs: Readonly<Record<string, number>>): Promise<void> {
    for (const [id, expected] of Object.entries(runs)) {
      await this.until(
        () => (this.succeeded.get(id) ?? 0) >= expected,
        `${expected} runs of the task "${id}" to succeed`,
      );
    }
  }

  /** Waits until the work is done: for what takes time that only passes while a test waits. */
  async done(work: Promise<unknown>, what: string): Promise<void> {
    let isDone = false;
    const watched = work.finally(() => (isDone = true));
    await Promise.all([watched, this.until(() => isDone, what)]);
  }

  /** Stops the schedulers in good order, at the same time. */
  async shutdown(): Promise<void> {
    await this.done(Promise.all(this.#schedulers.map((scheduler) => scheduler.shutdown())), 'the schedulers to stop');
  }

  /** Stops what is left, however the test has ended. */
  async #close(): Promise<void> {
    this.#isReleased = true;
    while (this.#held.length > 0) this.#endOldest();
    await this.shutdown();
  }
}

/** Counts one more. Returns how many that are. */
function count(counts: Map<string, number>, key: string): number {
  const next = (counts.get(key) ?? 0) + 1;
  counts.set(key, next);
  return next;
}
