import { backoffMs } from '../../model/backoff.js';
import { dueTime } from '../../model/task.js';
import type { TaskRecord } from '../../model/task.js';
import type { Store } from '../../stores/store.interface.js';
import { wakeOthers } from '../../stores/wake-others.js';
import { planClaim } from '../plan/claim.plan.js';
import { ClaimRequests } from './claim.requests.js';
import { ClaimStarter } from './claim.starter.js';
import { FinishQueue } from './end.queue.js';
import { GroupSlots } from './group.slots.js';
import { LeaseKeeper } from './lease.keeper.js';
import { RunManager } from './run.execution.js';
import type { RunServices } from './run.execution.js';
import { Throttle } from '../../time/throttle.js';
import { WakeableWait } from '../../time/wait.js';

/** How long the loop waits after a failure of the store. */
const BACKOFF = { firstMs: 100, longestMs: 10_000 };

/** How long the loop waits when something is due that it did not get. */
const EMPTY_PAUSE = { firstMs: 5, longestMs: 500 };

/** How often others are told of free slots of groups at the most, in milliseconds. */
const TELL_OF_SLOTS_MS = 100;

/** How often wake-ups cause leases to be renewed at the most, in milliseconds. */
const WAKE_RENEWAL_MS = 1_000;

/** How old the last reading of a store's clock may be, in milliseconds. */
const CLOCK_SYNC_MS = 60_000;

/** How a store's loop is doing. */
export interface StoreHealth {
  readonly store: string;
  /** `ok`, or `failing` while the store cannot be reached or refuses. */
  readonly state: 'ok' | 'failing';
  readonly failuresInARow: number;
  readonly lastError: string | null;
  /** When the store last answered a pass of the loop, in milliseconds since the epoch by this process's clock. */
  readonly lastPassAt: number | null;
  readonly running: number;
}

export interface StoreWorkerOptions {
  readonly leaseMs: number;
  readonly pollIntervalMs: number;
}

/**
 * The loop of one store: claim what is due and there is room for, hand it out, sleep until the next due time, a wake-up
 * or the poll. It cannot die: whatever fails is reported and tried again with growing pauses, and other stores have loops
 * of their own.
 */
export class StoreWorker {
  readonly runs: RunManager;
  readonly #finishes: FinishQueue;
  readonly #leases: LeaseKeeper;
  readonly #slots: GroupSlots;
  readonly #slotNews: Throttle;
  readonly #starter: ClaimStarter;
  readonly #requests: ClaimRequests;
  readonly #wait: WakeableWait;
  #stopped = false;
  #paused = false;
  #loop: Promise<void> = Promise.resolve();
  /** The pass that is under way, or the last one. */
  #passing: Promise<unknown> = Promise.resolve();
  #stopWakeUps: () => void = () => {};
  /** Whether something is due that was not to be had. */
  #waitsForRoom = false;
  #emptyPasses = 0;
  #renewedAfterWakeAt = -Infinity;
  #failures = 0;
  #lastError: string | null = null;
  #lastPassAt: number | null = null;

