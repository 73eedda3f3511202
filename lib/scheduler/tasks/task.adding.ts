import { messageOf } from '../../errors/thrown.js';
import { TaskListError, TasksPartlyAddedError } from '../../errors/adding.errors.js';
import { InvalidOptionError } from '../../errors/input.errors.js';
import { checkFlag, checkList } from '../../errors/option.checks.js';
import { promiseOf } from '../../errors/returned.js';
import { SchedulerNotRunningError } from '../../errors/scheduler.errors.js';
import { TaskConflictError } from '../../errors/task.errors.js';
import type { EventDispatcher } from '../../events/event.dispatcher.js';
import type { Attribution } from '../../model/attribution.js';
import type { JournalEntry } from '../../model/journal.js';
import type { TaskRecord } from '../../model/task.js';
import { addAllJournaled, addJournaled } from '../../stores/journaled.js';
import { batchesOf, newPart, requireTransactions, settling, unsettledOf } from './adding.parts.js';
import type { Added, Batch, Checked, Part } from './adding.parts.js';
import { ADD_TASKS_OPTIONS } from './adding.options.js';
import type { AddTasksOptions, AddTasksResult } from './adding.options.js';
import { resultOf, together } from './adding.results.js';
import { checkCall } from './call.options.js';
import { requestOf } from './control.options.js';
import type { CheckedIn, InputChecks } from './input.checks.js';
import type { LifePhase } from './life.phase.js';
import type { AtStart, PendingTasks } from './pending.tasks.js';
import { dedupeTask, firstOf } from '../plan/dedupe.plan.js';
import { isWorthNoting } from '../plan/journal.notes.js';
import type { JournalNotes } from '../plan/journal.notes.js';
import { upsertTask } from '../plan/upsert.plan.js';
import { readAsking } from './asked.task.js';
import type { AskedTask } from './asked.task.js';
import { settleTasks } from './settle.tasks.js';
import type { SettledTask, SettlePlan, Unsettled } from './settle.tasks.js';
import { replaceTasks } from './replace.tasks.js';
import type { StoreHandle } from './store.handle.js';
import type { StoreRegistry } from './store.registry.js';
import type { TaskBuilder } from './task.builder.js';
import { TaskSeries } from './task.series.js';
import { WorkPace } from './work.pace.js';

interface AddingServices {
  readonly stores: StoreRegistry;
  readonly builder: TaskBuilder;
  readonly pending: PendingTasks;
  readonly events: EventDispatcher;
  readonly phase: LifePhase;
  readonly inputs: InputChecks;
  readonly notes: JournalNotes;
}

/** The calls that ask for work. */
type Asking = 'addTask' | 'addTasks' | 'upsertTask';

/** Adds tasks, one or many. */
export class TaskAdding {
  constructor(private readonly services: AddingServices) {}

  async add(options: AskedTask): Promise<Added> {
    const handle = this.#storeOf(options, 'addTask');
    const transaction = options?.transaction;
    const request = requestOf(options ?? {});
    const series = new TaskSeries(handle.clock.now());
    const { task, onConflict, journal } = this.#check(options, handle, series, transaction, request);
    await this.#checkInput(task, options, 'addTask', { handle, transaction });
    const { activeStore, pending } = handle;
    if (onConflict !== null && onConflict !== 'replace') {
      const isNew = options.dedupe?.mode === undefined || options.dedupe.mode === 'skip';
      return this.#settle(handle, { task, plan: onConflict }, transaction, isNew, journal);
    }
    if (onConflict !== null && transaction !== undefined) {
      // An id that is taken would abort some transactions.
      await replaceTasks(handle, [task], transaction, this.services.notes, journal);
      this.#added(handle, [task], null, pending);
      return { handle, task };
    }
    try {
      await addJournaled(activeStore, task, { transaction, journal });
    } catch (error) {
      if (!(error instanceof TaskConflictError) || onConflict === null) throw error;
      await replaceTasks(handle, [task], transaction, this.services.notes, journal);
    }
    this.#added(handle, [task], onConflict && new Map([[task.id, onConflict]]), pending);
    return { handle, task };
  }

