import { DeployPendingError } from '../errors/deploy.errors.js';
import type { Deadline } from '../time/deadline.js';
import { hasHandlerElsewhere } from './cluster/membership.js';
import type { SchedulerCore } from './scheduler.core.js';
import { ofDeclaration } from './tasks/declared.tasks.js';
import type { CheckedDeclarations, DeclaredTask } from './tasks/declared.tasks.js';
import { DeployOperations } from './tasks/deploy.operations.js';
import type { DeployEntry } from './tasks/deploy.info.js';
import type { OrphanPolicy } from './tasks/deploy.survey.js';
import type { StoreHandle } from './tasks/store.handle.js';
import { Reconciler } from './tasks/task.reconciler.js';

/** How many tasks the log names that a plan would change. */
const NAMED = 20;

/** What a start does about what the code declares: applies it, says what it would do, or refuses to start where it would do something. */
export class SchedulerDeploys {
  /** What the code declares. */
  declared: readonly DeclaredTask[] = [];
  readonly operations: DeployOperations;
  /** By alias of the store: the ids that were left for later. */
  readonly #unsettled = new Map<string, readonly string[]>();

  constructor(private readonly core: SchedulerCore) {
    const { options, stores } = core;
    this.operations = new DeployOperations({
      name: options.name,
      clock: options.clock,
      stores,
      declared: () => this.declared,
      reconciler: () => this.#reconciler(options.orphans),
    });
  }

  /** @throws DeclarationError, StartTimeoutError, DeployPendingError */
  async start(deadline: Deadline): Promise<void> {
    const { stores, options } = this.core;
    this.#unsettled.clear();
    if (options.role !== 'worker') return;
    // A declaration for a store that there is not is an error of the code, not an orphan.
    for (const task of this.declared) await ofDeclaration(task, () => stores.get(task.store ?? 'default'));
    if (options.reconcile !== 'apply') return this.#compare(deadline);
    const reconciler = this.#reconciler(options.orphans);
    for (const handle of stores.all()) {
      const checked = await reconciler.check(handle, this.declared, deadline);
      await handle.inTime(deadline, this.#reconcile(reconciler, handle, checked));
    }
  }

  /**
   * Adds again what has to be in a store that was emptied. What is there by now is others', whose code may be another version:
   * nothing of it is removed.
   */
  async restore(handle: StoreHandle): Promise<void> {
    const { role, reconcile, logger } = this.core.options;
    if (role !== 'worker') return;
    if (reconcile !== 'apply') {
      logger.error(`What the code declares is not added to ${handle.place} (reconcile: '${reconcile}'): apply a plan`);
      return;
    }
    const reconciler = this.#reconciler('report');
    await this.#reconcile(reconciler, handle, await reconciler.check(handle, this.declared, null));
  }

  /** Looks again at what was left for later: a run under way has ended, or the other version of the code is gone. */
  async beat(handle: StoreHandle): Promise<void> {
    const ids = this.#unsettled.get(handle.alias);
    if (!ids) return;
    const reconciler = this.#reconciler('report');
    const left = this.declared.filter(({ id }) => ids.includes(id));
    this.#note(handle, await reconciler.settle(handle, await reconciler.check(handle, left, null)));
  }

  async #reconcile(reconciler: Reconciler, handle: StoreHandle, checked: CheckedDeclarations): Promise<void> {
    this.#note(handle, await reconciler.reconcileStore(handle, checked));
  }

  #note({ alias }: StoreHandle, ids: readonly string[]): void {
    if (ids.length > 0) this.#unsettled.set(alias, ids);
    else this.#unsettled.delete(alias);
  }

  /** Changes nothing. @throws DeployPendingError When something is to be changed, and the options want that nothing is. */
  async #compare(deadline: Deadline): Promise<void> {
    const { options, events, stores } = this.core;
    const planning = this.operations.plan();
    for (const handle of stores.all()) await handle.inTime(deadline, planning);
    const { entries, digest, pending } = await planning;
    const changing = entries.filter(({ action }) => action !== 'none');
    for (const entry of entries) if (entry.action === 'none') options.logger.warn(sentence(entry));
    if (pending === 0) return;
    if (options.reconcile === 'verify') throw new DeployPendingError(digest, changing);
    for (const entry of changing.slice(0, NAMED)) options.logger.warn(sentence(entry));
    options.logger.warn(
      `${pending} ${pending === 1 ? 'task is' : 'tasks are'} not as the code declares, and left as stored (reconcile: 'plan-only')`,
    );
    events.emit('scheduler.deploy-pending', { digest, pending });
  }

  #reconciler(orphans: OrphanPolicy): Reconciler {
    const { builder, inputs, notes, events, options } = this.core;
    return new Reconciler({
      builder,
      inputs,
      notes,
      events,
      logger: options.logger,
      orphans,
      hasElsewhere: (handle, handler) => hasHandlerElsewhere(handle, options.identity, options.heartbeatMs, handler),
    });
  }
}

function sentence({ taskId, store, kind, action }: DeployEntry): string {
  return `The task "${taskId}" in store "${store}" is ${kind} for the code (to be done: ${action})`;
}
