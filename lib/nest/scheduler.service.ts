import type { Type } from '@nestjs/common';
import { Observable } from 'rxjs';
import { SchedulerNotRunningError } from '../errors/scheduler.errors.js';
import type { SchedulerEventName } from '../events/event.map.js';
import type { Executor } from '../executors/executor.interface.js';
import { Scheduler } from '../scheduler/scheduler.js';
import type { SchedulerOptions } from '../scheduler/scheduler.options.js';
import type { AddTasksOptions, AddTasksResult, ListedTask } from '../scheduler/tasks/adding.options.js';
import type { HandlerEvent } from '../scheduler/tasks/handler.types.js';
import type { HandlerName, TaskHandlers, TaskOptions, UpsertOptions } from '../scheduler/tasks/task.options.js';
import type { Task } from '../scheduler/tasks/task.js';
import type { Store } from '../stores/store.interface.js';
import type { ExecutorConfig, StoreConfig } from './module.options.js';
import type { PartFactory } from './store.factory.js';
import type { WorkerSettings } from './worker.handlers.js';

/**
 * The injectable scheduler of a Nest application: adds, changes, lists and controls tasks. The module starts it when the
 * application has bootstrapped, and stops it before the application closes.
 *
 * @publicApi
 */
export class SchedulerService<Handlers = TaskHandlers> extends Scheduler<Handlers> {
  /** Every event, as an Observable. Each subscription listens for itself; it never completes. */
  readonly events$ = new Observable<HandlerEvent<SchedulerEventName, Handlers>>((subscriber) => {
    const listener = (event: HandlerEvent<SchedulerEventName, Handlers>) => subscriber.next(event);
    this.addListener(listener);
    return () => void this.removeListener(listener);
  });
  readonly #parts: PartFactory;
  #isOver = false;

  /** @internal */
  constructor(
    options: SchedulerOptions,
    parts: PartFactory,
    /** @internal */
    readonly autoStart = true,
  ) {
    super(options);
    this.#parts = parts;
  }

  /**
   * What the workers of its executors are told.
   *
   * @internal
   */
  get workers(): WorkerSettings {
    return this.#parts.workers;
  }

  /**
   * The application closes, and the scheduler with it: what would wait for another start is refused, for there is none.
   *
   * @internal
   */
  end(): void {
    this.#isOver = true;
  }

  /**
   * Opens the stores and starts the loops, as the module does when the application has bootstrapped; for `autoStart: false`, and
   * after a {@link shutdown} by hand. Does nothing while it runs.
   *
   * @throws As `Scheduler.start`; SchedulerNotRunningError once the application closes, since nothing would stop it.
   */
  override async start(): Promise<void> {
    if (this.#isOver) throw new SchedulerNotRunningError('start');
    await super.start();
  }

  override async addTask<Name extends HandlerName<Handlers>>(
    options: TaskOptions<Handlers, Name>,
  ): Promise<Task<Handlers, Name>> {
    if (this.#isOver) throw new SchedulerNotRunningError('addTask');
    return super.addTask(options);
  }

  override async upsertTask<Name extends HandlerName<Handlers>>(
    options: UpsertOptions<Handlers, Name>,
  ): Promise<Task<Handlers, Name>> {
    if (this.#isOver) throw new SchedulerNotRunningError('upsertTask');
    return super.upsertTask(options);
  }

  override async addTasks(tasks: readonly ListedTask<Handlers>[], options?: AddTasksOptions): Promise<AddTasksResult> {
    if (this.#isOver) throw new SchedulerNotRunningError('addTasks');
    return super.addTasks(tasks, options);
  }

  /**
   * Adds a store, and opens it if the scheduler runs.
   *
   * @param store Whatever `stores` of `AsynczModule.forRoot` takes, or a class, which gets what it injects.
   * @throws DuplicateNameError, InvalidOptionError, UnknownNameError (store type), MissingDependencyError, StoreStartError,
   *   StoreInUseError, EncryptionDisabledError
   */
  override async addStore(alias: string, store: StoreConfig | Type<Store>): Promise<void> {
    await super.addStore(alias, await this.#parts.createStore(alias, store));
  }

  /**
   * Adds an executor, and starts it if the scheduler runs.
   *
   * @param executor Whatever `executors` of `AsynczModule.forRoot` takes, or a class, which gets what it injects.
   * @throws DuplicateNameError, InvalidOptionError
   */
  override async addExecutor(alias: string, executor: ExecutorConfig | Type<Executor>): Promise<void> {
    await super.addExecutor(alias, await this.#parts.createExecutor(alias, executor));
  }
}
