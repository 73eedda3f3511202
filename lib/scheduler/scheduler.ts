import { SchedulerRunningError } from '../errors/scheduler.errors.js';
import type { EventFilter } from '../events/event.filter.js';
import type { SchedulerEventName, SchedulerListener } from '../events/event.map.js';
import type { Executor } from '../executors/executor.interface.js';
import type { Store } from '../stores/store.interface.js';
import { DrainControl } from './cluster/drain.control.js';
import type { DrainOptions } from './cluster/drain.control.js';
import { findHandlers } from './cluster/handler.info.js';
import type { HandlerInfo } from './cluster/handler.info.js';
import { findInstances } from './cluster/instance.info.js';
import { executorsInUse } from './cluster/executor.use.js';
import type { SchedulerInstanceInfo } from './cluster/instance.info.js';
import type { Handler, HandlerOptions } from './loop/handler.registry.js';
import { reportHealth } from '../observe/health/health.report.js';
import type { HealthOptions, SchedulerHealth } from '../observe/health/health.report.js';
import { SchedulerCore } from './scheduler.core.js';
import { toStoreInfo } from './scheduler.info.js';
import type { SchedulerInfo, SchedulerState, StoreInfo } from './scheduler.info.js';
import { SchedulerLife } from './scheduler.life.js';
import type { SchedulerOptions, SchedulerRole } from './scheduler.options.js';
import { SchedulerUpkeep } from './scheduler.upkeep.js';
import type { ActorOptions } from './tasks/control.options.js';
import type { HandlerEvent } from './tasks/handler.types.js';
import type { TaskHandlers } from './tasks/task.options.js';
import { checkDeclaredIds } from './tasks/declared.tasks.js';
import type { DeclaredTask } from './tasks/declared.tasks.js';
import type { ApplyDeployOptions, DeployPlan, DeployResult } from './tasks/deploy.info.js';

/**
 * Keeps tasks in stores and runs due tasks, with one loop for each store. In a Nest application the module makes, starts and
 * stops it, and `SchedulerService` is injected.
 *
 * With a map of handlers the compiler checks names and arguments: declare `TaskHandlers` once, or pass a map as `Handlers`.
 *
 * @publicApi
 */
export class Scheduler<Handlers = TaskHandlers> extends SchedulerUpkeep<Handlers> {
  readonly #core: SchedulerCore;
  readonly #life: SchedulerLife;
  readonly #drains: DrainControl;

  /** @throws InvalidOptionError, UnknownOptionError, DuplicateNameError */
  constructor(options: SchedulerOptions = {}) {
    const core = new SchedulerCore(options);
    super(core);
    this.#core = core;
    this.#life = new SchedulerLife(core);
    const { stores, phase, notes } = core;
    this.#drains = new DrainControl({ ...core.options, stores, phase, notes, watch: this.#life.gate.drains });
    for (const instrument of core.options.instrumentations) instrument(this);
  }

  /** Unique to this scheduler in this process. */
  get identity(): string {
    return this.#core.options.identity;
  }

  /** The name that the schedulers of the application share. */
  get name(): string {
    return this.#core.options.name;
  }

  /** Whether it runs tasks, or only asks for them. */
  get role(): SchedulerRole {
    return this.#core.options.role;
  }

  /** The time zone of wall-clock times that say none. */
  get timezone(): string {
    return this.#core.options.timezone;
  }

  get state(): SchedulerState {
    return this.#life.state;
  }

  /**
   * Registers the function behind a handler name that tasks use.
   *
   * @param options What its arguments have to be, and what its errors lead to.
   * @throws DuplicateNameError When the name is taken. InvalidOptionError, UnknownOptionError
   */
  registerHandler(name: string, handler: Handler, options?: HandlerOptions): void {
    this.#core.handlers.register(name, handler, options);
  }

  /**
   * Sets which tasks the code declares; every start reconciles the stores with them.
   *
   * @throws SchedulerRunningError When it runs already. InvalidOptionError When two have one id, or have had one.
   */
  declareTasks(tasks: readonly DeclaredTask[]): void {
    if (this.state !== 'stopped') throw new SchedulerRunningError('declareTasks');
    checkDeclaredIds(tasks);
    this.#life.deploys.declared = [...tasks];
  }

