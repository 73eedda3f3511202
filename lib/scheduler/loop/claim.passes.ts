import type { Store } from '../../stores/store.interface.js';
import type { Clock } from '../../model/clock.js';
import type { StoreClock } from '../../time/store.clock.js';
import { wait } from '../../time/wait.js';
import type { ClaimRequests } from './claim.requests.js';
import type { AskedClaim, Claimer } from './claimer.js';
import type { DueWait } from './due.wait.js';
import type { EndQueue } from './end.queue.js';
import type { HeldRun } from './held.run.js';
import type { RunLimits } from './run.limits.js';
import type { HealthMonitor } from './store.health.js';

/** How many claims a server is asked for ahead at the most. Each leaves an equal share of the room to the others. */
const CLAIMS_AHEAD = 2;

/** How long what has ended waits at the most for the claim that it is to go along with, in milliseconds: an answer may not come. */
const LONGEST_DELAY_MS = 100;

/** How long a pass may take at least before the loop is taken to hang, in milliseconds: two leases, if that is longer. */
const LONGEST_PASS_MS = 60_000;

/** What a pass works with. */
interface PassParts {
  readonly claimer: Claimer;
  readonly requests: ClaimRequests;
  readonly ends: EndQueue;
  readonly limits: RunLimits;
  readonly dueWait: DueWait;
  readonly health: HealthMonitor;
  readonly clock: Clock;
  readonly storeClock: StoreClock;
  readonly pollIntervalMs: number;
  readonly leaseMs: number;
  /** Whether nothing is claimed for now. */
  readonly isHeldUp: () => boolean;
  readonly limitsHaveRoom: () => void;
}

/** A claim that is asked for before the runs of the one before have started. */
interface AheadClaim {
  readonly asked: AskedClaim;
  /** Its runs have started, or it has failed. */
  readonly over: () => void;
}

/**
 * How many claims are asked for at the most before the runs of the one before start. With two, the server works on one while
 * this process decodes the other, and neither waits for the other. A store in this process has nothing to do meanwhile.
 */
export function claimsAhead({ takes, coordination }: Store['capabilities']): number {
  return takes === true && coordination === 'cluster' ? CLAIMS_AHEAD : 0;
}

/** The passes of a loop: each claims what is due and starts it, and says how long there is nothing to do. */
export class ClaimPasses {
  /** Whether something is due that this scheduler could not get. */
  isOutrun = false;
  /** Whether another claim follows at once, with which what ends until then goes along. */
  isClaimDue = false;
  /** When the pass that is under way has to be over, or the next one, on the monotonic clock. */
  #passedBy = Infinity;
  #stopWaiting: (() => void) | null = null;
  /** In the order in which they were asked for, in which their runs start. */
  readonly #ahead: AheadClaim[] = [];
  readonly #mostAhead: number;
  /** Resolves when the last claim that was asked for ahead is over. */
  #aheadIsOver: Promise<void> = Promise.resolve();

  constructor(
    private readonly capabilities: Store['capabilities'],
    private readonly parts: PassParts,
  ) {
    this.#mostAhead = claimsAhead(capabilities);
  }

  /** Whether claims are asked for of which passes are to start the runs. */
  get isAhead(): boolean {
    return this.#ahead.length > 0;
  }

  /** Resolves when the runs of the claims that are asked for ahead have started, also while a pass is about to start them. */
  aheadIsOver(): Promise<void> {
    return this.#aheadIsOver;
  }

  /** @param isDue Whether a claim follows at once, unless it is held up: what ends until then waits for it, but not for long. */
  expectClaim(isDue: boolean): void {
    const { clock, ends, isHeldUp } = this.parts;
    this.isClaimDue = isDue && this.capabilities.takes === true && !isHeldUp();
    this.#stopWaiting?.();
    this.#stopWaiting = this.isClaimDue ? wait(clock, LONGEST_DELAY_MS, () => this.expectClaim(false)) : null;
    if (!this.isClaimDue) ends.flush();
  }

  /** For how much longer than it may the pass under way lasts, or the rest after the last one, in milliseconds; 0 while all is well. */
  get overdueMs(): number {
    return Math.max(0, this.parts.clock.monotonic() - this.#passedBy);
  }

  /** One pass. Returns how long there is nothing to do, in milliseconds. */
  async pass(): Promise<number> {
    const { clock, leaseMs } = this.parts;
    const longestMs = Math.max(LONGEST_PASS_MS, 2 * leaseMs);
    this.#passedBy = clock.monotonic() + longestMs;
    const restMs = await this.#pass();
    this.#passedBy = clock.monotonic() + restMs + longestMs;
    return restMs;
  }

  async #pass(): Promise<number> {
    const { claimer, requests, ends, limits, dueWait, health, storeClock, isHeldUp, pollIntervalMs } = this.parts;
    this.isOutrun = false;
    // First the results: what ended while the store was away must not be taken for lost.
    await ends.catchUp();
    const ahead = this.#ahead.shift();
    const asked = ahead ? ahead.asked : this.#ask();
    if (!asked) {
      this.expectClaim(false);
      // Nothing is started for a while, so what limits give and no run has is for other schedulers.
      if (await limits.release()) this.parts.limitsHaveRoom();
      // An executor may have room again without the end of a run.
      return isHeldUp() ? Infinity : pollIntervalMs;
    }
    const start = claimer.start(asked, {
      held: (runs) => this.#askAhead(runs),
      isLast: () => !this.isAhead,
    });
    const { claim, mayStartMore } = await start.finally(() => ahead?.over());
    const worked = () => claim.failed.length === 0 && health.worked('claims');
    if (this.isAhead || requests.isAnotherDue(mayStartMore)) {
      worked();
      return 0;
    }
    this.expectClaim(false);
    const nextDue = await claim.nextDue();
    worked();
    this.isOutrun = nextDue !== null && nextDue <= claim.storeNow && claim.claimed.length + claim.simple.length === 0;
    if (this.isOutrun) return dueWait.afterEmptyPass();
    // Time has passed since the claim.
    return dueWait.untilDue(nextDue === null ? Infinity : nextDue - storeClock.now());
  }

  #ask(): AskedClaim | null {
    const next = this.parts.isHeldUp() ? null : this.parts.requests.next();
    return next && this.parts.claimer.ask(next);
  }

  /** @param runs Those that are about to start. */
  #askAhead(runs: readonly HeldRun[]): void {
    const { requests, claimer, limits, isHeldUp } = this.parts;
    if (this.#mostAhead === 0 || !requests.isContended || isHeldUp()) return;
    // What this claim has left of what limits give is given back when its runs have started.
    if (limits.hasUnused()) return;
    const starting = new Map<string, number>();
    for (const { task } of runs) starting.set(task.executor, (starting.get(task.executor) ?? 0) + 1);
    while (this.#ahead.length < this.#mostAhead) {
      const next = requests.next({ starting, asked: this.#ahead.map(({ asked }) => asked.next) });
      if (!next) return;
      let over = () => {};
      this.#aheadIsOver = new Promise<void>((resolve) => (over = resolve));
      this.#ahead.push({ asked: claimer.ask(next), over });
      // What ends until the answer comes goes along with the claim after it.
      this.expectClaim(true);
    }
  }
}
