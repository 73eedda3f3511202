import { hostname } from 'node:os';
import { EncryptionDisabledError } from '../errors/persistence.errors.js';
import { SchedulerNotRunningError } from '../errors/scheduler.errors.js';
import type { DrainRequest, SchedulerInstance } from '../model/scheduler-instance.js';
import { isUnreadable } from '../model/task.js';
import { resolveKeyRing } from '../persistence/key-ring.js';
import { MemoryStore } from '../stores/memory/memory.store.js';
import { VERSION } from '../version.js';
import { DrainWatch } from './cluster/drain.watch.js';
import { Housekeeper } from './cluster/housekeeper.js';
import { runShutdownTasks, runStartupTasks } from './tasks/startup.tasks.js';
import { refuseUncoordinated } from './cluster/membership.js';
import { Reconciler } from './tasks/task.reconciler.js';
import type { DeclaredTask } from './tasks/task.reconciler.js';
import type { SchedulerCore } from './scheduler.core.js';
import type { SchedulerState } from './scheduler.info.js';
import type { StoreHandle } from './tasks/store.handle.js';
import { wait } from '../time/wait.js';

/** How long after the abort of a shutdown handlers may still end, in milliseconds. */
const SHUTDOWN_GRACE_MS = 2_000;

/** How far the machine's clock may be off a store's before it is reported, in milliseconds. */
const MAX_CLOCK_OFFSET_MS = 1_000;

/** Starts, pauses and stops the parts of a scheduler, in order; a start that fails leaves nothing open. */
export class SchedulerLifecycle {
  state: SchedulerState = 'stopped';
  /** Milliseconds since the epoch; null while stopped. */
  startedAt: number | null = null;
  #starting: Promise<void> | null = null;
  #stopping: Promise<void> | null = null;
  #cancelHeartbeat: () => void = () => {};
  /** What the code declares; reconciled at every start and for stores that are added later. */
  declared: readonly DeclaredTask[] = [];

  readonly #housekeeper: Housekeeper;
  /** The stores whose clock is known to be far from this machine's. */
  readonly #skewed = new Set<string>();
  readonly #drain: DrainWatch;
  /** Whether the application has paused it; somebody else may have drained it beside that. */
  #isPaused = false;
  /** The drain that it obeys. */
  #obeyed: DrainRequest | null = null;
  /** The drain that the others are told of: from then on it claims nothing. */
  #announced: DrainRequest | null = null;

  constructor(private readonly core: SchedulerCore) {
    const { options, events } = core;
    this.#housekeeper = new Housekeeper({ ...options, events, handles: () => core.stores.all() });
    this.#drain = new DrainWatch(options.identity, options.clock, () => void this.#drainChanged());
  }

  /** @throws StoreStartError, StoreInUseError, EncryptionDisabledError and what declared tasks are refused with. */
  async start(): Promise<void> {
    if (this.#stopping) await this.#stopping;
    if (this.state === 'running' || this.state === 'paused') return;
    this.#starting ??= this.#start().finally(() => (this.#starting = null));
    await this.#starting;
  }

  async #start(): Promise<void> {
    const { core } = this;
    const { options, events, executors, stores } = core;
    this.state = 'starting';
    this.#obeyed = null;
    this.#announced = null;
    try {
      core.useKeys(await resolveKeyRing(options.encryption));
      if (!stores.has('default')) core.addStore('default', new MemoryStore());
      for (const executor of executors.values()) await executor.start?.();
      this.startedAt = options.clock.now();
      for (const handle of stores.all()) await this.#open(handle);
      await this.#reconcile();
      core.running = true;
      this.#isPaused = options.startPaused;
      this.state = this.#mayClaim() ? 'running' : 'paused';
      if (options.role === 'worker') {
        for (const handle of stores.all()) await this.#work(handle);
      }
      this.#beat();
      if (options.role === 'worker') this.#housekeeper.start();
      events.emit('scheduler.started', {});
      options.logger.info(`Scheduler "${options.name}" (${options.identity}) started`);
      // Somebody may have asked during the start.
      void this.#drainChanged();
    } catch (error) {
      await this.#rollBack();
      throw error;
    }
  }

  /** Opens a store that was added while the scheduler runs. */
  async openLater(handle: StoreHandle): Promise<void> {
    try {
      await this.#open(handle);
      if (this.core.options.role === 'worker') await this.#work(handle);
    } catch (error) {
      await this.#close(handle);
      throw error;
    }
  }

