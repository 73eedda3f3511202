import { backoffMs } from '../../model/backoff.js';
import type { Store } from '../../stores/store.interface.js';
import type { WakeableWait } from '../../time/wait.js';
import type { ClaimRequests } from './claim.requests.js';
import type { RunLimits } from './run.limits.js';
import type { RunServices } from './run.services.js';
import type { HealthMonitor } from './store.health.js';

/** How long the loop waits when something is due that it did not get. */
const EMPTY_PAUSE = { firstMs: 5, longestMs: 500 };

/** How old the last reading of a store's clock may be, in milliseconds. */
const CLOCK_SYNC_MS = 60_000;

interface DueWaitServices extends Pick<RunServices, 'clock' | 'storeClock'> {
  readonly target: Pick<Store, 'nextDueFor' | 'now' | 'capabilities'>;
  readonly requests: Pick<ClaimRequests, 'filter' | 'hasRoomForLeftOut'>;
  readonly limits: Pick<RunLimits, 'untilRetry'>;
  readonly health: HealthMonitor;
  readonly pollIntervalMs: number;
}

/** How long a loop has nothing to do after a pass, polling meanwhile. */
export class DueWait {
  #emptyPasses = 0;

  /**
   * @param wait Cut short by wake-ups, and ended with the loop.
   * @param roomWait Cut short by wake-ups.
   */
  constructor(
    private readonly wait: WakeableWait,
    private readonly roomWait: WakeableWait,
    private readonly services: DueWaitServices,
  ) {}

  /**
   * The pause when something is due and another scheduler is about to take it, in milliseconds: asking again at once would only
   * be in its way.
   */
  afterEmptyPass(): number {
    this.#emptyPasses += 1;
    return backoffMs(EMPTY_PAUSE, this.#emptyPasses);
  }

  /**
   * Sleeps until the next task is due, but polls meanwhile with one cheap question.
   *
   * @param ms For how long nothing is due, in milliseconds.
   * @returns How much is left to sleep, in milliseconds.
   */
  async untilDue(ms: number): Promise<number> {
    const { storeClock, limits, target, requests, health, pollIntervalMs } = this.services;
    this.#emptyPasses = 0;
    let left = Math.min(ms, limits.untilRetry());
    while (left > pollIntervalMs) {
      if (await this.wait.sleep(pollIntervalMs)) return 0;
      // An executor of somebody's own may have room again without the end of a run.
      if (requests.hasRoomForLeftOut()) return 0;
      const next = await target.nextDueFor(requests.filter());
      await this.#syncClock();
      health.worked('polls');
      health.passed();
      left = Math.min(next === null ? Infinity : next - storeClock.now(), limits.untilRetry());
    }
    return Math.max(0, left);
  }

  /** Resolves when there may be room for more runs, and after a moment where nothing says so. */
  async untilRoom(): Promise<void> {
    await this.roomWait.sleep(Math.min(this.services.limits.untilRetry(), EMPTY_PAUSE.longestMs));
  }

  /**
   * A pass brings the time of the store; a poll does not, and the clock of the store may be stepped. Where it is this host's
   * the question costs nothing, elsewhere it is asked once a minute.
   */
  async #syncClock(): Promise<void> {
    const { clock, storeClock, target } = this.services;
    const isNear = target.capabilities.coordination !== 'cluster';
    if (!isNear && clock.monotonic() - storeClock.syncedAt < CLOCK_SYNC_MS) return;
    storeClock.sync(await target.now());
  }
}
