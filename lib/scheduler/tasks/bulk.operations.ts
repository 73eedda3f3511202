import { randomBytes } from 'node:crypto';
import { TasksPartlyChangedError } from '../../errors/adding.errors.js';
import { messageOf } from '../../errors/thrown.js';
import { InvalidOptionError } from '../../errors/input.errors.js';
import type { EventDispatcher } from '../../events/event.dispatcher.js';
import type { Apply } from '../../model/change.js';
import type { RunRequest } from '../../model/run.js';
import { isUnreadable } from '../../model/task.js';
import type { StoredTask } from '../../model/task.js';
import { deleteJournaled, transactJournaled } from '../../stores/journaled.js';
import type { Transacted } from '../../stores/store.interface.js';
import type { JournalNotes } from '../plan/journal.notes.js';
import { checkEnd, pauseTask, resumeTask } from '../plan/pause.plan.js';
import type { PauseRequest } from '../plan/pause.plan.js';
import { checkCall } from './call.options.js';
import { ACTOR_OPTIONS, requestOf } from './control.options.js';
import type { ActorOptions } from './control.options.js';
import type { LifePhase } from './life.phase.js';
import { PAUSE_MANY_OPTIONS, pauseRequestOf } from './pause.request.js';
import type { PauseManyOptions } from './pause.request.js';
import type { PendingTasks } from './pending.tasks.js';
import { askedRuns } from './run.requests.js';
import type { StoreHandle } from './store.handle.js';
import type { StoreRegistry } from './store.registry.js';
import type { TaskBuilder } from './task.builder.js';
import { filteredStores, FILTER_OPTIONS } from './task.filter.js';
import type { TaskFilter } from './task.filter.js';
import { taskPages } from './task.pages.js';

/**
 * What an operation on many tasks did.
 *
 * @publicApi
 */
export interface BulkResult {
  /** How many tasks were changed. */
  readonly changed: number;
  /** How many were so already. */
  readonly unchanged: number;
  /** How many cannot be: their trigger follows the scheduler, or their record cannot be read. */
  readonly refused: number;
}

/** How many tasks one step of the store is about. */
const PAGE = 100;

interface BulkServices {
  readonly stores: StoreRegistry;
  readonly builder: TaskBuilder;
  readonly events: EventDispatcher;
  readonly pending: PendingTasks;
  readonly notes: JournalNotes;
  readonly phase: LifePhase;
}

/** What became of one page. */
type PageChange = (handle: StoreHandle, tasks: readonly StoredTask[]) => Promise<BulkResult>;

/** Operations on all tasks that meet a filter: each is changed once, like by the operation on one. */
export class BulkOperations {
  constructor(private readonly services: BulkServices) {}

