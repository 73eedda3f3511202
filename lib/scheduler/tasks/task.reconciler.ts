import { AsynczError } from '../../errors/asyncz.error.js';
import { InvalidOptionError } from '../../errors/input.errors.js';
import { promiseOf } from '../../errors/returned.js';
import { StartTimeoutError } from '../../errors/store.errors.js';
import { DeclarationError } from '../../errors/declaration.error.js';
import type { EventDispatcher } from '../../events/event.dispatcher.js';
import type { Logger } from '../../model/logger.js';
import type { Apply } from '../../model/change.js';
import { isIdle } from '../../model/task.js';
import type { TaskRecord } from '../../model/task.js';
import { startTaskPages } from '../../stores/start-task.pages.js';
import { disableTask, disposeOrphan, reconcileTask } from '../plan/reconcile.plan.js';
import type { Reconciled } from '../plan/reconcile.plan.js';
import type { Deadline } from '../../time/deadline.js';
import type { InputChecks } from './input.checks.js';
import type { StoreHandle } from './store.handle.js';
import type { TaskBuilder } from './task.builder.js';
import type { TaskSpec } from './task.options.js';
import { TaskSeries } from './task.series.js';
import { WorkPace } from './work.pace.js';

/**
 * What happens to tasks in the store that the code no longer declares: they are reported, paused, or removed.
 *
 * @publicApi
 */
export type OrphanPolicy = 'report' | 'pause' | 'remove';

/**
 * A task that the code declares, with its options as they are now.
 *
 * @publicApi
 */
export type DeclaredTask = TaskSpec & {
  readonly id: string;
  /**
   * Whether the task is held, if it is in the store: nothing of it starts until the code declares it as enabled. Then nothing is
   * looked at but the `id` and the `store`.
   *
   * @default false
   */
  readonly disabled?: boolean;
};

/** How many tasks one call of the store is about at the most. */
const BATCH = 500;

/** Why a task is resumed that the code declares again. */
const DECLARED = 'the code declares it as not paused';

type Plan = Apply<readonly Reconciled[]>;

/** Does something with what the code declares: an error says which declaration it is about. @throws DeclarationError */
export async function ofDeclaration<T>({ id, handler }: DeclaredTask, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof AsynczError)) throw error;
    throw new DeclarationError('@ScheduledTask', handler, error.message, id, { cause: error });
  }
}

/** What is declared for one store, checked. */
interface CheckedDeclarations {
  readonly mine: readonly DeclaredTask[];
  /** Those that are not disabled, by id. */
  readonly built: ReadonlyMap<string, TaskRecord>;
}

interface ReconcilerServices {
  readonly builder: TaskBuilder;
  readonly inputs: InputChecks;
  readonly events: EventDispatcher;
  readonly logger: Logger;
  readonly orphans: OrphanPolicy;
}

/**
 * Brings the stores to what the code declares, by stable id: new tasks are added; one whose trigger the code has changed
 * is rescheduled; one that is declared as before keeps its next run time and the changes of an operator; one that is
 * no longer declared is reported, or paused or removed where the options say so. Each change is one step in the store, so
 * ten replicas that start together do it once. What it costs depends on what is declared, and not on the other tasks.
 */
export class Reconciler {
  constructor(private readonly services: ReconcilerServices) {}

  /**
   * Checks what is declared for a store, before the first of it is written.
   *
   * @param deadline When a start is over; null for no limit to how long schemas may take.
   * @throws DeclarationError
   */
  async check(
    handle: StoreHandle,
    declared: readonly DeclaredTask[],
    deadline: Deadline | null,
  ): Promise<CheckedDeclarations> {
    const mine = declared.filter(({ store = 'default' }) => store === handle.alias);
    return { mine, built: await this.#build(handle, mine, deadline) };
  }

  /** Does it for one store: at the start, and when what was in the store is gone. May be repeated at any time. */
  async reconcileStore(handle: StoreHandle, { mine, built }: CheckedDeclarations): Promise<void> {
    const plan: Plan = (task, now) => {
      const wanted = built.get(task.id);
      return wanted
        ? reconcileTask(task, now, wanted, (one) => this.services.builder.triggerOf(one))
        : disableTask(task, now);
    };
    const ids = new Set(mine.map(({ id }) => id));
    const missing = new Set(ids);
    for await (const tasks of startTaskPages(handle.store, 'declared', BATCH)) {
      for (const { id } of tasks) missing.delete(id);
      const [known, others] = [tasks.filter(({ id }) => ids.has(id)), tasks.filter(({ id }) => !ids.has(id))];
      const now = handle.clock.now();
      // Most are as they were declared before: they are read once, and nothing is asked of the store.
      const changed = known.filter((task) => changes(task, now, plan)).map(({ id }) => id);
      if (changed.length > 0) await this.#change(handle, changed, plan);
      await this.#handleOrphans(handle, others);
    }
    for (const batch of batchesOf([...missing])) await this.#add(handle, built, batch, plan);
  }

  async #build(
    handle: StoreHandle,
    declared: readonly DeclaredTask[],
    deadline: Deadline | null,
  ): Promise<ReadonlyMap<string, TaskRecord>> {
    const series = new TaskSeries(handle.clock.now());
    const pace = new WorkPace();
    const built = new Map<string, TaskRecord>();
    for (const options of declared) {
      if (isOff(options)) continue;
      const task = await ofDeclaration(options, () => this.#checked(withoutSwitch(options), series, handle, deadline));
      built.set(options.id, task);
      if (pace.step()) await pace.rest();
    }
    return built;
  }

  async #checked(
    options: TaskSpec,
    series: TaskSeries,
    handle: StoreHandle,
    deadline: Deadline | null,
  ): Promise<TaskRecord> {
    const { builder, inputs } = this.services;
    const task = builder.buildDeclared(options, series);
    const checked = promiseOf(inputs.check(task.definition, { handle }));
    if (checked && deadline === null) await checked;
    else if (checked && !(await deadline!.holds(checked))) {
      throw new StartTimeoutError(`the schema of handler "${task.definition.handler}"`);
    }
    return task;
  }