  /**
   * Opens the stores, commits the tasks that were added before, reconciles the declared ones and starts the loops. Resolves
   * when this is done, and does not wait for runs. Does nothing while it runs.
   *
   * @throws StoreStartError, StoreInUseError, EncryptionDisabledError, DeclarationError (a declared task), DeployPendingError
   *   (`reconcile: 'verify'`); nothing is left open then.
   */
  start(): Promise<void> {
    return this.#life.start();
  }

  /**
   * Stops: claims nothing more, waits for runs until the timeout, then aborts and gives back the others, and closes what it
   * opened. Does nothing when stopped.
   *
   * @param timeoutMs Milliseconds; `shutdownTimeout` when left out.
   */
  shutdown(timeoutMs?: number): Promise<void> {
    return this.#life.shutdown(timeoutMs);
  }

  /** Claims nothing more in this process until {@link resume}; runs under way go on. @throws SchedulerNotRunningError */
  pause(): void {
    this.#core.phase.requireStarted('pause');
    this.#life.gate.setPaused(true);
  }

  /**
   * Claims again after {@link pause}; times that came due meanwhile are handled as missed ones.
   *
   * @throws SchedulerNotRunningError
   */
  resume(): void {
    this.#core.phase.requireStarted('resume');
    this.#life.gate.setPaused(false);
  }

  /**
   * Calls a function for events. Nothing waits for it, and an error that it throws or rejects with is logged. One that returns a
   * promise gets the next event when that has settled; 1,000 events wait for it at the most.
   *
   * @param names The events; all when left out.
   * @param filter Which of them: by task, handler, tag, store, status of the run.
   * @throws InvalidOptionError, UnknownOptionError
   */
  addListener<Name extends SchedulerEventName = SchedulerEventName>(
    listener: (event: HandlerEvent<Name, Handlers>) => unknown,
    names?: Name | readonly Name[],
    filter?: EventFilter<Name>,
  ): void {
    this.#core.events.add(listener as SchedulerListener<Name>, names, filter);
  }

  /** Removes the first registration of a listener. Returns whether there was one. */
  removeListener(listener: SchedulerListener<never>): boolean {
    return this.#core.events.remove(listener);
  }

  /**
   * Adds a store, and opens it if the scheduler runs.
   *
   * @throws DuplicateNameError, InvalidOptionError, StoreStartError, StoreInUseError, EncryptionDisabledError
   */
  addStore(alias: string, store: Store): Promise<void> {
    return this.#life.addStore(alias, store);
  }

  /** Removes a store and closes what it opened; its tasks stay in it. @throws UnknownNameError */
  removeStore(alias: string): Promise<void> {
    return this.#life.removeStore(alias);
  }

  /**
   * The store of an alias, as it was given: to ask for its `capabilities`, or for what its class has besides.
   *
   * @throws UnknownNameError
   */
  lookupStore(alias = 'default'): Store {
    return this.#core.stores.get(alias).store;
  }

  /** The executor of an alias, as it was given. @throws UnknownNameError */
  lookupExecutor(alias = 'default'): Executor {
    return this.#core.executors.get(alias);
  }

  /** Adds an executor, and starts it if the scheduler runs. @throws DuplicateNameError, InvalidOptionError */
  addExecutor(alias: string, executor: Executor): Promise<void> {
    return this.#life.addExecutor(alias, executor);
  }

  /** Removes an executor; tasks that name it wait until an executor with that alias is added. @throws UnknownNameError */
  removeExecutor(alias: string): Promise<void> {
    return this.#life.removeExecutor(alias);
  }

  /**
   * Compares what the code declares with what the stores hold: what a start with `reconcile: 'apply'` would do, task by task.
   * Changes nothing; for a `client` too. What it costs depends on what is declared, and not on the other tasks.
   *
   * @throws SchedulerNotRunningError, DeclarationError (a declared task)
   */
  planDeploy(): Promise<DeployPlan> {
    return this.#life.deploys.operations.plan();
  }