  constructor(
    readonly store: Store,
    private readonly services: RunServices,
    private readonly options: StoreWorkerOptions,
  ) {
    const { clock } = services;
    this.#wait = new WakeableWait(clock);
    this.#slots = new GroupSlots(store, services.identity, options.leaseMs, clock);
    const { executors, handlers } = services;
    this.#requests = new ClaimRequests({ executors, handlers, slots: this.#slots, leaseMs: options.leaseMs });
    this.#slotNews = new Throttle(clock, TELL_OF_SLOTS_MS, () =>
      wakeOthers(store, services.storeClock.now(), services),
    );
    this.runs = new RunManager(
      services,
      (result) => this.#finishes.add(result),
      () => this.#wakeForRoom(),
    );
    this.#finishes = new FinishQueue(store, new WakeableWait(clock), {
      settled: (result) => {
        const { runs, freed } = this.#slots.withoutSlots(result);
        this.runs.settled(runs);
        if (freed) this.#tellOfFreeSlots();
        for (const { task } of runs.settled) {
          const due = task && dueTime(task.definition, task.state);
          if (due !== null && due <= this.services.storeClock.now() + this.options.pollIntervalMs) this.wake();
        }
      },
      failed: (error) => this.#failed(error),
      worked: () => this.#worked(),
    });
    this.#leases = new LeaseKeeper(store, this.runs.held, options.leaseMs, clock, {
      fenced: (run) => this.runs.fenced(run),
      failed: (error) => void this.#failed(error),
      worked: () => this.#worked(),
    });
    this.#starter = new ClaimStarter({
      ...services,
      store,
      leaseMs: options.leaseMs,
      slots: this.#slots,
      runs: this.runs,
      finish: (result) => this.#finishes.add(result),
      failed: (error) => void this.#failed(error),
    });
  }

  /** Starts the loop and returns at once. */
  start(paused: boolean): void {
    this.#paused = paused;
    this.#stopWakeUps = this.store.onWake(() => {
      this.#slots.wake();
      this.wake();
      this.#renewAfterWake();
    });
    this.#leases.start();
    this.#loop = this.#run();
  }

  /**
   * A wish to cancel a run is left in its task; the owner finds it with the renewal. Wake-ups can come in thousands, so
   * it looks once a second at the most.
   */
  #renewAfterWake(): void {
    const now = this.services.clock.monotonic();
    if (this.runs.active.size === 0 || now - this.#renewedAfterWakeAt < WAKE_RENEWAL_MS) return;
    this.#renewedAfterWakeAt = now;
    void this.#leases.renew();
  }

  /** Something may be due: look now. */
  wake(): void {
    this.#wait.wake();
  }

  /** Resolves when the pass that was under way is over: only then a claim that was on its way has been handed out. */
  async setPaused(paused: boolean): Promise<void> {
    this.#paused = paused;
    this.wake();
    // One that fails is the loop's to tell of.
    await this.#passing.catch(() => {});
  }

  health(): StoreHealth {
    return {
      store: this.services.alias,
      state: this.#failures === 0 ? 'ok' : 'failing',
      failuresInARow: this.#failures,
      lastError: this.#lastError,
      lastPassAt: this.#lastPassAt,
      running: this.runs.active.size,
    };
  }

  /** Clears up what the groups of tasks leave behind. */
  async keepHouse(): Promise<void> {
    await this.#slots.forget();
  }

  /** Claims nothing more. Resolves when the claim that was on its way has been handed out. */
  async stopClaiming(): Promise<void> {
    this.#stopped = true;
    this.#stopWakeUps();
    this.wake();
    await this.#loop;
    // What cannot be given up now runs out by itself.
    await this.#slots
      .release()
      .catch((error: unknown) => this.services.logger.debug(`Slots of groups were not given up: ${String(error)}`));
  }

  /** Resolves when every run has ended and the store knows. */
  async drained(): Promise<void> {
    await this.runs.drained();
    await this.#finishes.drained();
  }

  /** Stops renewing, and gives up results that the store has not taken. */
  close(): void {
    this.#leases.stop();
    this.#finishes.close();
    this.#slotNews.cancel();
  }

  /** Here and elsewhere runs may wait for them. Elsewhere each of many is a wake-up for nothing, so they are put together. */
  #tellOfFreeSlots(): void {
    this.wake();
    if (this.#stopped) this.#slotNews.now();
    else this.#slotNews.ask();
  }

  #wakeForRoom(): void {
    if (this.#waitsForRoom || this.#requests.hasRoomForLeftOut()) this.wake();
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      try {
        const pass = this.#pass();
        this.#passing = pass;
        await this.#wait.sleep(await pass);
      } catch (error) {
        await this.#wait.sleep(this.#failed(error));
      }
    }
  }

  /** One pass. Returns how long there is nothing to do, in milliseconds. */
  async #pass(): Promise<number> {
    const { storeClock, clock, identity: owner, triggers } = this.services;
    const { leaseMs } = this.options;
    this.#waitsForRoom = false;
    const hasRoom = this.#requests.look();
    if (this.#paused || !hasRoom) {
      // Nothing is started for a while, so what is in hand is for others.
      if (await this.#slots.release()) this.#tellOfFreeSlots();
      return Infinity;
    }
    const { request, takeRoom, answered } = this.#requests.next();
    const triggerOf = (task: TaskRecord) => triggers.get(task.definition.trigger);
    const plan = planClaim({ owner, leaseMs, triggerOf, takeRoom });
    const asked = clock.monotonic();
    const { claimed, failed, storeNow, nextDue } = await this.store.claimDue({ ...request, owner, leaseMs }, plan);
    answered(claimed.length, clock.monotonic() - asked);
    storeClock.sync(storeNow);
    if (failed[0]) this.#failed(failed[0].error);
    else this.#worked();
    this.#lastPassAt = clock.now();
    await this.#starter.start(claimed, asked);
    const { mayStartMore, hasFreed } = await this.#slots.settle();
    if (hasFreed) this.#tellOfFreeSlots();
    if (this.#requests.isAnotherDue(mayStartMore)) return 0;
    const nextDueAt = await nextDue();
    const left = nextDueAt === null ? Infinity : nextDueAt - storeNow;
    if (left > 0 || claimed.length > 0) this.#emptyPasses = 0;
    return left > 0 || claimed.length > 0 ? this.#untilDue(left) : this.#afterEmptyPass();
  }

  /**
   * Something is due and was not to be had: another scheduler has it in hand. Asking again at once would only get in the
   * way.
   */
  #afterEmptyPass(): number {
    this.#waitsForRoom = true;
    this.#emptyPasses += 1;
    return backoffMs(EMPTY_PAUSE, this.#emptyPasses);
  }

  /** Sleeps until `ms` have passed, but polls meanwhile with one cheap question. Returns how much is left to sleep. */
  async #untilDue(ms: number): Promise<number> {
    const { storeClock } = this.services;
    let left = Math.min(ms, this.#slots.untilRetry());
    while (!this.#stopped && left > this.options.pollIntervalMs) {
      if (await this.#wait.sleep(this.options.pollIntervalMs)) return 0;
      const next = await this.store.nextDueFor(this.#requests.filter());
      await this.#syncClock();
      this.#worked();
      this.#lastPassAt = this.services.clock.now();
      left = Math.min(next === null ? Infinity : next - storeClock.now(), this.#slots.untilRetry());
    }
    return Math.max(0, left);
  }

  /**
   * A pass brings the store's time along; a poll does not, and the store's clock may be stepped. Where it is this host's
   * the question costs nothing, elsewhere it is asked once a minute.
   */
  async #syncClock(): Promise<void> {
    const { clock, storeClock } = this.services;
    const isNear = this.store.capabilities.coordination !== 'cluster';
    if (!isNear && clock.monotonic() - storeClock.syncedAt < CLOCK_SYNC_MS) return;
    storeClock.sync(await this.store.now());
  }

  #failed(error: unknown): number {
    this.#failures += 1;
    this.#lastError = error instanceof Error ? error.message : String(error);
    if (this.#failures === 1) {
      this.services.logger.error(`The store "${this.services.alias}" failed; it is tried again`, error);
      this.services.events.emit('store.failed', { store: this.services.alias, error });
    }
    return backoffMs(BACKOFF, this.#failures);
  }

  #worked(): void {
    if (this.#failures === 0) return;
    this.services.logger.info(`The store "${this.services.alias}" works again after ${this.#failures} failures`);
    this.services.events.emit('store.recovered', { store: this.services.alias, failures: this.#failures });
    this.#failures = 0;
    this.#lastError = null;
  }
}
