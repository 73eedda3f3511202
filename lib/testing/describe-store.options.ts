import type { Clock } from '../model/clock.js';
import type { Awaitable, Store } from '../stores/store.interface.js';
import type { TestHooks } from './test-hooks.js';

/**
 * Which data a store of a test is to work on.
 *
 * @publicApi
 */
export interface StoreRequest {
  /**
   * Unique to one test, and fit for a table name, a key prefix, a file name: letters, digits, `_`, at most 16 of them.
   * Stores with the same namespace share their data; stores with different ones see nothing of each other.
   */
  readonly namespace: string;
}

/**
 * Makes a store that is not started yet, a new object each time, on the data of the namespace. A durable one finds what
 * an earlier object with that namespace has left.
 *
 * @publicApi
 */
export type CreateStore = (request: StoreRequest) => Awaitable<Store>;

/**
 * What the conformance kit needs to know of a store, and of the test runner.
 *
 * @publicApi
 */
export interface DescribeStoreOptions extends Partial<TestHooks> {
  /**
   * How tasks are written: each way runs the whole kit. A store that keeps nothing needs only `plain`.
   *
   * @default ['plain', 'encrypted']
   */
  readonly encryption?: readonly ('plain' | 'encrypted')[];
  /** Removes what the stores of the namespace have left, when all of them are shut down. */
  readonly cleanup?: (request: StoreRequest) => Awaitable<void>;
  /**
   * Damages the stored record of a task, as a bad disk or a stray hand does, so that it cannot be read any more. Returns
   * how to undo it. Without it, what the store does with unreadable records is only tested with a wrong key, where the
   * kit runs encrypted.
   */
  readonly damage?: (request: StoreRequest & { readonly id: string }) => Awaitable<() => Awaitable<void>>;
  /**
   * Lets what is behind the stores of the namespace, their disk or their server, fail from a call on: the first for
   * `after: 0`. Returns what mends it, which tells whether a call has failed. With it, the kit cuts each operation off at
   * each of its calls and looks at what is left behind.
   */
  readonly interrupt?: (request: StoreRequest & { readonly after: number }) => Awaitable<() => Awaitable<boolean>>;
  /**
   * Everything that is stored for the namespace, as text or bytes. With it, the kit shows that arguments, results and
   * errors are not to be found in it where they are encrypted.
   */
  readonly dump?: (request: StoreRequest) => Awaitable<string | Uint8Array>;
  /**
   * A store on a connection that was handed to it. With it, the kit shows that a shutdown leaves the connection open.
   */
  readonly borrow?: (request: StoreRequest) => Awaitable<BorrowedStore>;
  /**
   * Runs `work` in a transaction of the database's own client, and rolls it back when `work` rejects. Needed where
   * `capabilities.transactionalAdds` or `transactionalChanges` says that tasks can be added or changed in one.
   */
  readonly transaction?: (request: StoreRequest, work: (transaction: unknown) => Promise<void>) => Awaitable<void>;
  /**
   * Whether the ended runs of a durable store outlive it, as its tasks do. False for one that leaves the history to
   * `BaseStore`, which has it in memory.
   *
   * @default true
   */
  readonly keepsHistory?: boolean;
  /**
   * Whether the journal of a durable store outlives it. False for one that leaves it to `BaseStore`, which has it in memory.
   *
   * @default true
   */
  readonly keepsJournal?: boolean;
  /** The clock that the stores are given. @default the machine's */
  readonly clock?: Clock;
  /** Moves the stores' clock forward, in milliseconds: for a clock that stands still. */
  readonly advance?: (ms: number) => Awaitable<void>;
  /** How many tasks the volume tests use. @default 10000 */
  readonly volume?: number;
  /**
   * How long the leases hold that a test lets run out, in milliseconds. Raise it where one call may take as long.
   *
   * @default 250
   */
  readonly leaseMs?: number;
  /** How long one test may take, in milliseconds. @default 60000 */
  readonly timeoutMs?: number;
}

/**
 * A store that does not own its connection.
 *
 * @publicApi
 */
export interface BorrowedStore {
  readonly store: Store;
  /** Whether the connection that was handed in still works. */
  readonly isOpen: () => Awaitable<boolean>;
  /** Closes that connection. */
  readonly close: () => Awaitable<void>;
}
