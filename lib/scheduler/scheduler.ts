import { InvalidOptionError } from '../errors/input.errors.js';
import { SchedulerNotRunningError, SchedulerRunningError } from '../errors/scheduler.errors.js';
import type { SchedulerListener } from '../events/event.dispatcher.js';
import type { SchedulerEventName } from '../events/event.map.js';
import type { Executor } from '../executors/executor.interface.js';
import type { SchedulerInstance } from '../model/scheduler-instance.js';
import type { Store } from '../stores/store.interface.js';
import { DrainControl } from './cluster/drain.control.js';
import type { Handler, HandlerPolicy } from './loop/handler.registry.js';
import { isAlive } from './cluster/membership.js';
import type { DeclaredTask } from './tasks/task.reconciler.js';
import type { RunControl } from './tasks/run.control.js';
import { SchedulerCore } from './scheduler.core.js';
import type { SchedulerInfo, SchedulerState, StoreInfo } from './scheduler.info.js';
import type { SchedulerInstanceInfo } from './cluster/instance.info.js';
import { SchedulerLifecycle } from './scheduler.life.js';
import type { SchedulerOptions } from './scheduler.options.js';
import type { StoreHandle } from './tasks/store.handle.js';
import { copyStore, rotateStore } from './tasks/store.maintenance.js';
import type { CopyOptions, CopyResult, MaintenanceProgress, RotateOptions } from './tasks/store.maintenance.js';
import type { TaskInspection } from './tasks/task.inspection.js';
import type { TaskOperations } from './tasks/task.operations.js';

/**
 * The scheduler without NestJS: stores, executors and handlers, put together, with one loop for each store. In a Nest
 * application the module makes it, and `SchedulerService` is what is injected.
 *
 * @publicApi
 */
export class Scheduler {
  readonly #core: SchedulerCore;
  readonly #lifecycle: SchedulerLifecycle;

  /** @throws InvalidOptionError, UnknownOptionError, DuplicateNameError */
  constructor(options: SchedulerOptions = {}) {
    this.#core = new SchedulerCore(options);
    this.#lifecycle = new SchedulerLifecycle(this.#core);
    this.drains = new DrainControl({
      identity: this.#core.options.identity,
      clock: this.#core.options.clock,
      isRunning: () => this.#core.running,
      handles: () => this.#core.stores.all(),
      instances: () => this.getInstances(),
      look: (handle) => this.#lifecycle.lookForDrain(handle),
    });
  }

  /** Adds, changes and removes tasks. */
  get tasks(): TaskOperations {
    return this.#core.operations;
  }

  /** Looks at tasks and runs. */
  get inspection(): TaskInspection {
    return this.#core.inspection;
  }

  /** Follows and stops runs. */
  get runs(): RunControl {
    return this.#core.control;
  }

  /** Asks schedulers of the cluster to claim nothing more. */
  readonly drains: DrainControl;

  get identity(): string {
    return this.#core.options.identity;
  }

  get name(): string {
    return this.#core.options.name;
  }

  get state(): SchedulerState {
    return this.#lifecycle.state;
  }

  /**
   * Puts code behind a name that tasks use.
   *
   * @param policy Which of its errors are worth another attempt.
   * @throws DuplicateNameError When the name is taken.
   */
  registerHandler(name: string, handler: Handler, policy?: HandlerPolicy): void {
    this.#core.handlers.register(name, handler, policy);
  }

  /**
   * Says which tasks the code declares; every start brings the stores to it.
   *
   * @throws SchedulerRunningError When it runs already.
   */
  declareTasks(tasks: readonly DeclaredTask[]): void {
    if (this.state !== 'stopped') throw new SchedulerRunningError('declareTasks');
    const ids = new Set<string>();
    for (const { id } of tasks) {
      if (ids.has(id)) throw new InvalidOptionError('id', id, 'an id that only one declared task has');
      ids.add(id);
    }
    this.#lifecycle.declared = [...tasks];
  }

  /**
   * Opens the stores, commits the tasks that waited, reconciles the declared ones and starts the loops. Returns when all
   * of that is done, and does not wait for any run. Does nothing when it runs.
   *
   * @throws StoreStartError, StoreInUseError, EncryptionDisabledError; nothing is left open then.
   */
  start(): Promise<void> {
    return this.#lifecycle.start();
  }

  /**
   * Stops: no new runs, those under way may end until the timeout, then they are aborted and given back.
   *
   * @param timeoutMs Milliseconds; `shutdownTimeout` when left out.
   */
  shutdown(timeoutMs?: number): Promise<void> {
    return this.#lifecycle.shutdown(timeoutMs);
  }

  /** Claims nothing more until {@link resume}; runs under way go on. @throws SchedulerNotRunningError */
  pause(): void {
    this.#lifecycle.setPaused(true);
  }

  /** Goes on after {@link pause}. @throws SchedulerNotRunningError */
  resume(): void {
    this.#lifecycle.setPaused(false);
  }

  /** @throws InvalidOptionError */
  addListener<Name extends SchedulerEventName>(
    listener: SchedulerListener<Name>,
    names?: Name | readonly Name[],
  ): void {
    this.#core.events.add(listener, names);
  }

