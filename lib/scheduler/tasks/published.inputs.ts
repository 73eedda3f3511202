import type { HandlerInputSchema } from '../../model/json.schema.js';
import type { StoreHandle } from './store.handle.js';

/** What the schedulers that have a handler say that it takes. */
export interface KnownInput {
  /**
   * The different things that they say, of the scheduler that started last first. null where one of them takes whatever it gets, or what it
   * takes is not known; empty where nobody has the handler.
   */
  readonly inputs: readonly HandlerInputSchema[] | null;
  /** Whether that was just asked. */
  readonly isFresh: boolean;
}

/** What other schedulers tell of their handlers. */
export interface PublishedInputs {
  /**
   * @param wish `now`: what is known, without waiting. `known`: it may be some seconds old. `fresh`: it is asked.
   * @returns A promise where something is asked. null where nothing is known. Never rejects.
   */
  find(
    handle: StoreHandle,
    handler: string,
    wish: 'now' | 'known' | 'fresh',
  ): KnownInput | null | Promise<KnownInput | null>;
}
