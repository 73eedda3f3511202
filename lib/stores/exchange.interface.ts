import type { KnownChange, TakenTask } from '../model/change.js';
import type { DueFilter, DueOrder, FailedChange } from './selection.interface.js';

/**
 * What a scheduler has for a store and wants of it, in one call: `Store.exchange`.
 *
 * @publicApi
 */
export interface Exchange {
  /** Changes that are known without reading, each task once. None when left out. */
  readonly write?: readonly KnownChange[];
  /** Due tasks to be taken. None when left out. */
  readonly take?: TakeRequest;
}

/**
 * What became of an {@link Exchange}.
 *
 * @publicApi
 */
export interface Exchanged {
  readonly written: Written;
  /** null when nothing was to be taken. */
  readonly taken: Taken | null;
}

/**
 * What became of known changes. What is named in neither list was written.
 *
 * @publicApi
 */
export interface Written {
  /** The ids of the tasks that are not any more what the change was made from: changed, gone, or unreadable. Nothing was written. */
  readonly lost: readonly string[];
  /** The tasks whose change could not be written, though others could; nothing of it was. */
  readonly failed: readonly FailedChange[];
}

/**
 * Which due tasks are taken, by whom, and for how long.
 *
 * @publicApi
 */
export interface TakeRequest extends DueFilter {
  /** How many at the most. */
  readonly limit: number;
  /** By priority when left out. */
  readonly order?: DueOrder;
  /** The identity of the scheduler that takes. */
  readonly owner: string;
  /** How long its leases hold, in milliseconds. */
  readonly leaseMs: number;
}

/**
 * The tasks that were taken, in the order that was asked for.
 *
 * @publicApi
 */
export interface Taken {
  readonly tasks: readonly TakenTask[];
  /** The store's clock at the time, in milliseconds since the epoch. */
  readonly storeNow: number;
  /** As `Transacted.nextDue`. */
  readonly nextDue?: () => number | null | Promise<number | null>;
}
