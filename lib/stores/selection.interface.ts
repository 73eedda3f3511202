import type { DueExcept } from '../model/due-keys.js';

/**
 * Which due tasks a scheduler is interested in.
 *
 * @publicApi
 */
export interface DueFilter {
  /** Only tasks of these handlers; null for all. */
  readonly handlers: readonly string[] | null;
  /** No tasks of these handlers. None when left out. */
  readonly notHandlers?: readonly string[];
  /**
   * No tasks that have one of these values, by key: see {@link DUE_KEYS}. They could not run now, so they must neither block
   * other tasks nor wake a scheduler. None when left out.
   */
  readonly except?: DueExcept;
}

/**
 * What goes first when more is due than asked for: by `priority` is by priority, then due time, then id; by `age` is by due
 * time, then id, whatever the priority, so that nothing starves.
 *
 * @publicApi
 */
export type DueOrder = 'priority' | 'age';

/**
 * Which tasks a {@link Store.transact} is about: the first of those due by the store's clock; or those with given ids, of
 * which one that is given twice counts once.
 *
 * @publicApi
 */
export type Selection =
  | {
      readonly due: DueFilter & {
        /** How many tasks at the most. */
        readonly limit: number;
        /** By priority when left out. */
        readonly order?: DueOrder;
      };
    }
  | { readonly ids: readonly string[] };

/** A change that could not be written, and why. @publicApi */
export interface FailedChange {
  readonly id: string;
  readonly error: unknown;
}
