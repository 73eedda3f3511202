import type { AnyTaskInfo, TaskInfo } from './task.info.js';
import type { TaskChanges, TriggerInput } from './task.options.js';
import type { ControlOptions } from './control.options.js';
import type { TaskOperations } from './task.operations.js';

/**
 * A task in a program's hand: what it was when it was read, and what can be done to it. What is done goes to the store;
 * `info` is brought up to date with it.
 *
 * @publicApi
 */
export class Task {
  #info: TaskInfo;

  /** @internal */
  constructor(
    private readonly operations: Pick<TaskOperations, 'update' | 'reschedule' | 'pause' | 'resume' | 'delete' | 'run'>,
    info: TaskInfo,
  ) {
    this.#info = info;
  }

  get id(): string {
    return this.#info.id;
  }

  /** The alias of the store that keeps it. */
  get store(): string {
    return this.#info.store;
  }

  get nextRunTime(): Date | null {
    return this.#info.nextRunTime;
  }

  /** The task as it was last read or changed through this object. */
  get info(): TaskInfo {
    return this.#info;
  }

  /** See `SchedulerService.updateTask`. */
  async update(changes: TaskChanges): Promise<this> {
    this.#info = (await this.operations.update(this, changes)).info;
    return this;
  }

  /** See `SchedulerService.rescheduleTask`. */
  async reschedule(trigger: TriggerInput): Promise<this> {
    this.#info = (await this.operations.reschedule(this, trigger)).info;
    return this;
  }

  /** See `SchedulerService.pauseTask`. */
  async pause(options: Omit<ControlOptions, 'store'> = {}): Promise<this> {
    this.#info = (await this.operations.pause(this, { ...options, store: this.store })).info;
    return this;
  }

  /** See `SchedulerService.resumeTask`. Returns null when nothing was left to run and the task is gone. */
  async resume(options: Omit<ControlOptions, 'store'> = {}): Promise<this | null> {
    const task = await this.operations.resume(this, { ...options, store: this.store });
    if (!task) return null;
    this.#info = task.info;
    return this;
  }

  /** See `SchedulerService.runTask`. */
  run(options: Omit<ControlOptions, 'store'> = {}): Promise<string> {
    return this.operations.run(this, { ...options, store: this.store });
  }

  /** See `SchedulerService.deleteTask`. */
  delete(): Promise<AnyTaskInfo> {
    return this.operations.delete(this);
  }

  /** The task in one line, for logs. */
  toString(): string {
    const { id, triggerDescription, state, nextRunTime } = this.#info;
    return `${id} (${triggerDescription}; ${state}${nextRunTime ? `, next run ${nextRunTime.toISOString()}` : ''})`;
  }
}
