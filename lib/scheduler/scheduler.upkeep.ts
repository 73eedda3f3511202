import { InvalidOptionError } from '../errors/input.errors.js';
import { SchedulerNotRunningError } from '../errors/scheduler.errors.js';
import type { JournalKind } from '../model/journal.js';
import type { JournalDetails } from './plan/journal.notes.js';
import type { SchedulerCore } from './scheduler.core.js';
import { SchedulerMeasures } from './scheduler.measures.js';
import { requestOf } from './tasks/control.options.js';
import type { ActorOptions } from './tasks/control.options.js';
import type { ClusterEventsOptions } from './tasks/journal.follower.js';
import type { JournalEntryInfo, JournalPage, JournalQuery } from './tasks/journal.inspection.js';
import type { StoreHandle } from './tasks/store.handle.js';
import { copyStore, rotateStore } from './tasks/store.maintenance.js';
import type { CopyOptions, CopyResult, MaintenanceProgress, RotateOptions } from './tasks/store.maintenance.js';
import type { TaskHandlers } from './tasks/task.options.js';

/** The methods of `Scheduler` about stores as a whole, and about their journals. */
export abstract class SchedulerUpkeep<Handlers = TaskHandlers> extends SchedulerMeasures<Handlers> {
  readonly #stores: SchedulerCore['stores'];
  readonly #notes: SchedulerCore['notes'];
  readonly #journal: SchedulerCore['journal'];
  readonly #follower: SchedulerCore['follower'];

  /** @internal */
  constructor(core: SchedulerCore) {
    super(core);
    this.#stores = core.stores;
    this.#notes = core.notes;
    this.#journal = core.journal;
    this.#follower = core.follower;
  }

  /**
   * Writes every record of a store again under the first key of the ring, while schedulers work: see
   * `docs/persistence.md`, "Rotation".
   *
   * @param store The alias of the store.
   * @throws UnknownNameError, UnknownOptionError, InvalidOptionError, SchedulerNotRunningError
   */
  async rotateEncryption(store: string, options?: RotateOptions): Promise<MaintenanceProgress> {
    const handle = this.#openStore(store, 'rotateEncryption');
    const progress = await rotateStore(handle.store, options);
    await this.#note(handle, 'store.rotated', options, { ...progress });
    return progress;
  }

  /**
   * Copies definitions, states and history from one store to another, or moves them. Tasks that exist in the other store stay
   * as they are there, so an interrupted copy can be done again.
   *
   * @throws UnknownNameError, UnknownOptionError, InvalidOptionError, SchedulerNotRunningError
   */
  async copyTasks(from: string, to: string, options?: CopyOptions): Promise<CopyResult> {
    if (from === to) throw new InvalidOptionError('to', to, 'another store than "from"');
    const [source, target] = [this.#openStore(from, 'copyTasks'), this.#openStore(to, 'copyTasks')];
    const result = await copyStore(source.store, target.store, options);
    const details = { from, to, move: options?.move ?? false, ...result, skipped: result.skipped.length };
    await this.#note(source, 'store.copied', options, details);
    await this.#note(target, 'store.copied', options, details);
    return result;
  }

  async #note({ store, clock }: StoreHandle, kind: JournalKind, options: ActorOptions = {}, details: JournalDetails) {
    const entry = this.#notes.entry(kind, clock.now(), { ...requestOf(options), details });
    await store.appendJournal([entry]);
  }

  #openStore(alias: string, operation: string): StoreHandle {
    const handle = this.#stores.get(alias);
    if (!handle.opened) throw new SchedulerNotRunningError(operation);
    return handle;
  }

  /**
   * What was done to tasks, schedulers and stores, by whom and why, and what happened to them; the latest first. All stores are
   * looked at unless one is named.
   *
   * @throws UnknownOptionError, InvalidOptionError, UnknownNameError (store)
   */
  getJournal(query?: JournalQuery): Promise<JournalPage> {
    return this.#journal.getJournal(query);
  }

  /**
   * Follows what every scheduler writes into the journals of the stores, from now on or from a time on, the earliest first and each
   * entry once: within a second, or at once where the store pushes a wake-up. An outage of a store is waited out. It reads no faster
   * than it is asked, and ends when its signal is aborted, or when this scheduler stops.
   *
   * ```ts
   * for await (const entry of scheduler.events({ scope: 'cluster', kind: 'task.failing', signal })) alert(entry);
   * ```
   *
   * @throws SchedulerNotRunningError, UnknownOptionError, InvalidOptionError, UnknownNameError (store)
   */
  events(options: ClusterEventsOptions): AsyncGenerator<JournalEntryInfo, void, undefined> {
    return this.#follower.follow(options);
  }
}
