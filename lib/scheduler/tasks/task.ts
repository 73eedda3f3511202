import type { ChangeOptions, DeleteOptions, TaskRef } from './control.options.js';
import type { AnyTaskInfo, TaskInfo } from './task.info.js';
import type { PauseOptions } from './pause.request.js';
import type { HandlerName, TaskChanges, TaskHandlers, TriggerInput, UpdateOptions } from './task.options.js';

/** What a task asks of its scheduler. */
export interface TaskActions {
  update(task: TaskRef, changes: TaskChanges, options: UpdateOptions): Promise<Task>;
  reschedule(task: TaskRef, trigger: TriggerInput, options: UpdateOptions): Promise<Task>;
  pause(task: TaskRef, options: PauseOptions): Promise<Task>;
  resume(task: TaskRef, options: ChangeOptions): Promise<Task | null>;
  run(task: TaskRef, options: ChangeOptions): Promise<string>;
  delete(task: TaskRef, options: DeleteOptions): Promise<AnyTaskInfo>;
}

/** `pause` is what a task does. Who paused it is in `info`. */
type TaskFields = Omit<TaskInfo, 'pause'>;

/** Gives `Task` a field for each one of its picture, without naming all of them again. */
const TaskPicture = function (this: object, fields: TaskFields): void {
  Object.assign(this, fields);
} as unknown as new (fields: TaskFields) => TaskFields;

/**
 * A snapshot of a task, with methods that change the task in the store and update the snapshot.
 *
 * With a map of handlers the compiler knows what its handler takes and returns.
 *
 * @publicApi
 */
export class Task<
  Handlers = TaskHandlers,
  Name extends HandlerName<Handlers> = HandlerName<Handlers>,
> extends TaskPicture {
  declare readonly handler: Name;
  readonly #actions: TaskActions;
  #info: TaskInfo;

  /** @internal */
  constructor(actions: TaskActions, info: TaskInfo) {
    super(fieldsOf(info));
    this.#actions = actions;
    this.#info = info;
  }

  /** The task as plain data, as it was last read or changed through this object. */
  get info(): TaskInfo {
    return this.#info;
  }

  /** See `Scheduler.updateTask`. */
  async update(changes: TaskChanges<Handlers, Name>, options: Omit<UpdateOptions, 'store'> = {}): Promise<this> {
    return this.#become(await this.#actions.update(this, changes as TaskChanges, { ...options, store: this.store }));
  }

  /** See `Scheduler.rescheduleTask`. */
  async reschedule(trigger: TriggerInput, options: Omit<UpdateOptions, 'store'> = {}): Promise<this> {
    return this.#become(await this.#actions.reschedule(this, trigger, { ...options, store: this.store }));
  }

  /** See `Scheduler.pauseTask`. */
  async pause(options: Omit<PauseOptions, 'store'> = {}): Promise<this> {
    return this.#become(await this.#actions.pause(this, { ...options, store: this.store }));
  }

  /** See `Scheduler.resumeTask`. Returns null when nothing was left to run and the task is gone. */
  async resume(options: Omit<ChangeOptions, 'store'> = {}): Promise<this | null> {
    const task = await this.#actions.resume(this, { ...options, store: this.store });
    return task && this.#become(task);
  }

  /** See `Scheduler.runTask`. */
  run(options: Omit<ChangeOptions, 'store'> = {}): Promise<string> {
    return this.#actions.run(this, { ...options, store: this.store });
  }

  /** See `Scheduler.deleteTask`. */
  delete(options: Omit<DeleteOptions, 'store'> = {}): Promise<AnyTaskInfo> {
    return this.#actions.delete(this, { ...options, store: this.store });
  }

  /** The task in one line, for logs. */
  override toString(): string {
    const { id, triggerDescription, state, nextRunTime } = this;
    return `${id} (${triggerDescription}; ${state}${nextRunTime ? `, next run ${nextRunTime.toISOString()}` : ''})`;
  }

  /** What `JSON.stringify` takes: {@link info}. */
  toJSON(): TaskInfo {
    return this.#info;
  }

  #become({ info }: Task): this {
    this.#info = info;
    return Object.assign(this, fieldsOf(info));
  }
}

function fieldsOf({ pause: _pause, ...fields }: TaskInfo): TaskFields {
  return fields;
}
