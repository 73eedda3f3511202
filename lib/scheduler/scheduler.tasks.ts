import type { Observation } from '../observe/meter/observation.js';
import { SchedulerRuns } from './scheduler.runs.js';
import type { SchedulerCore } from './scheduler.core.js';
import type { AddTasksOptions, AddTasksResult, ListedTask } from './tasks/adding.options.js';
import type { AskedTask } from './tasks/asked.task.js';
import type { BulkOperations, BulkResult } from './tasks/bulk.operations.js';
import type { ActorOptions, ChangeOptions, DeleteOptions, TaskRef, TaskTarget } from './tasks/control.options.js';
import type { TaskFilter } from './tasks/task.filter.js';
import type { AnyTaskInfo } from './tasks/task.info.js';
import type { PreviewOptions, TaskPreview, TriggerPreview, TriggerPreviewOptions } from './tasks/preview.info.js';
import type { TaskInfoPage, TaskInspection, TaskQuery } from './tasks/task.inspection.js';
import type { TaskTimeline } from './tasks/task.timeline.js';
import type { TaskTransfer } from './tasks/task.transfer.js';
import type { TimelinePage, TimelineQuery } from './tasks/timeline.info.js';
import type { ExportOptions, ImportOptions, ImportResult } from './tasks/transfer.info.js';
import type { TaskAdding } from './tasks/task.adding.js';
import type { PauseManyOptions, PauseOptions } from './tasks/pause.request.js';
import type { TaskOperations } from './tasks/task.operations.js';
import type {
  HandlerName,
  TaskChanges,
  TaskHandlers,
  TaskOptions,
  TriggerInput,
  UpdateOptions,
  UpsertOptions,
} from './tasks/task.options.js';
import type { Task } from './tasks/task.js';
import { tracedAdd } from './tasks/traced.add.js';

/** The methods of `Scheduler` about tasks. */
export abstract class SchedulerTasks<Handlers = TaskHandlers> extends SchedulerRuns<Handlers> {
  readonly #adding: TaskAdding;
  readonly #operations: TaskOperations;
  readonly #inspection: TaskInspection;
  readonly #bulk: BulkOperations;
  readonly #observation: Observation;
  readonly #timeline: TaskTimeline;
  readonly #transfer: TaskTransfer;

  /** @internal */
  constructor(core: SchedulerCore) {
    super(core);
    const { adding, operations, inspection, bulk, observation, timeline } = core;
    this.#adding = adding;
    this.#operations = operations;
    this.#inspection = inspection;
    this.#bulk = bulk;
    this.#observation = observation;
    this.#timeline = timeline;
    this.#transfer = core.transfer;
  }

  /**
   * Adds a task. Before the scheduler has started it waits in memory and is committed at the start.
   *
   * @throws UnknownOptionError, InvalidOptionError, UnknownNameError (handler, executor, store, trigger type),
   *   TaskConflictError (the id is taken), TriggerExhaustedError (it would never run), UnserializableError (arguments),
   *   SchedulerNotRunningError (its store was closed by a stop); with `dedupe` also TaskUnreadableError; nothing is added then.
   * @returns The task as it is in the store now: with `dedupe`, maybe that of an earlier call.
   */
  addTask<Name extends HandlerName<Handlers>>(options: TaskOptions<Handlers, Name>): Promise<Task<Handlers, Name>> {
    return this.#operations.add(options as AskedTask) as Promise<Task<Handlers, Name>>;
  }

  /**
   * Makes a task what it is given as, as a whole: adds it, or changes what is there under its id. What is so already is not
   * changed; if the trigger is the same, the schedule goes on; pause, runs and counters stay. An option that is left out has its
   * default, and `paused` is for a task that is added.
   *
   * @throws As {@link addTask}, and TaskUnreadableError; nothing is changed then.
   */
  upsertTask<Name extends HandlerName<Handlers>>(
    options: UpsertOptions<Handlers, Name>,
  ): Promise<Task<Handlers, Name>> {
    return this.#operations.upsert(options as AskedTask) as Promise<Task<Handlers, Name>>;
  }