  /**
   * Does what a plan says, and nothing else, for a plan that was made here or in another process with the same code. What it has
   * done already, or somebody else has, is not done again, so it can be repeated after an interruption.
   *
   * @param plan What {@link planDeploy} resolved with, or the same from JSON.
   * @throws DeployConflictError (the stores or the code are not as they were), InvalidOptionError (no plan of this scheduler),
   *   UnknownOptionError, SchedulerNotRunningError, DeclarationError
   */
  applyDeploy(plan: DeployPlan, options?: ApplyDeployOptions): Promise<DeployResult> {
    return this.#life.deploys.operations.apply(plan, options);
  }

  /**
   * Asks a scheduler on any node to claim nothing more, so that it can be stopped later; its runs go on. It finds the request
   * by a wake-up, or within a minute. Its identity is in {@link getSchedulerInstanceInfos}.
   *
   * @param options With `wait: true` it resolves when that scheduler has no run under way, or has stopped.
   * @throws SchedulerNotRunningError, UnknownNameError (no live scheduler has that identity), UnknownOptionError,
   *   InvalidOptionError; with `wait` DrainTimeoutError, DrainWithdrawnError (it was taken back), DrainUnknownError (this
   *   scheduler was stopped meanwhile)
   */
  drainScheduler(identity: string, options?: DrainOptions): Promise<void> {
    return this.#drains.drain(identity, options);
  }

  /**
   * Ends a drain: the scheduler claims again.
   *
   * @param options Who asks, and why.
   * @throws SchedulerNotRunningError, UnknownNameError, UnknownOptionError, InvalidOptionError
   */
  undrainScheduler(identity: string, options?: ActorOptions): Promise<void> {
    return this.#drains.undrain(identity, options);
  }

  /** This scheduler, the health of its stores, and how many tasks they hold. */
  async getSchedulerInfo(): Promise<SchedulerInfo> {
    const { options, executors, handlers, stores, phase, inspection, events } = this.#core;
    const { startedAt } = phase;
    return {
      identity: options.identity,
      name: options.name,
      role: options.role,
      state: this.state,
      running: phase.isStarted,
      startedAt: startedAt === null ? null : new Date(startedAt),
      uptimeSeconds: startedAt === null ? null : Math.max(0, (options.clock.now() - startedAt) / 1_000),
      timezone: options.timezone,
      executors: executorsInUse(executors, stores),
      handlers: handlers.names(),
      stores: this.getStoreInfos(),
      abandoned: stores.all().flatMap(({ loop }) => loop?.execution.abandoned.list() ?? []),
      droppedEvents: events.dropped,
      tasks: await inspection.countByState(),
    };
  }

  /**
   * How this scheduler is: whether its stores answer, its loops go on, and what is due is started in time, each with what to do
   * about it. Takes two seconds at the most, and asks a store at most every five seconds, however often it is called.
   *
   * @throws UnknownOptionError, InvalidOptionError
   */
  health(options?: HealthOptions): Promise<SchedulerHealth> {
    const { stores, probes } = this.#core;
    const isDraining = this.#life.gate.drains.request !== null;
    return reportHealth({ state: this.state, isDraining, stores, probes }, options);
  }

  /** The stores of this scheduler and the health of their loops, as this process knows it: no store is asked. */
  getStoreInfos(): readonly StoreInfo[] {
    return this.#core.stores.all().map(toStoreInfo);
  }

  /** The schedulers that share the stores, live and dead, the one that has been there longest first. */
  getSchedulerInstanceInfos(): Promise<readonly SchedulerInstanceInfo[]> {
    const { stores, options } = this.#core;
    return findInstances(stores.all(), options.identity, options.heartbeatMs);
  }

  /**
   * The handlers that the live schedulers have which share the stores, by name: who has each, and what it takes, as JSON Schema. Empty
   * before the start.
   */
  getHandlers(): Promise<readonly HandlerInfo[]> {
    const { stores, options } = this.#core;
    return findHandlers(stores.all(), options.identity, options.heartbeatMs);
  }
}
