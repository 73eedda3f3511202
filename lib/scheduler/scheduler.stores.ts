import { EncryptionDisabledError } from '../errors/persistence.errors.js';
import { quietly } from '../model/logger.js';
import type { Deadline } from '../time/deadline.js';
import type { ClaimGate } from './cluster/claim.gate.js';
import type { ContentWatch } from './cluster/content.watch.js';
import { holdsEncrypted, markEncrypted } from './cluster/encryption.mark.js';
import type { Heartbeat } from './cluster/heartbeat.js';
import { refuseUncoordinated } from './cluster/membership.js';
import { quietlyInTime } from './quietly-in-time.js';
import type { SchedulerCore } from './scheduler.core.js';
import { ABORTED_MS } from './scheduler.stop.js';
import type { StopTime } from './scheduler.stop.js';
import { runShutdownTasks, runStartupTasks } from './tasks/startup.tasks.js';
import type { StoreHandle } from './tasks/store.handle.js';

/** How many tasks the log names whose runs are waited for. */
const NAMED = 5;

/** For how much of the time of a stop that is left a store is told that this scheduler is gone; the rest is to close it. */
const LEAVING_SHARE = 0.5;

/** Opens the stores of a scheduler, has their loops work, and closes them, each in order. */
export class SchedulerStores {
  constructor(
    private readonly core: SchedulerCore,
    private readonly gate: ClaimGate,
    private readonly heartbeat: Heartbeat,
    private readonly contents: ContentWatch,
  ) {}

  /**
   * Opens a store and joins the schedulers that share it.
   *
   * @throws StoreStartError, StartTimeoutError, StoreInUseError, EncryptionDisabledError
   */
  async open(handle: StoreHandle, deadline: Deadline): Promise<void> {
    const { options, pending } = this.core;
    await handle.open(deadline);
    const steps =
      options.role === 'observer'
        ? this.#stepsOfObserver(handle, deadline)
        : [
            () => refuseUncoordinated(handle, this.heartbeat.instance(handle), options.heartbeatMs),
            // Before anybody can see this scheduler: what is asked of it from then on counts.
            () => this.gate.drains.open(handle),
            () => this.heartbeat.write(handle),
            () => this.markEncryption(handle),
            () => this.contents.open(handle),
            () => pending.commit(handle, deadline),
          ];
    // Each by itself: of a step that hangs nothing comes after it.
    for (const step of steps) await handle.inTime<unknown>(deadline, step());
  }

  /** Nothing is written, so nobody has to know. */
  #stepsOfObserver(handle: StoreHandle, deadline: Deadline): readonly (() => Promise<unknown>)[] {
    return [
      () => this.#refuseEncrypted(handle),
      () => this.contents.refuseOthers(handle),
      () => this.core.pending.commit(handle, deadline),
    ];
  }

  /** Writing in clear beside records that were encrypted is never done by accident. */
  async markEncryption(handle: StoreHandle): Promise<void> {
    const { store, clock } = handle;
    if (this.core.contexts.hasKeys) await markEncrypted(store, clock.now());
    else await this.#refuseEncrypted(handle);
  }

  /** @throws EncryptionDisabledError */
  async #refuseEncrypted({ store, alias }: StoreHandle): Promise<void> {
    if (this.core.contexts.refusesEncrypted && (await holdsEncrypted(store))) throw new EncryptionDisabledError(alias);
  }

  /** Starts the startup tasks of a store and then its loop. Only a worker has them. @throws StartTimeoutError */
  async work(handle: StoreHandle, deadline: Deadline): Promise<void> {
    if (this.core.options.role !== 'worker') return;
    const loop = this.core.createLoop(handle);
    handle.useLoop(loop);
    const { handlers, options } = this.core;
    await handle.inTime(deadline, runStartupTasks(handle, { handlers, logger: options.logger }));
    loop.start(!this.gate.isOpen);
  }

  /** Claims nothing more, and waits for the runs under way; those that take longer are aborted and given back. */
  async drain(handles: readonly StoreHandle[], stop: StopTime): Promise<void> {
    await this.#drain(handles, stop, async () => {});
  }

  /** Runs the shutdown tasks, and waits as {@link drain} does. */
  async finish(handles: readonly StoreHandle[], stop: StopTime): Promise<void> {
    const { handlers, options } = this.core;
    await this.#drain(handles, stop, (handle, isOver) =>
      runShutdownTasks(handle, { handlers, logger: options.logger }, isOver),
    );
  }

  async #drain(
    handles: readonly StoreHandle[],
    { runs, end }: StopTime,
    work: (handle: StoreHandle, isOver: () => boolean) => Promise<void>,
  ): Promise<void> {
    const { logger } = this.core.options;
    const leftMs = runs.leftMs;
    let isOver = false;
    const drained = Promise.all(
      handles.map(async (handle) => {
        const { loop } = handle;
        await loop?.stopClaiming();
        // What was left to itself may get here when the scheduler has been started again, with another loop.
        if (handle.loop !== loop) return;
        await work(handle, () => isOver);
        await loop?.drained();
      }),
    );
    const awaited = runsUnderWay(handles);
    if (awaited !== null) logger.info(`Waiting up to ${seconds(leftMs)} for ${awaited}`);
    if (await runs.holds(drained)) return;
    isOver = true;
    const left = runsUnderWay(handles);
    logger.warn(
      left === null
        ? `A store has not answered for ${seconds(leftMs)}; what it did not take is left`
        : `Runs under way after ${seconds(leftMs)} are aborted and given back: ${left}`,
    );
    for (const { loop } of handles) loop?.execution.abortAll();
    await end.holds(Promise.all(handles.map(({ loop }) => loop?.drained())), ABORTED_MS);
  }

  /** Closes a store without waiting for the runs under way: their leases expire. Never rejects. */
  async abandon(handle: StoreHandle, end: Deadline): Promise<void> {
    const { loop } = handle;
    if (loop) {
      const { logger } = this.core.options;
      const what = `Ending the loop of ${handle.place}`;
      await quietlyInTime(logger, end, what, () => loop.stopClaiming(), end.leftMs * LEAVING_SHARE);
      loop.close();
    }
    await this.close(handle, end);
  }

  /** Leaves the schedulers that share a store, and closes it, whatever hangs. Never rejects. */
  async close(handle: StoreHandle, end: Deadline): Promise<void> {
    if (!handle.opened) return;
    const { logger, identity, role } = this.core.options;
    const { place, store } = handle;
    const leave = async () => {
      if (role === 'observer') return;
      await store.retire(identity);
      if (end.isOver) return;
      // After that nobody asks any more; and whoever waits for the drain finds the scheduler gone before the record is.
      await this.gate.drains.close(handle);
    };
    await quietlyInTime(logger, end, `Leaving ${place}`, leave, end.leftMs * LEAVING_SHARE);
    await quietly(logger, 'Ending the wake-ups', () => this.gate.drains.forget(handle));
    await quietlyInTime(logger, end, `Closing ${place}`, () => handle.close());
  }
}

function seconds(ms: number): string {
  return `${Math.round(ms / 100) / 10} s`;
}

/** The runs of these stores whose handlers are under way here, in words; null when there is none. */
function runsUnderWay(handles: readonly StoreHandle[]): string | null {
  const ids = handles.flatMap(({ loop }) => Array.from(loop?.execution.active() ?? [], (run) => run.runId));
  if (ids.length === 0) return null;
  const more = ids.length > NAMED ? ` and ${ids.length - NAMED} more` : '';
  return `${ids.length} ${ids.length === 1 ? 'run' : 'runs'}: ${ids.slice(0, NAMED).join(', ')}${more}`;
}