  /**
   * Adds many tasks, in a few round trips. All of them are checked before the first is added. One whose id is taken is left out,
   * and named in the result, or replaces what is there if it has `replaceExisting`. The process is not blocked meanwhile, so
   * leave the list and the arguments in it alone until this resolves. Before the scheduler has started the tasks wait in memory,
   * as with {@link addTask}.
   *
   * If the store fails in the middle, some of the tasks are added. Give them ids of your own: then the call can be repeated, and
   * none is added twice.
   *
   * @param tasks In any number, for any of the stores, each id once.
   * @throws TaskListError (what {@link addTask} throws for one of them; nothing is added then), UnknownOptionError,
   *   InvalidOptionError, TasksPartlyAddedError (the store failed; it names those that were added), or what the store threw if
   *   none was added: UnserializableError and PayloadTooLargeError too.
   */
  addTasks(tasks: readonly ListedTask<Handlers>[], options?: AddTasksOptions): Promise<AddTasksResult> {
    const add = () => this.#adding.addMany(tasks as readonly AskedTask[], options);
    const { tracing } = this.#observation;
    // What is no list is refused without a span.
    if (tracing === null || !Array.isArray(tasks)) return add();
    return tracing.add(tracedAdd('addTasks', tasks as readonly AskedTask[]), add);
  }

  /**
   * Changes the given options and leaves the others. A new trigger sets the next run time; a paused task stays paused.
   *
   * @throws As {@link addTask}, and TaskNotFoundError, TaskUnreadableError, VersionConflictError; nothing is changed then.
   */
  updateTask<Name extends HandlerName<Handlers> = HandlerName<Handlers>>(
    task: Task<Handlers, Name> | TaskRef,
    changes: TaskChanges<Handlers, NoInfer<Name>>,
    options?: UpdateOptions,
  ): Promise<Task<Handlers, Name>> {
    return this.#operations.update(task, changes as TaskChanges, options) as Promise<Task<Handlers, Name>>;
  }

  /** Gives a task another trigger. @throws As {@link updateTask}. */
  rescheduleTask(task: TaskRef, trigger: TriggerInput, options?: UpdateOptions): Promise<Task> {
    return this.#operations.reschedule(task, trigger, options);
  }

  /**
   * Pauses a task on all nodes: its schedule starts no run; a run under way goes on. `actor` and `reason` are kept. A task
   * that is paused already is not changed: it keeps the actor and the reason of the first pause, unless the new one ends
   * later. A pause with `until` ends by itself, as {@link resumeTask} ends one, when a scheduler has the handler and room for a run.
   *
   * @throws TaskNotFoundError, TaskUnreadableError, VersionConflictError, InvalidTaskStateError (its trigger follows the
   *   scheduler), InvalidOptionError (`until` has passed).
   */
  pauseTask(task: TaskRef, options?: PauseOptions): Promise<Task> {
    return this.#operations.pause(task, options);
  }

  /**
   * Ends the pause of a task. Times that were due during the pause are dropped. A one-shot whose date has passed runs now,
   * unless it is later than its grace time allows. A task that is not paused is not changed.
   *
   * @returns null when nothing was left to run and the task is gone.
   * @throws TaskNotFoundError, TaskUnreadableError, InvalidTaskStateError.
   */
  resumeTask(task: TaskRef, options?: ChangeOptions): Promise<Task | null> {
    return this.#operations.resume(task, options);
  }

  /**
   * Removes a task, readable or not. A run of it under way is aborted with the next renewal of its lease.
   *
   * @returns What was removed.
   * @throws TaskNotFoundError; in a transaction also TaskUnreadableError: there, only what can be read is removed
   */
  deleteTask(task: TaskRef, options?: DeleteOptions): Promise<AnyTaskInfo> {
    return this.#operations.delete(task, options);
  }

  /**
   * Pauses all tasks that meet a filter, a hundred at a time, each as {@link pauseTask} does. The operation can be repeated.
   *
   * @throws UnknownOptionError, InvalidOptionError, UnknownNameError (store), TasksPartlyChangedError (the store failed in the middle)
   */
  pauseTasks(filter: TaskFilter, options?: PauseManyOptions): Promise<BulkResult> {
    return this.#bulk.pause(filter, options);
  }

  /** Ends the pause of all tasks that meet a filter, each as {@link resumeTask} does. @throws As {@link pauseTasks}. */
  resumeTasks(filter: TaskFilter, options?: ActorOptions): Promise<BulkResult> {
    return this.#bulk.resume(filter, options);
  }

  /**
   * Adds an extra run to all tasks that meet a filter, each as {@link runTask} does. Repeated, it adds another one.
   *
   * @throws As {@link pauseTasks}, and SchedulerNotRunningError.
   */
  runTasks(filter: TaskFilter, options?: ActorOptions): Promise<BulkResult> {
    return this.#bulk.run(filter, options);
  }

