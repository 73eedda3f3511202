import { AsynczError } from '../../errors/asyncz.error.js';
import { InvalidOptionError } from '../../errors/input.errors.js';
import { DeclarationError } from '../../errors/declaration.error.js';
import type { EventDispatcher } from '../../events/event.dispatcher.js';
import type { Logger } from '../../model/logger.js';
import type { Apply } from '../../model/change.js';
import { isIdle } from '../../model/task.js';
import type { TaskRecord } from '../../model/task.js';
import { startTaskPages } from '../../stores/start-task.pages.js';
import { disableTask, disposeOrphan, reconcileTask } from '../plan/reconcile.plan.js';
import type { Reconciled } from '../plan/reconcile.plan.js';
import type { StoreHandle } from './store.handle.js';
import type { TaskBuilder } from './task.builder.js';
import type { TaskSpec } from './task.options.js';
import { TaskSeries } from './task.series.js';

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
export function ofDeclaration<T>({ id, handler }: DeclaredTask, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof AsynczError)) throw error;
    throw new DeclarationError('@ScheduledTask', handler, error.message, id, { cause: error });
  }
}

/**
 * Brings the stores to what the code declares, by stable id: new tasks are added; one whose trigger the code has changed
 * is rescheduled; one that is declared as before keeps its next run time and the changes of an operator; one that is
 * no longer declared is reported, or paused or removed where the options say so. Each change is one step in the store, so
 * ten replicas that start together do it once. What it costs depends on what is declared, and not on the other tasks.
 */
export class Reconciler {
  constructor(
    private readonly builder: TaskBuilder,
    private readonly events: EventDispatcher,
    private readonly logger: Logger,
    private readonly orphans: OrphanPolicy,
  ) {}

  /** Does it for one store: at the start, and when what was in the store is gone. May be repeated at any time. */
  async reconcileStore(handle: StoreHandle, declared: readonly DeclaredTask[]): Promise<void> {
    const mine = declared.filter(({ store = 'default' }) => store === handle.alias);
    // All are checked before the first is written.
    const built = this.#build(handle, mine);
    for (const ids of batchesOf([...built.keys()])) await this.#apply(handle, built, ids);
    for (const ids of batchesOf(mine.filter(isOff).map(({ id }) => id))) await this.#change(handle, ids, disableTask);
    await this.#handleOrphans(handle, new Set(mine.map(({ id }) => id)));
  }

  #build(handle: StoreHandle, declared: readonly DeclaredTask[]): ReadonlyMap<string, TaskRecord> {
    const series = new TaskSeries(handle.clock.now());
    const enabled = declared.filter((options) => !isOff(options));
    return new Map(
      enabled.map((options) => [
        options.id,
        ofDeclaration(options, () => this.builder.buildDeclared(withoutSwitch(options), series)),
      ]),
    );
  }

  async #apply(handle: StoreHandle, built: ReadonlyMap<string, TaskRecord>, ids: readonly string[]): Promise<void> {
    const plan: Plan = (task, now) =>
      reconcileTask(task, now, built.get(task.id)!, (one) => this.builder.triggerOf(one));
    const missing = await this.#change(handle, ids, plan);
    if (missing.length === 0) return;
    const conflicts = new Set(await handle.store.addTasks(missing.map((id) => built.get(id)!)));
    for (const id of missing)
      if (!conflicts.has(id)) this.events.emit('task.added', { taskId: id, store: handle.alias });
    // Another replica was faster, which may run other code.
    if (conflicts.size > 0) await this.#change(handle, [...conflicts], plan);
  }

  /** Changes those that are there. Returns the ids of the others. */
  async #change(handle: StoreHandle, ids: readonly string[], plan: Plan): Promise<readonly string[]> {
    const { committed, missing, failed } = await handle.store.transact({ ids }, plan);
    for (const { id, task, value } of committed) this.#announce({ taskId: id, store: handle.alias }, task, value);
    for (const { id, error } of failed) {
      this.logger.error(`The task "${id}" in store "${handle.alias}" could not be brought to what is declared`, error);
    }
    return missing;
  }

  #announce(event: { taskId: string; store: string }, task: TaskRecord | null, done: readonly Reconciled[]): void {
    const reason = task?.state.pause?.reason ?? null;
    for (const one of done) {
      if (one === 'paused') this.events.emit('task.paused', { ...event, actor: null, reason });
      else if (one === 'resumed') this.events.emit('task.resumed', { ...event, actor: null, reason: DECLARED });
      else this.events.emit(`task.${one}`, event);
    }
  }

  async #handleOrphans(handle: StoreHandle, declared: ReadonlySet<string>): Promise<void> {
    for await (const tasks of startTaskPages(handle.store, 'declared', BATCH)) {
      const orphans = tasks.filter((task) => !declared.has(task.id) && !this.#isOver(task));
      for (const { id, definition } of orphans) {
        this.logger.warn(
          `The task "${id}" in store "${handle.alias}" is no longer declared by the code (orphans: ${this.orphans})`,
        );
        this.events.emit('task.orphaned', { taskId: id, store: handle.alias, handler: definition.handler });
      }
      await this.#dispose(handle, orphans);
    }
  }

  /** What has left the code after it was done is of no interest, unless it is to be removed. */
  #isOver({ state }: TaskRecord): boolean {
    return this.orphans !== 'remove' && state.exhausted && isIdle(state);
  }

  async #dispose(handle: StoreHandle, orphans: readonly TaskRecord[]): Promise<void> {
    const { orphans: policy } = this;
    if (orphans.length === 0 || policy === 'report') return;
    const ids = orphans.map(({ id }) => id);
    await this.#change(handle, ids, (task, now) => disposeOrphan(task, now, policy));
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
