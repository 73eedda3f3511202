import type { EventDispatcher } from '../../events/event.dispatcher.js';
import type { Clock } from '../../model/clock.js';
import type { Logger } from '../../model/logger.js';
import type { DrainRequest } from '../../model/scheduler-instance.js';
import type { LifePhase } from '../tasks/life.phase.js';
import type { StoreRegistry } from '../tasks/store.registry.js';
import { DrainWatch } from './drain.watch.js';
import type { Heartbeat } from './heartbeat.js';

interface ClaimGateServices {
  readonly identity: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly events: EventDispatcher;
  readonly stores: StoreRegistry;
  readonly phase: LifePhase;
  readonly heartbeat: Heartbeat;
}

/**
 * Whether a scheduler claims: it does while neither the application has paused it nor anybody drains it. A drain is followed
 * in three steps: it claims nothing more (`scheduler.draining`); when no claim of before is under way, it shows the others
 * that it follows; when no run is under way either, it is drained (`scheduler.drained`).
 */
export class ClaimGate {
  /** Finds the requests to drain this scheduler. */
  readonly drains: DrainWatch;
  /** Whether the application has paused it. */
  #isPaused = false;
  /** What the loops were set to last. */
  #isOpen = true;
  /** The drain that is followed; another request than the watch's only until {@link follow} was called. */
  #followed: DrainRequest | null = null;

  constructor(private readonly services: ClaimGateServices) {
    this.drains = new DrainWatch(services.identity, services.clock, () => void this.follow());
  }

  /** Whether the loops may claim. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Forgets what was before the start. Loops are started afterwards; {@link follow} is called when they are. */
  reset(isPaused: boolean): void {
    this.#isPaused = isPaused;
    this.#followed = null;
    this.#isOpen = this.#mayClaim();
  }

  /** Pauses the claiming for the application, or goes on. */
  setPaused(isPaused: boolean): void {
    this.#isPaused = isPaused;
    void this.#apply();
  }

  /** Follows the drain that is asked for now, or ends the one that was. Never rejects. */
  async follow(): Promise<void> {
    const { request } = this.drains;
    if (!this.services.phase.isStarted || request === this.#followed) return;
    this.#followed = request;
    const applied = this.#apply();
    if (request) await this.#drain(request, applied);
    else await this.services.heartbeat.announce(null);
  }

  async #drain(request: DrainRequest, applied: Promise<void>): Promise<void> {
    const { logger, events, heartbeat, stores, phase } = this.services;
    const { actor, reason } = request;
    const isOver = () => !phase.isStarted || this.#followed !== request;
    logger.info(`Claims nothing more, as ${actor ?? 'somebody'} asked${reason ? `: ${reason}` : ''}`);
    events.emit('scheduler.draining', { actor, reason });
    // A claim that is under way may still start runs, and nobody may take the scheduler for drained before it has.
    await applied;
    if (isOver()) return;
    await heartbeat.announce(request);
    await Promise.all(stores.all().map(({ loop }) => loop?.drained()));
    if (isOver()) return;
    await heartbeat.writeAll();
    events.emit('scheduler.drained', { actor, reason });
  }

  #mayClaim(): boolean {
    return !this.#isPaused && this.drains.request === null;
  }

  /** Sets the loops. Resolves when no claim of before is under way any more. */
  async #apply(): Promise<void> {
    const isOpen = this.#mayClaim();
    const applied = Promise.all(this.services.stores.all().map(({ loop }) => loop?.setPaused(!isOpen)));
    if (isOpen !== this.#isOpen) {
      this.#isOpen = isOpen;
      this.services.events.emit(isOpen ? 'scheduler.resumed' : 'scheduler.paused', {});
    }
    await applied;
  }
}
