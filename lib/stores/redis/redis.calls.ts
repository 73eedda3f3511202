import type { DueOrder } from '../selection.interface.js';
import type { Outcome } from './redis.entries.js';
import type { QueueFilter } from './redis.place.js';
import type { StoredParts } from './redis.records.js';

/** What to look for: see the function `peek` of the scripts. */
export interface PeekRequest extends QueueFilter {
  readonly limit: number;
}

/** What to take: see the function `take` of the scripts. */
export interface TakeRequest extends QueueFilter {
  readonly limit: number;
  readonly order: DueOrder;
  /** Names the batches that the tasks are taken in. */
  readonly token: string;
  /** How long they are taken for, in milliseconds. */
  readonly hold: number;
  /** Who gets a lease; false for a reservation. */
  readonly owner: string | false;
}

/** What was found to be next. */
export interface Peeked {
  readonly now: number;
  /** Parked records whose time to be looked at again has come; then there is nothing else. */
  readonly parked: readonly StoredParts[];
  readonly time: number | null;
  /** The first at that time; none where it is the end of a lease. */
  readonly rows: readonly StoredParts[];
  readonly blocked: readonly string[];
}

/** What one call is to do, beside writing. */
export interface Extras {
  readonly take?: TakeRequest;
  readonly peek?: PeekRequest;
  /** A channel and a message. */
  readonly tell?: readonly [string, string];
}

/** What came of a call. */
export interface ExchangeAnswer {
  readonly now: number;
  readonly outcomes: Outcome[];
  /** How many were looked at for taking, and the rows of those that were taken, as they were before. */
  readonly lookedAt: number;
  readonly rows: StoredParts[];
  readonly peeked: Peeked | null;
}