  /** Adds what is not there as a task of the code, and changes what is there all the same. */
  async #add(
    handle: StoreHandle,
    built: ReadonlyMap<string, TaskRecord>,
    ids: readonly string[],
    plan: Plan,
  ): Promise<void> {
    const tasks = ids.flatMap((id) => built.get(id) ?? []);
    const conflicts = new Set(tasks.length > 0 ? await handle.store.addTasks(tasks) : []);
    for (const { id } of tasks)
      if (!conflicts.has(id)) this.services.events.emit('task.added', { taskId: id, store: handle.alias });
    // Another replica was faster, which may run other code; it was added at run time; or it is only to be held.
    const others = ids.filter((id) => conflicts.has(id) || !built.has(id));
    if (others.length > 0) await this.#change(handle, others, plan);
  }

  /** Changes those that are there. */
  async #change(handle: StoreHandle, ids: readonly string[], plan: Plan): Promise<void> {
    const { committed, failed } = await handle.store.transact({ ids }, plan);
    for (const { id, task, value } of committed) this.#announce({ taskId: id, store: handle.alias }, task, value);
    for (const { id, error } of failed) {
      this.services.logger.error(
        `The task "${id}" in store "${handle.alias}" could not be brought to what is declared`,
        error,
      );
    }
  }

  #announce(event: { taskId: string; store: string }, task: TaskRecord | null, done: readonly Reconciled[]): void {
    const reason = task?.state.pause?.reason ?? null;
    for (const one of done) {
      if (one === 'paused') this.services.events.emit('task.paused', { ...event, actor: null, reason });
      else if (one === 'resumed')
        this.services.events.emit('task.resumed', { ...event, actor: null, reason: DECLARED });
      else this.services.events.emit(`task.${one}`, event);
    }
  }

  async #handleOrphans(handle: StoreHandle, tasks: readonly TaskRecord[]): Promise<void> {
    const orphans = tasks.filter((task) => !this.#isOver(task));
    for (const { id, definition } of orphans) {
      this.services.logger.warn(
        `The task "${id}" in store "${handle.alias}" is no longer declared by the code (orphans: ${this.services.orphans})`,
      );
      this.services.events.emit('task.orphaned', { taskId: id, store: handle.alias, handler: definition.handler });
    }
    await this.#dispose(handle, orphans);
  }

  /** What has left the code after it was done is of no interest, unless it is to be removed. */
  #isOver({ state }: TaskRecord): boolean {
    return this.services.orphans !== 'remove' && state.exhausted && isIdle(state);
  }

  async #dispose(handle: StoreHandle, orphans: readonly TaskRecord[]): Promise<void> {
    const { orphans: policy } = this.services;
    if (orphans.length === 0 || policy === 'report') return;
    const ids = orphans.map(({ id }) => id);
    await this.#change(handle, ids, (task, now) => disposeOrphan(task, now, policy));
  }
}

/** Whether a plan does something with a task; one that throws is for the store's step to report. */
function changes(task: TaskRecord, now: number, plan: Plan): boolean {
  try {
    return plan(task, now, []) !== null;
  } catch {
    return true;
  }
}

function isOff({ disabled }: DeclaredTask): boolean {
  return disabled === true;
}

function withoutSwitch({ disabled, ...options }: DeclaredTask): TaskSpec {
  if (disabled !== undefined && typeof disabled !== 'boolean') {
    throw new InvalidOptionError('disabled', disabled, 'true or false');
  }
  return options;
}

function batchesOf(ids: readonly string[]): string[][] {
  const batches: string[][] = [];
  for (let at = 0; at < ids.length; at += BATCH) batches.push(ids.slice(at, at + BATCH));
  return batches;
}
