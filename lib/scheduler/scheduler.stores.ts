import { EncryptionDisabledError } from '../errors/persistence.errors.js';
import { quietly } from '../model/logger.js';
import { within } from '../time/wait.js';
import type { ClaimGate } from './cluster/claim.gate.js';
import { holdsEncrypted, markEncrypted } from './cluster/encryption.mark.js';
import type { Heartbeat } from './cluster/heartbeat.js';
import { refuseUncoordinated } from './cluster/membership.js';
import type { SchedulerCore } from './scheduler.core.js';
import { runShutdownTasks, runStartupTasks } from './tasks/startup.tasks.js';
import type { StoreHandle } from './tasks/store.handle.js';

/** How long after the abort of a shutdown handlers may still end, in milliseconds. */
const SHUTDOWN_GRACE_MS = 2_000;

/** Opens the stores of a scheduler, has their loops work, and closes them, each in order. */
export class SchedulerStores {
  constructor(
    private readonly core: SchedulerCore,
    private readonly gate: ClaimGate,
    private readonly heartbeat: Heartbeat,
  ) {}

  /** Opens a store and joins the schedulers that share it. @throws StoreStartError, StoreInUseError, EncryptionDisabledError */
  async open(handle: StoreHandle): Promise<void> {
    await handle.open();
    await refuseUncoordinated(handle, this.heartbeat.instance(handle), this.core.options.heartbeatMs);
    // Before anybody can see this scheduler: what is asked of it from then on counts.
    await this.gate.drains.open(handle);
    await this.heartbeat.write(handle);
    await this.#refuseEncrypted(handle);
    await this.core.operations.commitPending(handle);
  }

  /** Writing in clear beside records that were encrypted is never done by accident. */
  async #refuseEncrypted(handle: StoreHandle): Promise<void> {
    const { store, alias, clock } = handle;
    const { hasKeys, refusesEncrypted } = this.core.contexts;
    if (hasKeys) await markEncrypted(store, clock.now());
    else if (refusesEncrypted && (await holdsEncrypted(store))) throw new EncryptionDisabledError(alias);
  }

  /** Starts the startup tasks of a store and then its loop. A client has none. */
  async work(handle: StoreHandle): Promise<void> {
    if (this.core.options.role === 'client') return;
    const worker = this.core.createWorker(handle);
    handle.employ(worker);
    const { handlers, options } = this.core;
    await runStartupTasks(handle, { handlers, logger: options.logger });
    worker.start(!this.gate.isOpen);
  }

  /** Waits for the runs under way; those that take longer than the timeout are aborted and given back. */
  async drain(handles: readonly StoreHandle[], timeoutMs: number): Promise<void> {
    await this.#drain(handles, timeoutMs, ({ worker }) => worker?.drained());
  }

  /** Runs the shutdown tasks, and waits as {@link drain} does. */
  async finish(handles: readonly StoreHandle[], timeoutMs: number): Promise<void> {
    const { handlers, options } = this.core;
    await this.#drain(handles, timeoutMs, async (handle, isOver) => {
      await runShutdownTasks(handle, { handlers, logger: options.logger }, isOver);
      await handle.worker?.drained();
    });
  }

  async #drain(
    handles: readonly StoreHandle[],
    timeoutMs: number,
    work: (handle: StoreHandle, isOver: () => boolean) => unknown,
  ): Promise<void> {
    const { clock, logger } = this.core.options;
    let isOver = false;
    const drained = Promise.all(handles.map((handle) => work(handle, () => isOver)));
    if (await within(clock, drained, timeoutMs)) return;
    isOver = true;
    logger.warn(`Runs under way after ${timeoutMs} ms are aborted and given back`);
    for (const { worker } of handles) worker?.execution.abortAll();
    await within(clock, drained, SHUTDOWN_GRACE_MS);
  }

  /** Closes a store without waiting for the runs under way: their leases expire. */
  async abandon(handle: StoreHandle): Promise<void> {
    await handle.worker?.stopClaiming();
    handle.worker?.close();
    await this.close(handle);
  }

  /** Leaves the schedulers that share a store, and closes it. Never rejects. */
  async close(handle: StoreHandle): Promise<void> {
    if (!handle.opened) return;
    const { logger, identity } = this.core.options;
    const { alias, store } = handle;
    await quietly(logger, `Ending the heartbeat in store "${alias}"`, () => store.retire(identity));
    // After that nobody asks any more; and whoever waits for the drain finds the scheduler gone before the record is.
    await quietly(logger, `Ending the drain in store "${alias}"`, () => this.gate.drains.close(handle));
    await quietly(logger, `Closing the store "${alias}"`, () => handle.close());
  }
}
