import type { TaskDefinition } from '../../model/definition.js';
import { backoffMs } from '../../model/backoff.js';
import { dueTime } from '../../model/task.js';
import type { TaskRecord } from '../../model/task.js';
import type { Apply } from '../../model/change.js';
import type { Store } from '../../stores/store.interface.js';
import { wakeOthers } from '../../stores/wake-others.js';
import { Throttle } from '../../time/throttle.js';
import { WakeableWait } from '../../time/wait.js';
import { planClaim, waitsForRoom } from '../plan/claim.plan.js';
import type { Claimed, Room } from '../plan/claim.plan.js';
import { announceClaim } from './claim.events.js';
import { ClaimRequests } from './claim.requests.js';
import type { NextClaim } from './claim.requests.js';
import { ClaimStarter } from './claim.starter.js';
import { claimDue, claimThese } from './claim.step.js';
import type { Claim } from './claim.step.js';
import { EndQueue } from './end.queue.js';
import { GroupLeases } from './group.leases.js';
import { HeldTasks } from './held.tasks.js';
import { LeaseKeeper } from './lease.keeper.js';
import { RunExecution } from './run.execution.js';
import type { RunServices } from './run.services.js';
import { HealthMonitor } from './store.health.js';
import type { StoreHealth } from './store.health.js';

/** How long the loop waits when something is due that it did not get. */
const EMPTY_PAUSE = { firstMs: 5, longestMs: 500 };

/** How often other schedulers are woken because a group has room again, at the most, in milliseconds. */
const WAKE_FOR_GROUPS_MS = 100;

/** How often wake-ups cause leases to be renewed at the most, in milliseconds. */
const WAKE_RENEWAL_MS = 1_000;

/** How old the last reading of a store's clock may be, in milliseconds. */
const CLOCK_SYNC_MS = 60_000;

export interface ClaimLoopOptions {
  readonly leaseMs: number;
  readonly pollIntervalMs: number;
}

/**
 * The loop of one store: claim what is due and there is room for, start it, sleep until the next due time, a wake-up or the
 * poll. It cannot die: a failure is reported and tried again with growing pauses. Other stores have loops of their own.
 */
export class ClaimLoop {
  readonly execution: RunExecution;
  readonly #tasks = new HeldTasks();
  readonly #health: HealthMonitor;
  readonly #ends: EndQueue;
  readonly #leases: LeaseKeeper;
  readonly #groups: GroupLeases;
  readonly #wakeForGroups: Throttle;
  readonly #starter: ClaimStarter;
  readonly #requests: ClaimRequests;
  readonly #wait: WakeableWait;
  readonly #context: Parameters<typeof waitsForRoom>[0];
  #isStopped = false;
  #isPaused = false;
  #loop: Promise<void> = Promise.resolve();
  /** The pass that is under way, or the last one. */
  #passing: Promise<unknown> = Promise.resolve();
  #stopWakeUps: () => void = () => {};
  /** Whether something is due that this scheduler could not get. */
  #isOutrun = false;
  #emptyPasses = 0;
  #renewedAfterWakeAt = -Infinity;

