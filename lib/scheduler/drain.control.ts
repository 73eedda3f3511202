import { InvalidOptionError, rejectUnknownOptions, UnknownNameError } from '../errors/input.errors.js';
import { DrainTimeoutError, SchedulerNotRunningError } from '../errors/scheduler.errors.js';
import type { Clock } from '../model/clock.js';
import type { Duration } from '../model/duration.js';
import { toMilliseconds } from '../time/inputs.js';
import { requestOf } from './control.options.js';
import type { ActorOptions } from './control.options.js';
import { removeDrain, writeDrain } from './drain.record.js';
import type { SchedulerInstanceInfo } from './scheduler.info.js';
import type { StoreHandle } from './store.handle.js';
import { WakeableWait } from './wait.js';

/** How often it is asked how far a drain is, in milliseconds. */
const LOOK_MS = 200;

/** @publicApi */
export interface DrainOptions extends ActorOptions {
  /** Whether to wait until the scheduler has no run under way any more, or is gone. @default false */
  readonly wait?: boolean;
  /** With `wait`, for how long at the most; without it, as long as it takes. */
  readonly timeout?: Duration;
}

interface DrainServices {
  readonly clock: Clock;
  readonly isRunning: () => boolean;
  readonly handles: () => readonly StoreHandle[];
  readonly instances: () => Promise<readonly SchedulerInstanceInfo[]>;
}

/** Asks schedulers, wherever they are, to claim nothing more. */
export class DrainControl {
  constructor(private readonly services: DrainServices) {}

  /** @throws SchedulerNotRunningError, UnknownNameError, InvalidOptionError, DrainTimeoutError */
  async drain(identity: string, options: DrainOptions = {}): Promise<void> {
    rejectUnknownOptions('drain', options, ['actor', 'reason', 'wait', 'timeout']);
    const { clock } = this.services;
    const { wait = false, timeout } = options;
    if (typeof wait !== 'boolean') throw new InvalidOptionError('wait', wait, 'true or false');
    const timeoutMs = timeout === undefined ? Infinity : toMilliseconds(timeout, 'timeout', { min: 0 });
    const request = requestOf(options);
    const handles = await this.#handlesOf('drain', identity);
    for (const { store, clock: storeClock } of handles) {
      await writeDrain(store, identity, { at: storeClock.now(), ...request });
    }
    for (const handle of handles) handle.wake(handle.clock.now());
    if (!wait) return;
    const end = clock.monotonic() + timeoutMs;
    const pause = new WakeableWait(clock);
    while (!(await this.#isDrained(identity))) {
      const left = end - clock.monotonic();
      if (left <= 0) throw new DrainTimeoutError(identity, timeoutMs);
      await pause.sleep(Math.min(LOOK_MS, left));
    }
  }

  /** @throws SchedulerNotRunningError, UnknownNameError */
  async undrain(identity: string): Promise<void> {
    const handles = await this.#handlesOf('undrain', identity);
    for (const { store } of handles) await removeDrain(store, identity);
    for (const handle of handles) handle.wake(handle.clock.now());
  }

  async #isDrained(identity: string): Promise<boolean> {
    const instance = (await this.services.instances()).find((one) => one.identity === identity);
    return !instance?.alive || (instance.drain !== null && instance.running === 0);
  }

  /** The stores that this scheduler shares with that one. */
  async #handlesOf(operation: string, identity: string): Promise<readonly StoreHandle[]> {
    if (!this.services.isRunning()) throw new SchedulerNotRunningError(operation);
    const alive = (await this.services.instances()).filter((one) => one.alive);
    if (!alive.some((one) => one.identity === identity)) {
      throw new UnknownNameError(
        'live scheduler',
        identity,
        alive.map((one) => one.identity),
      );
    }
    const shared: StoreHandle[] = [];
    for (const handle of this.services.handles()) {
      if (!handle.opened) continue;
      if ((await handle.store.schedulers()).some((one) => one.identity === identity)) shared.push(handle);
    }
    return shared;
  }
}