  /** Removes the first registration of a listener. Returns whether there was one. */
  removeListener(listener: SchedulerListener<never>): boolean {
    return this.#core.events.remove(listener);
  }

  /**
   * Adds a store, and opens it when the scheduler runs.
   *
   * @throws DuplicateNameError, InvalidOptionError, StoreStartError, StoreInUseError
   */
  async addStore(alias: string, store: Store): Promise<void> {
    const handle = this.#core.addStore(alias, store);
    if (this.#core.running) {
      try {
        await this.#lifecycle.openLater(handle);
      } catch (error) {
        this.#core.stores.delete(alias);
        throw error;
      }
    }
    this.#core.events.emit('store.added', { store: alias });
  }

  /** Removes a store and closes what it opened; its tasks stay in it. @throws UnknownNameError */
  async removeStore(alias: string): Promise<void> {
    const handle = this.#core.stores.get(alias);
    this.#core.stores.delete(alias);
    await this.#lifecycle.closeNow(handle);
    this.#core.events.emit('store.removed', { store: alias });
  }

  /** @throws DuplicateNameError, InvalidOptionError */
  async addExecutor(alias: string, executor: Executor): Promise<void> {
    this.#core.executors.add(alias, executor);
    if (this.#core.running) await executor.start?.();
    this.#core.events.emit('executor.added', { executor: alias });
    for (const { worker } of this.#core.stores.all()) worker?.wake();
  }

  /** Removes an executor; the tasks that name it wait until one of that alias is there again. @throws UnknownNameError */
  async removeExecutor(alias: string): Promise<void> {
    const executor = this.#core.executors.remove(alias);
    if (this.#core.running) await executor.shutdown?.();
    this.#core.events.emit('executor.removed', { executor: alias });
  }

  /**
   * Writes every record of a store again under the first key of the ring, while schedulers work: see
   * `docs/persistence.md`, "Rotation".
   *
   * @throws UnknownNameError, SchedulerNotRunningError
   */
  async rotateEncryption(alias: string, options?: RotateOptions): Promise<MaintenanceProgress> {
    return rotateStore(this.#openStore(alias, 'rotateEncryption'), options);
  }

  /**
   * Copies definitions, schedule states and history from one store to another; what is there already is left alone.
   *
   * @throws UnknownNameError, SchedulerNotRunningError
   */
  async copyTasks(from: string, to: string, options?: CopyOptions): Promise<CopyResult> {
    if (from === to) throw new InvalidOptionError('to', to, 'another store than "from"');
    return copyStore(this.#openStore(from, 'copyTasks'), this.#openStore(to, 'copyTasks'), options);
  }

  #openStore(alias: string, operation: string): Store {
    const handle = this.#core.stores.get(alias);
    if (!handle.opened) throw new SchedulerNotRunningError(operation);
    return handle.store;
  }

  /** This scheduler, its stores and how many tasks they hold. */
  async getInfo(): Promise<SchedulerInfo> {
    const { options, executors, handlers, stores, running } = this.#core;
    const { state, startedAt } = this.#lifecycle;
    return {
      identity: options.identity,
      name: options.name,
      role: options.role,
      state,
      running,
      startedAt: startedAt === null ? null : new Date(startedAt),
      uptimeSeconds: startedAt === null ? null : Math.max(0, (options.clock.now() - startedAt) / 1_000),
      timezone: options.timezone,
      executors: executors.aliases(),
      handlers: handlers.names(),
      stores: stores.all().map(toStoreInfo),
      tasks: await this.#core.inspection.countByState(),
    };
  }

  /** The schedulers that share the stores, live and dead, from any of them. */
  async getInstances(): Promise<readonly SchedulerInstanceInfo[]> {
    const found = new Map<string, SchedulerInstanceInfo>();
    for (const handle of this.#core.stores.all()) {
      if (!handle.opened) continue;
      const now = await handle.store.now();
      for (const instance of await handle.store.schedulers()) {
        const known = found.get(instance.identity);
        if (known && known.heartbeatAt.getTime() >= instance.heartbeatAt) continue;
        const alive = instance.identity === this.identity || isAlive(instance, now, this.#core.options.heartbeatMs);
        found.set(instance.identity, toInstanceInfo(instance, alive));
      }
    }
    return [...found.values()].sort((a, b) => a.startedAt.getTime() - b.startedAt.getTime());
  }
}

function toStoreInfo({ alias, store, worker }: StoreHandle): StoreInfo {
  const { coordination, wakeUp, durable } = store.capabilities;
  const health = worker?.health() ?? { state: 'ok', failuresInARow: 0, lastError: null, lastPassAt: null, running: 0 };
  return {
    ...health,
    store: alias,
    coordination,
    wakeUp,
    durable,
    lastPassAt: health.lastPassAt === null ? null : new Date(health.lastPassAt),
  };
}

function toInstanceInfo(instance: SchedulerInstance, alive: boolean): SchedulerInstanceInfo {
  return {
    ...instance,
    startedAt: new Date(instance.startedAt),
    heartbeatAt: new Date(instance.heartbeatAt),
    drain: instance.drain && { ...instance.drain, at: new Date(instance.drain.at) },
    alive,
  };
}