  /**
   * Removes all tasks that meet a filter, readable or not, each as {@link deleteTask} does. A filter without a condition is refused.
   *
   * @throws As {@link pauseTasks}.
   */
  deleteTasks(filter: TaskFilter, options?: ActorOptions): Promise<BulkResult> {
    return this.#bulk.delete(filter, options);
  }

  /**
   * Removes every task of one store, or of all.
   *
   * @param store The alias of the store; all when left out.
   * @param options Who asks, and why.
   * @returns How many there were.
   * @throws UnknownNameError, UnknownOptionError, InvalidOptionError
   */
  removeAllTasks(store?: string, options?: ActorOptions): Promise<number> {
    return this.#operations.removeAll(store, options);
  }

  /** A task, or null. @throws TaskUnreadableError, UnknownNameError (store) */
  getTask<Name extends HandlerName<Handlers> = HandlerName<Handlers>>(
    id: string,
    target?: TaskTarget,
  ): Promise<Task<Handlers, Name> | null> {
    return this.#inspection.getTask(id, target) as Promise<Task<Handlers, Name> | null>;
  }

  /**
   * The readable tasks that match, by next run time by default; {@link getTaskInfos} lists the unreadable ones
   * too. @throws As {@link getTaskInfos}.
   */
  getTasks(query?: TaskQuery): Promise<readonly Task[]> {
    return this.#inspection.getTasks(query);
  }

  /** A task as plain data, or null; an unreadable one says why. @throws UnknownNameError (store) */
  getTaskInfo(id: string, target?: TaskTarget): Promise<AnyTaskInfo | null> {
    return this.#inspection.getTaskInfo(id, target);
  }

  /**
   * A page of tasks as plain data, filtered and sorted in the store.
   *
   * @throws UnknownOptionError, InvalidOptionError, UnknownNameError (store)
   */
  getTaskInfos(query?: TaskQuery): Promise<TaskInfoPage> {
    return this.#inspection.getTaskInfos(query);
  }

  /**
   * When a task will run, and which of these times a change of clocks or a calendar touches. Changes nothing.
   *
   * @returns null when there is no such task.
   * @throws UnknownOptionError, InvalidOptionError, TaskUnreadableError
   */
  previewTaskRuns(id: string, options?: PreviewOptions): Promise<TaskPreview | null> {
    return this.#inspection.preview(id, options);
  }

  /**
   * When a trigger would fire, before there is a task with it, and which of these times a change of clocks or a calendar touches.
   *
   * @throws UnknownOptionError, InvalidOptionError, UnknownNameError (trigger type, calendar), ImpossibleTriggerError
   */
  previewTrigger(trigger: TriggerInput, options?: TriggerPreviewOptions): Promise<TriggerPreview> {
    return this.#inspection.previewTrigger(trigger, options);
  }

  /**
   * What has run, what runs, and what is to run, of all tasks on one axis of time: a page around a moment, from which cursors lead
   * in both directions. Paused and disabled tasks have no times to come; ended runs are filtered by store and handler only, and left out
   * with other filters. Changes nothing.
   *
   * @throws UnknownOptionError, InvalidOptionError, UnknownNameError (store)
   */
  getTimeline(query?: TimelineQuery): Promise<TimelinePage> {
    return this.#timeline.page(query);
  }

  /**
   * The tasks of a store as lines of JSON: a header, a line for each task with its definition and its state, and an end. Encrypted where the
   * scheduler has keys, unless `decrypt` says otherwise. A record that cannot be read has a line that says so. History is left out.
   *
   * @throws UnknownOptionError, InvalidOptionError, UnknownNameError (store), SchedulerNotRunningError
   */
  exportTasks(options?: ExportOptions): AsyncGenerator<string, void, undefined> {
    return this.#transfer.export(options);
  }

  /**
   * Adds the tasks of an export to a store, 200 at a time, whatever kinds the two stores are of. Lines that cannot be read are counted and
   * named, and the others imported. It can be repeated after an interruption, with `onConflict: 'skip'`.
   *
   * @throws TaskConflictError (`onConflict: 'fail'`; what came in earlier batches is imported), InvalidOptionError (no export of this
   *   format), UnknownOptionError, UnknownNameError (store), SchedulerNotRunningError
   */
  importTasks(lines: AsyncIterable<string> | Iterable<string>, options?: ImportOptions): Promise<ImportResult> {
    return this.#transfer.import(lines, options);
  }
}
