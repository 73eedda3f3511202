import { InvalidOptionError, rejectUnknownOptions, UnknownNameError } from '../../errors/input.errors.js';
import {
  DrainTimeoutError,
  DrainUnknownError,
  DrainWithdrawnError,
  SchedulerNotRunningError,
} from '../../errors/scheduler.errors.js';
import type { Clock } from '../../model/clock.js';
import type { Duration } from '../../model/duration.js';
import { toMilliseconds } from '../../time/inputs.js';
import { requestOf } from '../tasks/control.options.js';
import type { ActorOptions } from '../tasks/control.options.js';
import { readDrain, removeDrain, writeDrain } from './drain.record.js';
import type { SchedulerInstanceInfo } from './instance.info.js';
import type { StoreHandle } from '../tasks/store.handle.js';
import { WakeableWait } from '../../time/wait.js';

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
  readonly identity: string;
  readonly clock: Clock;
  readonly isRunning: () => boolean;
  readonly handles: () => readonly StoreHandle[];
  readonly instances: () => Promise<readonly SchedulerInstanceInfo[]>;
  /** Has this scheduler look whether it is asked something. */
  readonly look: (handle: StoreHandle) => Promise<void>;
}

/** A scheduler, from its start to its end, and the stores that this one shares with it. */
interface Target {
  readonly identity: string;
  readonly startedAt: Date;
  readonly handles: readonly StoreHandle[];
}

/** Asks schedulers, wherever they are, to claim nothing more. */
export class DrainControl {
  constructor(private readonly services: DrainServices) {}

  /**
   * @throws SchedulerNotRunningError, UnknownNameError, InvalidOptionError; with `wait` DrainTimeoutError,
   * DrainWithdrawnError (somebody took it back), DrainUnknownError (this scheduler was stopped meanwhile)
   */
  async drain(identity: string, options: DrainOptions = {}): Promise<void> {
    rejectUnknownOptions('drain', options, ['actor', 'reason', 'wait', 'timeout']);
    const { clock } = this.services;
    const { wait = false, timeout } = options;
    if (typeof wait !== 'boolean') throw new InvalidOptionError('wait', wait, 'true or false');
    const timeoutMs = timeout === undefined ? Infinity : toMilliseconds(timeout, 'timeout', { min: 0 });
    const request = requestOf(options);
    const target = await this.#find('drain', identity);
    await this.#tell(target, async ({ store, clock: storeClock }) => {
      await writeDrain(store, identity, { at: storeClock.now(), ...request });
      // One that ended just now has removed what it was asked before it was asked this.
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

  /** @throws SchedulerNotRunningError, UnknownNameError */
  async undrain(identity: string): Promise<void> {
    const target = await this.#find('undrain', identity);
    await this.#tell(target, ({ store }) => removeDrain(store, identity));
  }

  async #tell({ identity, handles }: Target, write: (handle: StoreHandle) => Promise<void>): Promise<void> {
    for (const handle of handles) await write(handle);
    for (const handle of handles) {
      // Not every store wakes the one that has asked.
      if (identity === this.services.identity) await this.services.look(handle);
      handle.wake(handle.clock.now());
    }
  }

  /** Whether it has no run under way any more, or is gone. @throws DrainWithdrawnError, DrainUnknownError */
  async #isDrained({ identity, startedAt, handles }: Target): Promise<boolean> {
    const isBlind = () => !this.services.isRunning() || !handles.some(({ opened }) => opened);
    try {
      const opened = handles.filter((handle) => handle.opened);
      const wishes = await Promise.all(opened.map(({ store }) => readDrain(store, identity)));
      // Asked after that: a scheduler that ends is gone before the wish is.
      const instance = (await this.services.instances()).find((one) => one.identity === identity);
      if (isBlind()) throw new DrainUnknownError(identity);
      if (!instance?.alive || instance.startedAt.getTime() !== startedAt.getTime()) return true;
      const { drain, running } = instance;
      if (wishes.every((wish) => wish === null)) throw new DrainWithdrawnError(identity);
      return drain !== null && running === 0;
    } catch (error) {
      // What is being closed fails in its own way.
      throw isBlind() ? new DrainUnknownError(identity) : error;
    }
  }

  async #find(operation: string, identity: string): Promise<Target> {
    if (!this.services.isRunning()) throw new SchedulerNotRunningError(operation);
    const alive = (await this.services.instances()).filter((one) => one.alive);
    const found = alive.find((one) => one.identity === identity);
    if (!found) {
      throw new UnknownNameError(
        'live scheduler',
        identity,
        alive.map((one) => one.identity),
      );
    }
    const handles: StoreHandle[] = [];
    for (const handle of this.services.handles()) {
      if (!handle.opened) continue;
      if ((await handle.store.schedulers()).some((one) => one.identity === identity)) handles.push(handle);
    }
    return { identity, startedAt: found.startedAt, handles };
  }
}