  constructor(
    readonly store: Store,
    private readonly services: RunServices,
    private readonly options: ClaimLoopOptions,
  ) {
    const { clock, storeClock, identity: owner, triggers, executors, handlers } = services;
    const { leaseMs } = options;
    this.#context = { owner, leaseMs, triggerOf: (task) => triggers.get(task.definition.trigger) };
    this.#health = new HealthMonitor(services);
    this.#wait = new WakeableWait(clock);
    this.#groups = new GroupLeases(store, owner, leaseMs, clock);
    this.#requests = new ClaimRequests({ executors, handlers, groups: this.#groups, leaseMs });
    this.#wakeForGroups = new Throttle(clock, WAKE_FOR_GROUPS_MS, () => wakeOthers(store, storeClock.now(), services));
    this.#ends = new EndQueue(store, this.#tasks, storeClock, new WakeableWait(clock), this.#health);
    this.execution = new RunExecution(services, {
      offer: (end) => this.#ends.offer(end),
      giveUp: (lease) =>
        void this.#ends.offer(this.#groups.giveUp(lease)).then((answer) => {
          if (answer?.outcome !== 'ended') return;
          this.#groups.freed(lease);
          this.#groupsHaveRoom();
        }),
      freed: () => this.#wakeForRoom(),
      released: (run, task) => {
        this.#tasks.release(run.record.id);
        this.#wakeFor(task);
      },
    });
    this.#leases = new LeaseKeeper(store, this.execution.held, this.#tasks, leaseMs, clock, {
      fenced: (run) => this.execution.fence(run),
      failed: (error) => void this.#health.failed(error),
      worked: () => this.#health.worked(),
    });
    this.#starter = new ClaimStarter({
      ...services,
      leaseMs,
      target: store,
      tasks: this.#tasks,
      groups: this.#groups,
      execution: this.execution,
      failed: (error) => void this.#health.failed(error),
    });
  }

  /** Starts the loop and returns at once. */
  start(isPaused: boolean): void {
    this.#isPaused = isPaused;
    this.#stopWakeUps = this.store.onWake(() => {
      this.#groups.wake();
      this.wake();
      this.#renewAfterWake();
    });
    this.#leases.start();
    this.#loop = this.#run();
  }

  /**
   * A request to cancel a run is left in its task, and its owner finds it with the renewal. Wake-ups can come in thousands, so
   * it looks once a second at the most.
   */
  #renewAfterWake(): void {
    const now = this.services.clock.monotonic();
    if (this.execution.active.size === 0 || now - this.#renewedAfterWakeAt < WAKE_RENEWAL_MS) return;
    this.#renewedAfterWakeAt = now;
    void this.#leases.renew();
  }

  /** Something may be due: look now. */
  wake(): void {
    this.#wait.wake();
  }

  /** Resolves when the pass that was under way is over: only then the runs of a claim that was under way have started. */
  async setPaused(isPaused: boolean): Promise<void> {
    this.#isPaused = isPaused;
    this.wake();
    // The loop reports a pass that fails.
    await this.#passing.catch(() => {});
  }

  health(): StoreHealth {
    return this.#health.health(this.execution.active.size);
  }

  /** Removes what the groups of tasks leave behind. */
  async cleanUp(): Promise<void> {
    await this.#groups.forget();
  }

  /** Claims nothing more. Resolves when the runs of the claim that was under way have started. */
  async stopClaiming(): Promise<void> {
    this.#isStopped = true;
    this.#stopWakeUps();
    this.wake();
    await this.#loop;
    // What cannot be given up now expires by itself.
    await this.#groups
      .release()
      .catch((error: unknown) => this.services.logger.debug(`Leases of groups were not given up: ${String(error)}`));
  }

  /** Resolves when every run has ended and the store has taken its end. */
  async drained(): Promise<void> {
    await this.execution.drained();
    await this.#ends.drained();
  }

  /** Stops renewing, and gives up ends that the store has not taken. */
  close(): void {
    this.#leases.stop();
    this.#ends.close();
    this.#wakeForGroups.flush();
  }

  /** Runs may wait for them, here and elsewhere. Elsewhere each of many is a wake-up for nothing, so they are put together. */
  #groupsHaveRoom(): void {
    this.wake();
    this.#wakeForGroups.ask();
  }

  #wakeForRoom(): void {
    if (this.#isOutrun || this.#requests.hasRoomForLeftOut()) this.wake();
  }

  #wakeFor(task: TaskRecord | null): void {
    const due = task && dueTime(task.definition, task.state);
    if (due !== null && due <= this.services.storeClock.now() + this.options.pollIntervalMs) this.wake();
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      try {
        const pass = this.#pass();
        this.#passing = pass;
        await this.#wait.sleep(await pass);
      } catch (error) {
        await this.#wait.sleep(this.#health.failed(error));
      }
    }
  }

  /** One pass. Returns how long there is nothing to do, in milliseconds. */
  async #pass(): Promise<number> {
    this.#isOutrun = false;
    const next = this.#isPaused ? null : this.#requests.next();
    if (!next) {
      // Nothing is started for a while, so the leases of groups that no run has are for other schedulers.
      if (await this.#groups.release()) this.#groupsHaveRoom();
      return Infinity;
    }
    const { claim, mayStartMore } = await this.#claim(next);
    if (this.#requests.isAnotherDue(mayStartMore)) return 0;
    const nextDue = await claim.nextDue();
    const isLeft = nextDue !== null && nextDue <= claim.storeNow && claim.claimed.length === 0;
    if (isLeft) return this.#afterEmptyPass();
    this.#emptyPasses = 0;
    // Time has passed since the claim.
    return this.#untilDue(nextDue === null ? Infinity : nextDue - this.services.storeClock.now());
  }

  /** Claims, and starts what was claimed. */
  async #claim(next: NextClaim): Promise<{ readonly claim: Claim; readonly mayStartMore: boolean }> {
    const { clock, storeClock } = this.services;
    const askedAt = clock.monotonic();
    const claim = await claimDue(this.store, next.request, this.#plan(next.room));
    storeClock.sync(claim.storeNow);
    if (claim.failed[0]) this.#health.failed(claim.failed[0].error);
    else this.#health.worked();
    this.#health.passed();
    const waiting = this.#requests.answered(next, claim, clock.monotonic() - askedAt, this.#waitsForRoom(claim));
    return { claim, mayStartMore: await this.#start(claim, askedAt, waiting) };
  }

  /** Starts what was claimed. Returns whether another claim may start more. */
  async #start(claim: Claim, askedAt: number, waiting: readonly TaskDefinition[]): Promise<boolean> {
    for (const one of claim.claimed) announceClaim(one, this.services);
    await this.#starter.start(claim, askedAt);
    const { mayStartMore, hasFreed } = await this.#groups.settle(waiting);
    if (hasFreed) this.#groupsHaveRoom();
    return mayStartMore;
  }

  /**
   * Starts runs of given tasks beside the loop, within the same limits.
   *
   * @param planOf Makes the plan of a plan that starts what waits.
   * @returns The ids of the tasks of which a run waits for room.
   */
  async startNow(
    ids: readonly string[],
    planOf: (claim: Apply<Claimed>) => Apply<Claimed>,
  ): Promise<readonly string[]> {
    const { clock, storeClock } = this.services;
    // Room that becomes free during the claim ends the wait that follows.
    this.#isOutrun = true;
    const askedAt = clock.monotonic();
    const room = this.#requests.room();
    const claim = await claimThese(this.store, ids, planOf(this.#plan(room)));
    storeClock.sync(claim.storeNow);
    if (claim.failed[0]) this.#health.failed(claim.failed[0].error);
    const decided = claim.claimed.map(({ value }) => value);
    const tasks = [...claim.left, ...claim.claimed.flatMap(({ task }) => task ?? [])];
    const waiting = tasks.filter(this.#waitsForRoom(claim));
    const full = this.#groups.full();
    const lacking = waiting
      .map(({ definition }) => definition)
      .filter(({ executor, policies: { group } }) => !room.isFull(executor, decided) && !full.includes(group ?? ''));
    if (await this.#start(claim, askedAt, lacking)) this.wake();
    return waiting.map(({ id }) => id);
  }

  /** Resolves when there may be room for more runs, and after a moment where nothing says so. */
  async roomMayBeThere(): Promise<void> {
    await this.#wait.sleep(Math.min(this.#groups.untilRetry(), EMPTY_PAUSE.longestMs));
  }

  #waitsForRoom({ storeNow }: Claim): (task: TaskRecord) => boolean {
    const { executors } = this.services;
    return (task) => executors.has(task.definition.executor) && waitsForRoom(this.#context, task, storeNow);
  }

  #plan(room: Room): Apply<Claimed> {
    return planClaim({ ...this.#context, room });
  }

  /** Something is due and another scheduler is about to take it. Asking again at once would only be in its way. */
  #afterEmptyPass(): number {
    this.#isOutrun = true;
    this.#emptyPasses += 1;
    return backoffMs(EMPTY_PAUSE, this.#emptyPasses);
  }

  /** Sleeps until `ms` have passed, but polls meanwhile with one cheap question. Returns how much is left to sleep. */
  async #untilDue(ms: number): Promise<number> {
    const { storeClock } = this.services;
    let left = Math.min(ms, this.#groups.untilRetry());
    while (!this.#isStopped && left > this.options.pollIntervalMs) {
      if (await this.#wait.sleep(this.options.pollIntervalMs)) return 0;
      const next = await this.store.nextDueFor(this.#requests.filter());
      await this.#syncClock();
      this.#health.worked();
      this.#health.passed();
      left = Math.min(next === null ? Infinity : next - storeClock.now(), this.#groups.untilRetry());
    }
    return Math.max(0, left);
  }

  /**
   * A pass brings the time of the store; a poll does not, and the clock of the store may be stepped. Where it is this host's
   * the question costs nothing, elsewhere it is asked once a minute.
   */
  async #syncClock(): Promise<void> {
    const { clock, storeClock } = this.services;
    const isNear = this.store.capabilities.coordination !== 'cluster';
    if (!isNear && clock.monotonic() - storeClock.syncedAt < CLOCK_SYNC_MS) return;
    storeClock.sync(await this.store.now());
  }
}
