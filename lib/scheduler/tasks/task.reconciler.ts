import { AsynczError } from '../../errors/asyncz.error.js';
import { DeclarationError } from '../../errors/declaration.error.js';
import type { EventDispatcher } from '../../events/event.dispatcher.js';
import type { Logger } from '../../model/logger.js';
import type { TaskRecord } from '../../model/task.js';
import { disposeOrphan, reconcileTask } from '../plan/reconcile.plan.js';
import type { StoreHandle } from './store.handle.js';
import type { TaskBuilder } from './task.builder.js';
import type { TaskSpec } from './task.options.js';

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
export type DeclaredTask = TaskSpec & { readonly id: string };

/** How many tasks one call of the store is about at the most. */
const BATCH = 500;

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
    const ids = [...built.keys()];
    for (let at = 0; at < ids.length; at += BATCH) await this.#apply(handle, built, ids.slice(at, at + BATCH));
    await this.#handleOrphans(handle, new Set(ids));
  }

  #build(handle: StoreHandle, declared: readonly DeclaredTask[]): ReadonlyMap<string, TaskRecord> {
    const now = handle.clock.now();
    return new Map(
      declared.map((options) => [options.id, ofDeclaration(options, () => this.builder.buildDeclared(options, now))]),
    );
  }

  async #apply(handle: StoreHandle, built: ReadonlyMap<string, TaskRecord>, ids: readonly string[]): Promise<void> {
    const missing = await this.#change(handle, built, ids);
    if (missing.length === 0) return;
    const conflicts = new Set(await handle.store.addTasks(missing.map((id) => built.get(id)!)));
    for (const id of missing)
      if (!conflicts.has(id)) this.events.emit('task.added', { taskId: id, store: handle.alias });
    // Another replica was faster, which may run other code.
    if (conflicts.size > 0) await this.#change(handle, built, [...conflicts]);
  }

  /** Changes those that are there. Returns the ids of the others. */
  async #change(
    handle: StoreHandle,
    built: ReadonlyMap<string, TaskRecord>,
    ids: readonly string[],
  ): Promise<readonly string[]> {
    const { committed, missing, failed } = await handle.store.transact({ ids }, (task, now) => {
      const wanted = built.get(task.id)!;
      return reconcileTask(task, now, wanted, this.builder.triggerOf(wanted));
    });
    for (const { id } of committed) this.events.emit('task.modified', { taskId: id, store: handle.alias });
    for (const { id, error } of failed) {
      this.logger.error(`The task "${id}" in store "${handle.alias}" could not be brought to what is declared`, error);
    }
    return missing;
  }

  async #handleOrphans(handle: StoreHandle, declared: ReadonlySet<string>): Promise<void> {
    for (let cursor: string | null | undefined; cursor !== null;) {
      const page = { limit: BATCH, ...(cursor !== undefined && { cursor }) };
      const { tasks, next } = await handle.store.startTasks('declared', page);
      const orphans = tasks.filter(({ id }) => !declared.has(id));
      for (const { id, definition } of orphans) {
        this.logger.warn(
          `The task "${id}" in store "${handle.alias}" is no longer declared by the code (orphans: ${this.orphans})`,
        );
        this.events.emit('task.orphaned', { taskId: id, store: handle.alias, handler: definition.handler });
      }
      await this.#dispose(handle, orphans);
      cursor = next;
    }
  }

  async #dispose(handle: StoreHandle, orphans: readonly TaskRecord[]): Promise<void> {
    const { orphans: policy } = this;
    if (orphans.length === 0 || policy === 'report') return;
    await handle.store.transact({ ids: orphans.map(({ id }) => id) }, (task, now) => disposeOrphan(task, now, policy));
  }
}
