import { messageOf } from '../../errors/thrown.js';
import { quietly } from '../../model/logger.js';
import { dueTime } from '../../model/task.js';
import type { TaskRecord } from '../../model/task.js';
import type { Apply } from '../../model/change.js';
import type { Store } from '../../stores/store.interface.js';
import { wakeOthers } from '../../stores/wake-others.js';
import { Throttle } from '../../time/throttle.js';
import { WakeableWait } from '../../time/wait.js';
import type { Claimed } from '../plan/claim.plan.js';
import { ClaimPasses, claimsAhead } from './claim.passes.js';
import { ClaimRequests } from './claim.requests.js';
import { Claimer } from './claimer.js';
import { DueWait } from './due.wait.js';
import { EndQueue } from './end.queue.js';
import { HeldTasks } from './held.tasks.js';
import { LeaseKeeper } from './lease.keeper.js';
import { RunExecution } from './run.execution.js';
import { RunLimits } from './run.limits.js';
import { whyRefused } from './refusal.js';
import type { RunServices } from './run.services.js';
import { HealthMonitor } from './store.health.js';
import type { StoreHealth } from './store.health.js';

/** How often other schedulers are woken at the most, because a limit has room or tasks were given back, in milliseconds. */
const WAKE_OTHERS_MS = 100;

