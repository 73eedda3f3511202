import { messageOf } from '../../errors/thrown.js';
import type { Logger } from '../../model/logger.js';
import type { HandlerRegistry } from '../loop/handler.registry.js';
import type { StoreHandle } from '../tasks/store.handle.js';
import { inputSetOf, writeInputs } from './input.record.js';
import type { InputSet } from './input.record.js';

interface PublisherServices {
  readonly role: 'worker' | 'client' | 'observer';
  readonly logger: Logger;
  readonly handlers: HandlerRegistry;
}

/** Tells the others in each store what the handlers of this scheduler take: a heartbeat names the set, a record holds it. */
export class InputPublisher {
  #set: InputSet | null = null;
  /** How often handlers had come and gone when the set was made. */
  #changes = -1;
  /** Which set was written into which store. */
  #written = new WeakMap<StoreHandle, string>();

  constructor(private readonly services: PublisherServices) {}

  /** Names what is told; null while there is nothing to tell. Who runs nothing has nothing to tell. */
  get digest(): string | null {
    return this.#current()?.digest ?? null;
  }

  /** Writes the set where it is not known to be there. Never rejects: it is tried again with the next heartbeat. */
  async publish(handle: StoreHandle): Promise<void> {
    const set = this.#current();
    if (set === null || this.#written.get(handle) === set.digest) return;
    try {
      await writeInputs(handle.store, set);
      this.#written.set(handle, set.digest);
    } catch (error) {
      this.services.logger.debug(
        `What handlers take could not be told in store "${handle.alias}": ${messageOf(error)}`,
      );
    }
  }

  /** What was written into a store may be gone. */
  forget(handle: StoreHandle): void {
    this.#written.delete(handle);
  }

  /** What was written into any store may be gone when the scheduler starts again. */
  forgetAll(): void {
    this.#written = new WeakMap();
  }

  #current(): InputSet | null {
    const { role, handlers, logger } = this.services;
    if (role !== 'worker') return null;
    if (handlers.changes !== this.#changes) {
      this.#changes = handlers.changes;
      this.#set = inputSetOf(handlers.inputs());
      for (const name of handlers.names()) {
        const problem = handlers.schemaOf(name)?.problem ?? null;
        if (problem !== null) logger.debug(`Clients cannot check by the schema of handler "${name}": ${problem}`);
      }
    }
    return this.#set;
  }
}
