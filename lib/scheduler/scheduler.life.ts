import { quietly } from '../model/logger.js';
import type { Executor } from '../executors/executor.interface.js';
import { MemoryStore } from '../stores/memory/memory.store.js';
import type { Store } from '../stores/store.interface.js';
import { undoOnFailure } from '../stores/undo-on-failure.js';
import { VERSION } from '../version.js';
import { ClaimGate } from './cluster/claim.gate.js';
import { Heartbeat } from './cluster/heartbeat.js';
import { Housekeeper } from './cluster/housekeeper.js';
import type { SchedulerCore } from './scheduler.core.js';
import type { SchedulerState } from './scheduler.info.js';
import { SchedulerStores } from './scheduler.stores.js';
import { ofDeclaration, Reconciler } from './tasks/task.reconciler.js';
import type { DeclaredTask } from './tasks/task.reconciler.js';

/** Starts and stops the parts of a scheduler, in order; a start that fails leaves nothing open. */
export class SchedulerLife {
  readonly gate: ClaimGate;
  /** What the code declares; reconciled at every start. */
  declared: readonly DeclaredTask[] = [];
  readonly #heartbeat: Heartbeat;
  readonly #stores: SchedulerStores;
  readonly #housekeeper: Housekeeper;
  /** The end of what was asked for last. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(private readonly core: SchedulerCore) {
    const { options, events, stores, executors, handlers, phase } = core;
    const services = { ...options, events, stores, phase };
    this.#heartbeat = new Heartbeat({ ...services, version: VERSION, executors, handlers });
    this.gate = new ClaimGate({ ...services, heartbeat: this.#heartbeat });
    this.#stores = new SchedulerStores(core, this.gate, this.#heartbeat);
    this.#housekeeper = new Housekeeper(services);
  }

  get state(): SchedulerState {
    const { name } = this.core.phase;
    if (name !== 'started') return name;
    return this.gate.isOpen ? 'running' : 'paused';
  }

  /** One after another: a store that is added or removed in the middle of a start would be opened twice, or never closed. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => {});
    return done;
  }

  start(): Promise<void> {
    return this.#inTurn(async () => {
      if (!this.core.phase.isStarted) await this.#start();
    });
  }

  async #start(): Promise<void> {
    const { options, events, executors, stores, phase } = this.core;
    phase.starting(options.clock.now());
    try {
      await this.core.contexts.fetchKeys();
      if (!stores.has('default')) this.core.addStore('default', new MemoryStore());
      for (const executor of executors.values()) await executor.start?.();
      for (const handle of stores.all()) await this.#stores.open(handle);
      await this.#reconcile();
      phase.started();
      this.gate.reset(options.startPaused);
      for (const handle of stores.all()) await this.#stores.work(handle);
      this.#heartbeat.start(
        () => void this.core.contexts.refreshKeys(),
        (handle) => this.gate.drains.beat(handle),
      );
      if (options.role === 'worker') this.#housekeeper.start();
      events.emit('scheduler.started', {});
      options.logger.info(`Scheduler "${options.name}" (${options.identity}) started`);
      // Somebody may have asked during the start.
      void this.gate.follow();
    } catch (error) {
      await this.#rollBack();
      throw error;
    }
  }

  async #reconcile(): Promise<void> {
    const { stores, builder, events, options } = this.core;
    if (options.role === 'client') return;
    // A declaration for a store that there is not is an error of the code, not an orphan.
    for (const task of this.declared) ofDeclaration(task, () => stores.get(task.store ?? 'default'));
    await new Reconciler(stores, builder, events, options.logger, options.orphans).reconcile(this.declared);
  }

  async #rollBack(): Promise<void> {
    const { phase, stores } = this.core;
    phase.stopping();
    for (const handle of stores.all()) await this.#stores.abandon(handle);
    this.#heartbeat.stop();
    await this.#closeExecutors();
    phase.stopped();
  }

  shutdown(timeoutMs = this.core.options.shutdownTimeoutMs): Promise<void> {
    return this.#inTurn(async () => {
      if (this.core.phase.name !== 'stopped') await this.#stop(timeoutMs);
    });
  }

  async #stop(timeoutMs: number): Promise<void> {
    const { options, events, stores, phase } = this.core;
    phase.stopping();
    const handles = stores.all();
    await Promise.all(handles.map(({ worker }) => worker?.stopClaiming()));
    await this.#stores.finish(handles, timeoutMs);
    for (const { worker } of handles) worker?.close();
    this.#heartbeat.stop();
    this.#housekeeper.stop();
    await this.#closeExecutors();
    for (const handle of handles) await this.#stores.close(handle);
    phase.stopped();
    events.emit('scheduler.shutdown', {});
    options.logger.info(`Scheduler "${options.name}" (${options.identity}) stopped`);
  }

  async #closeExecutors(): Promise<void> {
    const { executors, options } = this.core;
    for (const executor of executors.values()) {
      await quietly(options.logger, 'Closing an executor', () => executor.shutdown?.());
    }
  }

  addStore(alias: string, store: Store): Promise<void> {
    return this.#inTurn(async () => {
      const { stores, phase, events } = this.core;
      const handle = this.core.addStore(alias, store);
      if (phase.isStarted) {
        const undo = async () => {
          await this.#stores.abandon(handle);
          stores.remove(alias);
        };
        await undoOnFailure(undo, async () => {
          await this.#stores.open(handle);
          await this.#stores.work(handle);
        });
        // Before the start it is configuration.
        events.emit('store.added', { store: alias });
      }
    });
  }

  /** Once it is out of the list, starts and stops have nothing to do with it: they do not wait for its runs. */
  async removeStore(alias: string): Promise<void> {
    const { stores, options, events } = this.core;
    const handle = await this.#inTurn(async () => stores.remove(alias));
    await handle.worker?.stopClaiming();
    await this.#stores.drain([handle], options.shutdownTimeoutMs);
    handle.worker?.close();
    await this.#stores.close(handle);
    events.emit('store.removed', { store: alias });
  }

  addExecutor(alias: string, executor: Executor): Promise<void> {
    return this.#inTurn(async () => {
      const { executors, stores, events, phase } = this.core;
      executors.add(alias, executor);
      if (!phase.isStarted) return;
      await undoOnFailure(
        () => executors.remove(alias),
        async () => executor.start?.(),
      );
      events.emit('executor.added', { executor: alias });
      for (const { worker } of stores.all()) worker?.wake();
    });
  }

  removeExecutor(alias: string): Promise<void> {
    return this.#inTurn(async () => {
      const { executors, events, phase } = this.core;
      const executor = executors.remove(alias);
      if (phase.isStarted) await executor.shutdown?.();
      events.emit('executor.removed', { executor: alias });
    });
  }
}