  async #open(handle: StoreHandle): Promise<void> {
    await handle.open();
    const self = this.instance(handle);
    await refuseUncoordinated(handle, self, this.core.options.heartbeatMs);
    // Before anybody can see it: what is asked of it from then on counts.
    await this.#drain.open(handle);
    await handle.store.heartbeat(self);
    await this.#refuseEncrypted(handle);
    await this.core.operations.commitPending(handle);
  }

  /** Writing in clear beside records that were encrypted is never done by accident. */
  async #refuseEncrypted(handle: StoreHandle): Promise<void> {
    if (this.core.keyRing !== null || this.core.options.encryption?.allowPlaintext) return;
    const page = { offset: 0, limit: 100 };
    const { tasks } = await handle.store.query({ state: 'unreadable' }, { by: 'id', descending: false }, page);
    if (tasks.some((task) => isUnreadable(task) && task.unreadable === 'wrong-key')) {
      throw new EncryptionDisabledError(handle.alias);
    }
  }

  async #reconcile(): Promise<void> {
    const { stores, builder, events, options } = this.core;
    if (options.role === 'client') return;
    // A declaration for a store that there is not is an error of the code, not an orphan.
    for (const { store = 'default' } of this.declared) stores.get(store);
    await new Reconciler(stores, builder, events, options.logger, options.orphans).reconcile(this.declared);
  }

  async #work(handle: StoreHandle): Promise<void> {
    handle.worker = this.core.createWorker(handle);
    const { handlers, options } = this.core;
    await runStartupTasks(handle, { handlers, logger: options.logger });
    handle.worker.start(this.state === 'paused');
  }

  /** What this scheduler says of itself in a store. */
  instance(handle: StoreHandle): SchedulerInstance {
    const { options, stores, executors, handlers } = this.core;
    return {
      identity: options.identity,
      name: options.name,
      role: options.role,
      host: hostname(),
      pid: process.pid,
      version: VERSION,
      startedAt: this.startedAt ?? options.clock.now(),
      heartbeatAt: handle.clock.now(),
      stores: stores.aliases(),
      executors: executors.aliases(),
      handlers: handlers.names(),
      running: stores.all().reduce((sum, { worker }) => sum + (worker?.execution.active.size ?? 0), 0),
      clockOffsetMs: options.clock.now() - handle.clock.now(),
      drain: this.#announced,
    };
  }

  #beat(): void {
    const { clock, heartbeatMs, logger } = this.core.options;
    this.#cancelHeartbeat = wait(clock, heartbeatMs, () => {
      this.core.refreshKeys().catch((error: unknown) => logger.warn(`The keys could not be fetched: ${String(error)}`));
      for (const handle of this.core.stores.all()) {
        if (!handle.opened) continue;
        // A store that is away is reported by its loop; the heartbeat comes with the next one.
        Promise.resolve()
          .then(() => this.#beatIn(handle))
          .catch((error: unknown) => logger.debug(`No heartbeat in store "${handle.alias}": ${String(error)}`));
      }
      this.#beat();
    });
  }

  async #beatIn(handle: StoreHandle): Promise<void> {
    const instance = this.instance(handle);
    await handle.store.heartbeat(instance);
    await this.#drain.beat(handle);
    // Due times and leases follow the store's clock, so nothing runs wrong; what the handlers read may.
    const skewed = Math.abs(instance.clockOffsetMs) > MAX_CLOCK_OFFSET_MS;
    if (skewed && !this.#skewed.has(handle.alias)) {
      const { clockOffsetMs: offsetMs } = instance;
      this.core.options.logger.warn(`The clock of this machine is ${offsetMs} ms off that of store "${handle.alias}"`);
      this.core.events.emit('scheduler.clock-skew', { store: handle.alias, offsetMs });
    }
    if (skewed) this.#skewed.add(handle.alias);
    else this.#skewed.delete(handle.alias);
  }

  /** @throws SchedulerNotRunningError */
  setPaused(paused: boolean): void {
    if (!this.core.running) throw new SchedulerNotRunningError(paused ? 'pause' : 'resume');
    this.#isPaused = paused;
    void this.#applyPause();
  }

  /** Looks now whether somebody asks it to claim nothing more. */
  lookForDrain(handle: StoreHandle): Promise<void> {
    return this.#drain.look(handle);
  }

  #mayClaim(): boolean {
    return !this.#isPaused && this.#drain.request === null;
  }

  /** Resolves when it holds: when no claim of before is on its way any more. */
  async #applyPause(): Promise<void> {
    const isPaused = !this.#mayClaim();
    const applied = Promise.all(this.core.stores.all().map(({ worker }) => worker?.setPaused(isPaused)));
    const state = isPaused ? 'paused' : 'running';
    if (this.state !== state) {
      this.state = state;
      this.core.events.emit(isPaused ? 'scheduler.paused' : 'scheduler.resumed', {});
    }
    await applied;
  }

  /** Somebody asked this scheduler to claim nothing more, or took that back. Never rejects. */
  async #drainChanged(): Promise<void> {
    const { request } = this.#drain;
    if (!this.core.running || request === this.#obeyed) return;
    this.#obeyed = request;
    const applied = this.#applyPause();
    if (request) return this.#obey(request, applied);
    this.#announced = null;
    await this.#beatNow();
  }

  async #obey(request: DrainRequest, applied: Promise<void>): Promise<void> {
    const { actor, reason } = request;
    const isOver = () => !this.core.running || this.#obeyed !== request;
    this.core.options.logger.info(`Claims nothing more, as ${actor ?? 'somebody'} asked${reason ? `: ${reason}` : ''}`);
    this.core.events.emit('scheduler.draining', { actor, reason });
    // Until then a claim that is on its way may start runs, and nobody may take the scheduler for drained.
    await applied;
    if (isOver()) return;
    this.#announced = request;
    await this.#beatNow();
    await Promise.all(this.core.stores.all().map(({ worker }) => worker?.drained()));
    if (isOver()) return;
    await this.#beatNow();
    this.core.events.emit('scheduler.drained', { actor, reason });
  }

  /** Tells the others how it stands without waiting for the next heartbeat. Never rejects. */
  async #beatNow(): Promise<void> {
    for (const handle of this.core.stores.all()) {
      if (handle.opened) await this.#quietly('A heartbeat', () => handle.store.heartbeat(this.instance(handle)));
    }
  }

  /**
   * Claims nothing more, waits for the runs under way, aborts what takes longer than the timeout and gives it back, and
   * closes what was opened. Does nothing when stopped.
   */
  async shutdown(timeoutMs = this.core.options.shutdownTimeoutMs): Promise<void> {
    await this.#starting?.catch(() => {});
    if (this.state === 'stopped') return;
    this.#stopping ??= this.#stop(timeoutMs).finally(() => (this.#stopping = null));
    await this.#stopping;
  }

  async #stop(timeoutMs: number): Promise<void> {
    const { options, events, stores, executors, handlers } = this.core;
    this.state = 'stopping';
    this.core.running = false;
    const handles = stores.all();
    await Promise.all(handles.map(({ worker }) => worker?.stopClaiming()));
    let isOver = false;
    const drained = Promise.all(
      handles.map(async (handle) => {
        await runShutdownTasks(handle, { handlers, logger: options.logger }, () => isOver);
        await handle.worker?.drained();
      }),
    );
    if (!(await this.#within(drained, timeoutMs))) {
      options.logger.warn(`Runs under way after ${timeoutMs} ms of shutdown are aborted and given back`);
      isOver = true;
      for (const { worker } of handles) worker?.execution.abortAll();
      await this.#within(drained, SHUTDOWN_GRACE_MS);
    }
    for (const { worker } of handles) worker?.close();
    this.#cancelHeartbeat();
    this.#housekeeper.stop();
    for (const executor of executors.values()) await this.#quietly('Closing an executor', () => executor.shutdown?.());
    for (const handle of handles) await this.#close(handle);
    this.state = 'stopped';
    this.startedAt = null;
    events.emit('scheduler.shutdown', {});
    options.logger.info(`Scheduler "${options.name}" (${options.identity}) stopped`);
  }

  async #close(handle: StoreHandle): Promise<void> {
    if (!handle.opened) return;
    await this.#quietly(`Ending the heartbeat in store "${handle.alias}"`, () =>
      handle.store.retire(this.core.options.identity),
    );
    // After that nobody asks any more; and whoever waits for the drain finds the scheduler gone before the record is.
    await this.#quietly(`Ending the drain in store "${handle.alias}"`, () => this.#drain.close(handle));
    await this.#quietly(`Closing the store "${handle.alias}"`, () => handle.close());
  }

  /** Closes a store that is removed while the scheduler runs. */
  async closeNow(handle: StoreHandle): Promise<void> {
    await handle.worker?.stopClaiming();
    if (handle.worker) {
      const drained = handle.worker.drained();
      if (!(await this.#within(drained, this.core.options.shutdownTimeoutMs))) {
        handle.worker.execution.abortAll();
        await this.#within(drained, SHUTDOWN_GRACE_MS);
      }
      handle.worker.close();
    }
    await this.#close(handle);
  }

  async #rollBack(): Promise<void> {
    this.core.running = false;
    for (const handle of this.core.stores.all()) {
      await handle.worker?.stopClaiming();
      handle.worker?.close();
      await this.#close(handle);
    }
    for (const executor of this.core.executors.values())
      await this.#quietly('Closing an executor', () => executor.shutdown?.());
    this.state = 'stopped';
    this.startedAt = null;
  }

  async #within(work: Promise<unknown>, ms: number): Promise<boolean> {
    let cancel = () => {};
    const timeout = new Promise<boolean>(
      (resolve) => (cancel = wait(this.core.options.clock, ms, () => resolve(false))),
    );
    try {
      return await Promise.race([work.then(() => true), timeout]);
    } finally {
      cancel();
    }
  }

  /** A fault is told, and keeps nothing else from being done. */
  async #quietly(what: string, work: () => unknown): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.core.options.logger.error(`${what} failed`, error);
    }
  }
}