  async pause(filter: TaskFilter, options: PauseManyOptions = {}): Promise<BulkResult> {
    checkCall('pauseTasks', options, PAUSE_MANY_OPTIONS);
    const request = pauseRequestOf(options);
    const { until } = request;
    const pausing: Apply<PauseRequest> = (task, now) =>
      pauseTask(task, now, this.services.builder.triggerOf(task), request);
    const plan = this.services.notes.noted('task.paused', request, pausing);
    return this.#each('pauseTasks', filter, async (handle, tasks) => {
      // Else each of them would refuse it by itself.
      if (until !== undefined) checkEnd(until, handle.clock.now());
      const { done, refused } = await changeEach(handle, tasks, plan);
      const { actor, reason } = request;
      for (const { id } of done.committed) {
        this.services.events.emit('task.paused', { taskId: id, store: handle.alias, actor, reason });
      }
      if (until !== undefined) handle.wakeFor(...done.committed.flatMap(({ task }) => task ?? []));
      return resultOf(tasks, done, refused);
    });
  }

  async resume(filter: TaskFilter, options: ActorOptions = {}): Promise<BulkResult> {
    checkCall('resumeTasks', options, ACTOR_OPTIONS);
    const request = requestOf(options);
    const resuming: Apply<RunRequest> = (task, now) =>
      resumeTask(task, now, this.services.builder.triggerOf(task), request);
    const plan = this.services.notes.noted('task.resumed', request, resuming);
    return this.#each('resumeTasks', filter, async (handle, tasks) => {
      const { done, refused } = await changeEach(handle, tasks, plan);
      const store = handle.alias;
      for (const { id: taskId, task, value } of done.committed) {
        this.services.events.emit('task.resumed', { taskId, store, ...value });
        if (!task) this.services.events.emit('task.removed', { taskId, store, reason: 'finished' });
      }
      handle.wakeFor(...done.committed.flatMap(({ task }) => task ?? []));
      return resultOf(tasks, done, refused);
    });
  }

  /** Adds an extra run to each. */
  async run(filter: TaskFilter, options: ActorOptions = {}): Promise<BulkResult> {
    this.services.phase.requireStarted('runTasks');
    checkCall('runTasks', options, ACTOR_OPTIONS);
    const request = requestOf(options);
    const suffix = randomBytes(4).toString('hex');
    const plan = askedRuns(this.services.notes, [{ suffix, request }]);
    return this.#each('runTasks', filter, async (handle, tasks) => {
      const { done, refused } = await changeEach(handle, tasks, plan);
      handle.wakeFor(...done.committed.flatMap(({ task }) => task ?? []));
      return resultOf(tasks, done, refused);
    });
  }

  async delete(filter: TaskFilter, options: ActorOptions = {}): Promise<BulkResult> {
    checkCall('deleteTasks', options, ACTOR_OPTIONS);
    const request = requestOf(options);
    const { notes } = this.services;
    const deleting: Apply<null> = () => ({ task: null, value: null });
    const plan = notes.noted('task.deleted', request, deleting);
    return this.#each('deleteTasks', filter, async (handle, tasks) => {
      const { done } = await changeEach(handle, tasks, plan);
      const removed = done.committed.map(({ id }) => id);
      for (const task of tasks) {
        if (!isUnreadable(task)) continue;
        const journal = [notes.deleted(task.id, null, handle.clock.now(), request)];
        if (await deleteJournaled(handle.activeStore, task.id, { journal })) removed.push(task.id);
      }
      for (const taskId of removed) {
        this.services.pending.forget(handle, taskId);
        this.services.events.emit('task.removed', { taskId, store: handle.alias, reason: 'deleted' });
      }
      return { changed: removed.length, unchanged: 0, refused: done.failed.length };
    });
  }

  async #each(call: string, filter: TaskFilter, change: PageChange): Promise<BulkResult> {
    checkCall(call, filter, FILTER_OPTIONS);
    const { store: _store, ...given } = filter;
    if (call === 'deleteTasks' && Object.values(given).every((condition) => condition === undefined)) {
      throw new InvalidOptionError('filter', filter, 'at least one condition: removeAllTasks() removes all');
    }
    const total = { changed: 0, unchanged: 0, refused: 0 };
    try {
      for (const { handle, conditions } of filteredStores(this.services.stores, filter)) {
        for await (const tasks of taskPages(handle, conditions, PAGE)) {
          const { changed, unchanged, refused } = await change(handle, tasks);
          total.changed += changed;
          total.unchanged += unchanged;
          total.refused += refused;
        }
      }
    } catch (error) {
      if (total.changed === 0) throw error;
      throw new TasksPartlyChangedError(call, total.changed, error, messageOf(error));
    }
    return total;
  }
}

/** Changes the readable ones of a page in one step of the store; one that cannot be changed is left, and counted. */
async function changeEach<T>(
  handle: StoreHandle,
  tasks: readonly StoredTask[],
  plan: Apply<T>,
): Promise<{ readonly done: Transacted<T>; readonly refused: number }> {
  const ids = tasks.flatMap((task) => (isUnreadable(task) ? [] : [task.id]));
  const refused = new Set<string>();
  // May be asked again about a task, with another answer.
  const apply: Apply<T> = (task, now, decided) => {
    refused.delete(task.id);
    try {
      return plan(task, now, decided);
    } catch {
      refused.add(task.id);
      return null;
    }
  };
  const done = await transactJournaled(handle.activeStore, { ids }, apply);
  return { done, refused: refused.size + done.failed.length + (tasks.length - ids.length) };
}

function resultOf(
  tasks: readonly StoredTask[],
  { committed, missing }: Transacted<unknown>,
  refused: number,
): BulkResult {
  const changed = committed.length;
  return { changed, unchanged: tasks.length - changed - missing.length - refused, refused };
}