/** How often wake-ups cause leases to be renewed at the most, in milliseconds. */
const WAKE_RENEWAL_MS = 1_000;

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
  readonly #tasks = new HeldTasks((task) => this.#wakeFor(task));
  readonly #health: HealthMonitor;
  readonly #ends: EndQueue;
  readonly #leases: LeaseKeeper;
  readonly #limits: RunLimits;
  readonly #wakeOthers: Throttle;
  /**
   * A request to cancel a run is left in its task, and its owner finds it with the renewal. Wake-ups can come in thousands, so
   * it looks once a second at the most.
   */
  readonly #renewAfterWake: Throttle;
  readonly #dueWait: DueWait;
  readonly #passes: ClaimPasses;
  readonly #claimer: Claimer;
  readonly #requests: ClaimRequests;
  readonly #wait: WakeableWait;
  /** That of runs which are started beside the loop, also when it has ended. */
  readonly #roomWait: WakeableWait;
  #isStopped = false;
  #isPaused = false;
  #keepsLeases = false;
  #loop: Promise<void> = Promise.resolve();
  /** The pass that is under way, or the last one. */
  #passing: Promise<unknown> = Promise.resolve();
  #stopWakeUps: () => void = () => {};
  readonly #leaveExecutors: () => void;

  constructor(
    readonly store: Store,
    private readonly services: RunServices,
    private readonly options: ClaimLoopOptions,
  ) {
    const { clock, storeClock, identity: owner, executors, handlers } = services;
    const { leaseMs, pollIntervalMs } = options;
    this.#health = new HealthMonitor(services);
    this.#wait = new WakeableWait(clock);
    this.#roomWait = new WakeableWait(clock);
    this.#limits = new RunLimits(store, owner, leaseMs, clock);
    const limits = this.#limits;
    const ahead = claimsAhead(store.capabilities);
    this.#requests = new ClaimRequests({ executors, handlers, limits, leaseMs, ahead });
    this.#wakeOthers = new Throttle(clock, WAKE_OTHERS_MS, () => wakeOthers(store, storeClock.now(), services));
    this.#ends = new EndQueue(store, this.#tasks, storeClock, clock, new WakeableWait(clock), {
      failed: (error, askedAt) => this.#health.failed('ends', error, askedAt),
      worked: () => this.#health.worked('ends'),
      isClaimDue: () => this.#passes.isClaimDue,
    });
    this.execution = new RunExecution(services, this.#tasks, {
      offer: (end, answered) => this.#ends.offer(end, answered),
      keepOrphaned: (end) => this.#ends.keepOrphaned(end),
      whyRefused: (lease) => whyRefused(store, lease),
      giveUp: (lease) =>
        this.#ends.offer(this.#limits.giveUp(lease), (answer) => {
          if (answer?.outcome !== 'ended') return;
          this.#limits.freed(lease);
          this.#limitsHaveRoom();
        }),
      handlerEnded: () => this.wake(),
      holds: (run) => this.#leases.holds(run),
      leaseLost: (run) => this.#leases.fence(run),
      keeping: { store, leaseMs, health: this.#health },
      released: (task) => this.#wakeFor(task),
      askedForEnded: () => this.#wakeOthers.ask(),
    });
    this.#leases = new LeaseKeeper(store, this.#tasks, leaseMs, clock, {
      fenced: (run) => this.execution.fence(run),
      failed: (error) => void this.#health.failed('renewals', error),
      worked: () => this.#health.worked('renewals'),
    });
    const [health, requests] = [this.#health, this.#requests];
    this.#dueWait = new DueWait(this.#wait, this.#roomWait, {
      clock,
      storeClock,
      target: store,
      requests,
      limits,
      health,
      pollIntervalMs,
    });
    this.#claimer = new Claimer(store, services, {
      leaseMs,
      requests,
      limits,
      health,
      tasks: this.#tasks,
      ends: this.#ends,
      leases: this.#leases,
      execution: this.execution,
      follows: (isAnotherDue) => this.#passes.expectClaim(isAnotherDue),
      limitsHaveRoom: () => this.#limitsHaveRoom(),
      gaveBack: () => this.#wakeOthers.ask(),
      cancelledElsewhere: () => this.#wakeOthers.ask(),
    });
    this.#passes = new ClaimPasses(store.capabilities, {
      claimer: this.#claimer,
      requests,
      ends: this.#ends,
      limits,
      dueWait: this.#dueWait,
      health,
      clock,
      storeClock,
      pollIntervalMs,
      leaseMs,
      isHeldUp: () => this.#isPaused || this.#isStopped,
      limitsHaveRoom: () => this.#limitsHaveRoom(),
    });
    this.#leaveExecutors = executors.onFreed(() => this.#wakeForRoom());
    this.#renewAfterWake = new Throttle(clock, WAKE_RENEWAL_MS, () => void this.#leases.renew());
  }

  /** Starts the loop and returns at once. */
  start(isPaused: boolean): void {
    this.#isPaused = isPaused;
    this.#stopWakeUps = this.store.onWake(() => {
      this.#limits.wake();
      this.wake();
      if (this.execution.activeCount > 0) this.#renewAfterWake.ask();
    });
    this.#keepLeases();
    this.#loop = this.#run();
  }

  #keepLeases(): void {
    if (this.#keepsLeases) return;
    this.#keepsLeases = true;
    this.#leases.start();
  }

  /** Something may be due: look now. */
  wake(): void {
    this.#wait.wake();
    this.#roomWait.wake();
  }

  /** Resolves when the pass that was under way is over: only then the runs of a claim that was under way have started. */
  async setPaused(isPaused: boolean): Promise<void> {
    this.#isPaused = isPaused;
    if (isPaused) this.#passes.expectClaim(false);
    this.wake();
    // The loop reports a pass that fails.
    await this.#passing.catch(() => {});
    await this.#passes.aheadIsOver();
  }

  health(): StoreHealth {
    return this.#health.health(this.execution.activeCount, this.execution.abandoned.count, this.#passes.overdueMs);
  }

  /** Writes the claim of a task whose run has started without that. Never rejects. */
  async writeClaim(taskId: string): Promise<void> {
    await this.#claimer.write(taskId);
  }

  /** Removes what the limits of tasks leave behind. */
  async cleanUp(): Promise<void> {
    await this.#limits.forget();
  }

  /**
   * Claims nothing more. Resolves when the runs of the claim that was under way have started. Then the others are woken: who
   * looked while this scheduler had a task under a lease or a reservation sleeps until that would have run out, although
   * the task has long another time.
   */
  async stopClaiming(): Promise<void> {
    this.#isStopped = true;
    this.#passes.expectClaim(false);
    this.#wait.end();
    // A store of the user's own may throw here.
    await quietly(this.services.logger, 'Ending the wake-ups', () => this.#stopWakeUps());
    await this.#loop;
    // What cannot be given up now expires by itself.
    await this.#limits
      .release()
      .catch((error: unknown) =>
        this.services.logger.debug(`What limits gave was not given back: ${messageOf(error)}`),
      );
    this.#wakeOthers.ask();
  }

  /** Resolves when every run has ended and the store has taken its end. */
  async drained(): Promise<void> {
    await this.execution.drained();
    await this.#ends.drained();
  }

  /** Stops renewing, and gives up ends that the store has not taken. */
  close(): void {
    this.#leases.stop();
    this.#leaveExecutors();
    this.#renewAfterWake.cancel();
    this.execution.close();
    this.#claimer.stop();
    this.#ends.close();
    this.#wakeOthers.ask();
    this.#wakeOthers.flush();
  }

  /** Runs may wait for them, here and elsewhere. Elsewhere each of many is a wake-up for nothing, so they are put together. */
  #limitsHaveRoom(): void {
    this.wake();
    this.#wakeOthers.ask();
  }

  #wakeForRoom(): void {
    if (this.#passes.isOutrun || this.#requests.hasRoomForLeftOut()) this.wake();
  }

  #wakeFor(task: TaskRecord | null): void {
    const due = task && dueTime(task.definition, task.state);
    if (due === null || due > this.services.storeClock.now() + this.options.pollIntervalMs) return;
    // What waited for the end of a run here, others run while this one claims nothing.
    if (this.#isPaused) this.#wakeOthers.ask();
    else this.wake();
  }

  async #run(): Promise<void> {
    const { clock } = this.services;
    while (!this.#isStopped) {
      const askedAt = clock.monotonic();
      try {
        const pass = this.#passes.pass();
        this.#passing = pass;
        await this.#wait.sleep(await pass);
      } catch (error) {
        this.#passes.expectClaim(false);
        const pauseMs = this.#health.failed('claims', error, askedAt);
        // What was claimed meanwhile does not wait until the store is asked again.
        if (!this.#passes.isAhead) await this.#wait.sleep(pauseMs);
      }
    }
    while (this.#passes.isAhead)
      await this.#passes.pass().catch((error: unknown) => this.#health.failed('claims', error));
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
    // These may be the first runs, and more follow before the loop starts.
    this.#keepLeases();
    // Room that becomes free during the claim ends the wait that follows.
    this.#passes.isOutrun = true;
    const { waiting, mayStartMore } = await this.#claimer.claimThese(ids, planOf);
    if (mayStartMore) this.wake();
    return waiting;
  }

  /** Resolves when there may be room for more runs, and after a moment where nothing says so. */
  async roomMayBeThere(): Promise<void> {
    await this.#dueWait.untilRoom();
  }
}
