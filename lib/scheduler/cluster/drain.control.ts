import { UnknownNameError } from '../../errors/input.errors.js';
import { DrainTimeoutError, DrainUnknownError, DrainWithdrawnError } from '../../errors/scheduler.errors.js';
import { namesOf } from '../../model/names.js';
import type { Clock } from '../../model/clock.js';
import type { Duration } from '../../model/duration.js';
import { toMilliseconds } from '../../time/inputs.js';
import { checkCall } from '../tasks/call.options.js';
import type { JournalNotes } from '../plan/journal.notes.js';
import { ACTOR_OPTIONS, requestOf } from '../tasks/control.options.js';
import type { ActorOptions } from '../tasks/control.options.js';
import { readDrain, removeDrain, writeDrain } from './drain.record.js';
import type { DrainWatch } from './drain.watch.js';
import { findInstances } from './instance.info.js';
import type { SchedulerInstanceInfo } from './instance.info.js';
import type { LifePhase } from '../tasks/life.phase.js';
import type { StoreHandle } from '../tasks/store.handle.js';
import type { StoreRegistry } from '../tasks/store.registry.js';
import { WakeableWait } from '../../time/wait.js';

/** How often a waiting caller reads how far a drain is, in milliseconds. */
const LOOK_MS = 200;

/**
 * Options of `drainScheduler`: who asks, why, and whether to wait for the end of the runs.
 *
 * @publicApi
 */
export interface DrainOptions extends ActorOptions {
  /** Whether to wait until the scheduler has no run under way, or has stopped. @default false */
  readonly wait?: boolean;
  /** With `wait`, how long to wait at most; without it, without limit. */
  readonly timeout?: Duration;
}

const DRAIN_OPTIONS = namesOf<keyof DrainOptions>({ actor: 0, reason: 0, wait: 0, timeout: 0 });

interface DrainServices {
  readonly identity: string;
  readonly clock: Clock;
  readonly heartbeatMs: number;
  readonly phase: LifePhase;
  readonly stores: StoreRegistry;
  readonly notes: JournalNotes;
  /** Finds what this scheduler is asked itself. */
  readonly watch: DrainWatch;
}

/** A scheduler, from its start to its end, and the stores that this one shares with it. */
interface Target {
  readonly identity: string;
  readonly startedAt: Date;
  readonly handles: readonly StoreHandle[];
}

/** Asks schedulers, wherever they are, to claim nothing more: what is behind the methods of `Scheduler`. */
export class DrainControl {
  constructor(private readonly services: DrainServices) {}

  async drain(identity: string, options: DrainOptions = {}): Promise<void> {
    checkCall('drainScheduler', options, DRAIN_OPTIONS);
    const { clock, notes } = this.services;
    const { wait = false, timeout } = options;
    const timeoutMs = timeout === undefined ? Infinity : toMilliseconds(timeout, 'timeout', { min: 0 });
    const request = requestOf(options);
    const target = await this.#find('drainScheduler', identity);
    await this.#write(target, async ({ store, clock: storeClock }) => {
      const at = storeClock.now();
      const entry = notes.entry('scheduler.draining', at, { ...request, details: { identity } });
      await writeDrain(store, identity, { at, ...request }, [entry]);
      // A scheduler that ended just now removed its request before this one was written.
      if (!(await store.schedulers()).some((one) => one.identity === identity)) await removeDrain(store, identity);
    });
    if (!wait) return;
    const end = clock.monotonic() + timeoutMs;
    const pause = new WakeableWait(clock);
    while (!(await this.#isDrained(target))) {
      const left = end - clock.monotonic();
      if (left <= 0) throw new DrainTimeoutError(identity, timeoutMs);
      await pause.sleep(Math.min(LOOK_MS, left));
    }
  }

  async undrain(identity: string, options: ActorOptions = {}): Promise<void> {
    checkCall('undrainScheduler', options, ACTOR_OPTIONS);
    const request = requestOf(options);
    const target = await this.#find('undrainScheduler', identity);
    await this.#write(target, ({ store, clock }) => {
      const fields = { ...request, details: { identity } };
      return removeDrain(store, identity, [this.services.notes.entry('scheduler.undrained', clock.now(), fields)]);
    });
  }

  async #write({ identity, handles }: Target, write: (handle: StoreHandle) => Promise<void>): Promise<void> {
    for (const handle of handles) await write(handle);
    for (const handle of handles) {
      // Not every store wakes the one that has asked.
      if (identity === this.services.identity) await this.services.watch.look(handle);
      handle.wake(handle.clock.now());
    }
  }

  /** Whether it has no run under way any more, or is gone. @throws DrainWithdrawnError, DrainUnknownError */
  async #isDrained({ identity, startedAt, handles }: Target): Promise<boolean> {
    const isBlind = () => !this.services.phase.isStarted || !handles.some(({ opened }) => opened);
    try {
      const opened = handles.filter((handle) => handle.opened);
      const requests = await Promise.all(opened.map(({ store }) => readDrain(store, identity)));
      // Read after the requests: a scheduler that ends is gone before its request is.
      const instance = (await this.#instances()).find((one) => one.identity === identity);
      if (isBlind()) throw new DrainUnknownError(identity);
      if (!instance?.alive || instance.startedAt.getTime() !== startedAt.getTime()) return true;
      const { drain, running } = instance;
      if (requests.every((request) => request === null)) throw new DrainWithdrawnError(identity);
      return drain !== null && running === 0;
    } catch (error) {
      // What is being closed fails in its own way.
      throw isBlind() ? new DrainUnknownError(identity) : error;
    }
  }

  #instances(): Promise<readonly SchedulerInstanceInfo[]> {
    const { stores, identity, heartbeatMs } = this.services;
    return findInstances(stores.all(), identity, heartbeatMs);
  }

  async #find(operation: string, identity: string): Promise<Target> {
    this.services.phase.requireStarted(operation);
    const alive = (await this.#instances()).filter((one) => one.alive);
    const found = alive.find((one) => one.identity === identity);
    if (!found) {
      throw new UnknownNameError(
        'live scheduler',
        identity,
        alive.map((one) => one.identity),
      );
    }
    const handles: StoreHandle[] = [];
    for (const handle of this.services.stores.all()) {
      if (!handle.opened) continue;
      if ((await handle.store.schedulers()).some((one) => one.identity === identity)) handles.push(handle);
    }
    return { identity, startedAt: found.startedAt, handles };
  }
}
