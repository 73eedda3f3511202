import { randomUUID } from 'node:crypto';
import { StoreInUseError } from '../../errors/store.errors.js';
import { TaskNotFoundError } from '../../errors/task.errors.js';
import type { EventDispatcher } from '../../events/event.dispatcher.js';
import { CONTENT_MARK } from '../../model/definition.js';
import type { Logger } from '../../model/logger.js';
import { isUnreadable } from '../../model/task.js';
import type { StoredTask } from '../../model/task.js';
import { internalRecord } from '../../stores/internal.record.js';
import type { StoreHandle } from '../tasks/store.handle.js';

/** How often the mark is added that somebody removes each time, until that counts as a failure. */
const MAX_ROUNDS = 3;

interface ContentServices {
  /** The name of the scheduler. */
  readonly name: string;
  readonly logger: Logger;
  readonly events: EventDispatcher;
  /** Brings a store that was emptied to what this scheduler has to have there. */
  restore(handle: StoreHandle): Promise<void>;
}

/** What is known of the contents of a store. */
interface Contents {
  /** The mark that was found at the start, or last. */
  mark: string;
  /** Whether what was there is gone, and nothing was restored yet. */
  isBare: boolean;
  /** Whether it is being restored. */
  isBusy: boolean;
  /** Whether it was tried in vain, and that was said. */
  hasFailed: boolean;
}

/**
 * Notices that everything in a store is gone while the scheduler runs: somebody has emptied it, its server came back without
 * what it had, or it evicts. Nothing fails then, and the nightly task simply never comes again.
 *
 * An internal record among the tasks has a random mark. It is looked at after each heartbeat; where it is gone, or another
 * one, so are the tasks. Each scheduler notices that by itself, and adds again what its code declares.
 */
export class ContentWatch {
  /** By alias. */
  readonly #contents = new Map<string, Contents>();

  constructor(private readonly services: ContentServices) {}

  /**
   * Remembers which contents a store has. One that is gone with this process has nothing to lose.
   *
   * @throws StoreInUseError When they belong to a scheduler of another name.
   */
  async open(handle: StoreHandle): Promise<void> {
    handle.emptiedAt = null;
    this.#contents.delete(handle.alias);
    if (!handle.store.capabilities.durable) return;
    const { name } = this.services;
    const record = await ensureMark(handle, name);
    this.#refuseOthers(handle.alias, record);
    this.#contents.set(handle.alias, { mark: markOf(record), isBare: false, isBusy: false, hasFailed: false });
  }

  /** Says whose they are, and remembers nothing: for who only reads. @throws StoreInUseError */
  async refuseOthers({ alias, store }: StoreHandle): Promise<void> {
    const record = await store.lookupTask(CONTENT_MARK);
    if (record !== null) this.#refuseOthers(alias, record);
  }

  /** Looks whether they are still there. Rejects when the store cannot be asked, and is called again after the next heartbeat. */
  async beat(handle: StoreHandle): Promise<void> {
    const contents = this.#contents.get(handle.alias);
    if (!contents || contents.isBusy) return;
    contents.isBusy = true;
    try {
      const record = await handle.store.lookupTask(CONTENT_MARK);
      if (record === null || markOf(record) !== contents.mark) {
        contents.mark = markOf(record ?? (await ensureMark(handle, this.services.name)));
        contents.isBare = true;
        this.#report(handle);
      }
      if (contents.isBare) await this.#restore(handle, contents);
    } finally {
      contents.isBusy = false;
    }
  }

  /**
   * A scheduler of another name would find the tasks of this one without their code, and without their keys, since the name
   * is part of what is encrypted.
   */
  #refuseOthers(alias: string, mark: StoredTask): void {
    const { name } = this.services;
    // A missing key may come back. What does not decrypt under its own key was written under another name.
    if (isUnreadable(mark) && mark.unreadable !== 'damaged') return;
    const owner = isUnreadable(mark) ? null : mark.definition.args[1];
    if (owner === name) return;
    throw new StoreInUseError(
      alias,
      owner === null ? `a scheduler of another name than "${name}"` : `the scheduler "${String(owner)}"`,
      `Give "${name}" tables or keys of its own. If it was renamed, call it as before, or delete the record "${CONTENT_MARK}" while ` +
        'none runs: then tasks in clear are its own, and encrypted ones stay unreadable.',
    );
  }

  #report(handle: StoreHandle): void {
    const { logger, events } = this.services;
    handle.emptiedAt = handle.clock.now();
    logger.error(
      `What was in ${handle.place} is gone: it was emptied or replaced while this scheduler ran. ` +
        'Tasks that the code declares are added again; tasks that were added at run time are lost, and so is the history.',
    );
    events.emit('store.emptied', { store: handle.alias });
  }

  async #restore(handle: StoreHandle, contents: Contents): Promise<void> {
    try {
      await this.services.restore(handle);
      contents.isBare = false;
      contents.hasFailed = false;
      handle.wake(handle.clock.now());
    } catch (error) {
      // Said once, and tried again with each heartbeat.
      if (contents.hasFailed) return;
      contents.hasFailed = true;
      this.services.logger.error(
        `What the code declares could not be added to ${handle.place}; it is tried again`,
        error,
      );
    }
  }
}

/** The record with the mark of a store, which it is given if it has none. */
async function ensureMark({ store, clock }: StoreHandle, name: string): Promise<StoredTask> {
  for (let round = 1; ; round += 1) {
    const record = await store.lookupTask(CONTENT_MARK);
    if (record !== null) return record;
    if (round > MAX_ROUNDS) throw new TaskNotFoundError(CONTENT_MARK);
    // Whoever else does so at the same time: the first one counts.
    await store.addTasks([
      internalRecord(
        CONTENT_MARK,
        'shows that the store was not emptied, and whose it is',
        [randomUUID(), name],
        clock.now(),
      ),
    ]);
  }
}

/** Of one that cannot be read nothing more is known than that it is there. */
function markOf(record: StoredTask): string {
  return isUnreadable(record) ? 'unreadable' : String(record.definition.args[0]);
}