  /** Makes a task what it is given as: adds it, or changes what is there. */
  async upsert(options: AskedTask): Promise<Added> {
    if (typeof options !== 'object' || options === null) throw new InvalidOptionError('task', options, 'an object');
    const handle = this.#storeOf(options, 'upsertTask');
    const { transaction } = options;
    if (options.id === undefined) throw new InvalidOptionError('id', undefined, 'the id of the task');
    for (const name of ['dedupe', 'replaceExisting'] as const) {
      if (options[name] !== undefined) throw new InvalidOptionError(name, options[name], 'left out of upsertTask');
    }
    const series = new TaskSeries(handle.clock.now());
    const { builder } = this.services;
    const { spec } = readAsking(options, series.now);
    const task = builder.build(spec, series);
    await this.#checkInput(task, options, 'upsertTask', { handle, transaction });
    if (transaction !== undefined) requireTransactions(handle);
    const { notes } = this.services;
    const request = requestOf(options);
    const plan = settling(notes, request, (old, now, fresh) =>
      upsertTask(old, now, fresh, {
        isSameTrigger: builder.isSameTrigger(old, spec.trigger, fresh.definition.trigger),
        hasOwnTime: spec.nextRunTime !== undefined,
      }),
    );
    return this.#settle(handle, { task, plan }, transaction, false, notes.added(task, request));
  }

  async #settle(
    handle: StoreHandle,
    one: Unsettled,
    transaction: unknown,
    isNew: boolean,
    journal: readonly JournalEntry[],
  ): Promise<Added> {
    const { pending } = handle;
    const settled = await settleTasks(handle, [one], transaction, isNew, journal);
    this.#settled(handle, settled, new Map([[one.task.id, one.plan]]), pending);
    return { handle, task: settled.get(one.task.id)!.task };
  }

  async addMany(list: readonly AskedTask[], options: AddTasksOptions = {}): Promise<AddTasksResult> {
    checkCall('addTasks', options, ADD_TASKS_OPTIONS);
    const { transaction } = options;
    const pace = new WorkPace();
    const parts = await this.#checkAll(list, transaction, pace, requestOf(options));
    const results: (AddTasksResult | null)[] = [];
    let last = Promise.resolve();
    try {
      for (const batch of batchesOf(parts, pace, transaction)) {
        const at = results.push(null) - 1;
        const earlier = last;
        const result = pace.measured(batch.tasks.length, () => this.#addBatch(batch));
        last = result.then((done) => void (results[at] = done));
        last.catch(() => {});
        await pace.rest();
        // A store writes one batch while the next one is encoded; one connection does one thing at a time.
        await (transaction === undefined ? earlier : last);
      }
      await last;
    } catch (error) {
      await last.catch(() => {});
      const { added, replaced, existing } = together(results);
      if (transaction !== undefined || results.every((result) => result === null)) throw error;
      throw new TasksPartlyAddedError(added, replaced, existing, list.length, error, messageOf(error));
    }
    return together(results);
  }

  /** All are checked before the first is written. @throws TaskListError */
  async #checkAll(
    list: readonly AskedTask[],
    transaction: unknown,
    pace: WorkPace,
    request: Attribution,
  ): Promise<readonly Part[]> {
    const parts = new Map<StoreHandle, Part>();
    // A copy: whoever has their turn in between may change the list.
    const specs = [...checkList('tasks', list, 'tasks')];
    for (let index = 0; index < specs.length; index += 1) {
      const options = specs[index]!;
      try {
        const handle = this.#storeOf(options, 'addTasks');
        let part = parts.get(handle);
        if (!part) parts.set(handle, (part = newPart(handle)));
        const task = this.#checkInto(part, options, transaction, request);
        const checked = this.#checkInput(task, options, 'addTasks', { handle, transaction });
        if (checked) await checked;
      } catch (error) {
        throw new TaskListError(index, specs.length, error, messageOf(error));
      }
      if (pace.step()) await pace.rest();
    }
    return [...parts.values()];
  }

  #checkInto(part: Part, options: AskedTask, transaction: unknown, request: Attribution): TaskRecord {
    const { handle, series, tasks, ids, onConflict, journal } = part;
    for (const name of ['transaction', 'actor', 'reason'] as const) {
      if (options?.[name] === undefined) continue;
      throw new InvalidOptionError(name, 'given', `that of addTasks(tasks, { ${name} }), for all of them`);
    }
    const checked = this.#check(options, handle, series, transaction, request);
    const { task } = checked;
    if (options.id !== undefined || options.dedupe !== undefined) {
      if (ids.has(task.id)) throw new InvalidOptionError('id', task.id, 'an id that only one of the tasks has');
      ids.add(task.id);
    }
    tasks.push(task);
    for (const entry of checked.journal) journal.set(task.id, entry);
    if (checked.onConflict !== null) onConflict.set(task.id, checked.onConflict);
    return task;
  }

  /** Has the schema of the handler look at the arguments; undefined where nothing has to be awaited. */
  #checkInput({ definition }: TaskRecord, options: AskedTask, operation: Asking, place: CheckedIn) {
    // The scheduler may be stopped meanwhile.
    return promiseOf(this.services.inputs.check(definition, place))?.then(() => this.#storeOf(options, operation));
  }

  #storeOf(options: AskedTask, operation: Asking): StoreHandle {
    const { stores, phase } = this.services;
    const handle = stores.get(options?.store ?? 'default');
    // The store is closed, and what waited in memory now might wait for a start that never comes.
    if (handle.pending && phase.name === 'stopping') throw new SchedulerNotRunningError(operation);
    return handle;
  }

  #check(
    options: AskedTask,
    handle: StoreHandle,
    series: TaskSeries,
    transaction: unknown,
    request: Attribution,
  ): Checked {
    const { spec, dedupe } = readAsking(options, series.now);
    const { builder, notes } = this.services;
    const task = builder.build(spec, series);
    const journal = notes.added(task, request);
    const replaces = checkFlag('replaceExisting', spec.replaceExisting ?? false);
    if (transaction !== undefined) {
      handle.requireTransactions('transactionalAdds');
      if (replaces || dedupe) handle.requireTransactions('transactionalChanges');
    }
    if (dedupe === null) return { task, onConflict: replaces ? 'replace' : null, journal };
    const dedupes: SettlePlan = (old, now, fresh) => dedupeTask(old, now, fresh, dedupe);
    return {
      task: firstOf(task, dedupe, series.now),
      onConflict: isWorthNoting(task, request) ? settling(notes, request, dedupes) : dedupes,
      journal,
    };
  }

  async #addBatch({ handle, tasks, onConflict, journal, transaction }: Batch): Promise<AddTasksResult> {
    const { activeStore, pending } = handle;
    // An id that is taken would abort some transactions: who may change what is there looks first.
    const looks = transaction === undefined ? [] : tasks.filter(({ id }) => onConflict.has(id));
    const fresh = looks.length === 0 ? tasks : tasks.filter(({ id }) => !onConflict.has(id));
    const taken = new Set(
      fresh.length === 0 ? [] : await addAllJournaled(activeStore, fresh, { transaction, journal }),
    );
    const rest =
      taken.size === 0 ? looks : [...looks, ...tasks.filter(({ id }) => taken.has(id) && onConflict.has(id))];
    const replacing = rest.filter(({ id }) => onConflict.get(id) === 'replace');
    const replaced = await replaceTasks(handle, replacing, transaction, this.services.notes, journal);
    const unsettled = rest.flatMap((task) => unsettledOf(task, onConflict));
    const settled = await settleTasks(handle, unsettled, transaction, false, journal);
    const added = taken.size === 0 ? fresh : fresh.filter(({ id }) => !taken.has(id));
    const put = new Set(replacing.length === 0 ? [] : [...added, ...replacing]);
    this.#added(handle, replacing.length === 0 ? added : tasks.filter((task) => put.has(task)), onConflict, pending);
    this.#settled(handle, settled, onConflict, pending);
    return resultOf(tasks, [...added, ...replacing.filter(({ id }) => !replaced.has(id))], replaced, settled);
  }

  /** What follows when tasks are in the store, or wait for the start. */
  #added(
    handle: StoreHandle,
    tasks: readonly TaskRecord[],
    onConflict: ReadonlyMap<string, AtStart> | null,
    pending: boolean,
  ): void {
    const store = handle.alias;
    if (!pending) for (const { id } of tasks) this.services.events.emit('task.added', { taskId: id, store });
    else if (onConflict) for (const { id } of tasks) this.#atStart(handle, id, onConflict);
    handle.wakeSelf();
  }

  /** The same for what was added, or has changed what is there. */
  #settled(
    handle: StoreHandle,
    settled: ReadonlyMap<string, SettledTask>,
    onConflict: ReadonlyMap<string, AtStart>,
    pending: boolean,
  ): void {
    const store = handle.alias;
    for (const [taskId, { outcome }] of settled) {
      if (outcome === 'existing') continue;
      if (pending) this.#atStart(handle, taskId, onConflict);
      else this.services.events.emit(outcome === 'added' ? 'task.added' : 'task.modified', { taskId, store });
    }
    if (settled.size > 0) handle.wakeSelf();
  }

  #atStart({ alias }: StoreHandle, id: string, onConflict: ReadonlyMap<string, AtStart>): void {
    const then = onConflict.get(id);
    if (then !== undefined) this.services.pending.onConflict(alias, id, then);
  }
}
