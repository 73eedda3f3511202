import { describe, it } from 'vitest';
import { describeStore } from '../../lib/testing/describe-store.js';
import { createDisks, EightMethodStore } from '../support/eight-method.store.js';
import { borrowing, HostStore, inTransaction } from '../support/host.store.js';

const { diskOf, ...hooks } = createDisks();

// The volume is lower: a store that has only the eight methods reads everything for everything.
const options = { describe, it, ...hooks, volume: 500 } as const;

describeStore('a store of eight methods', ({ namespace }) => new EightMethodStore(diskOf(namespace)), {
  ...options,
  keepsHistory: false,
  keepsJournal: false,
});

describeStore('a store with a lock that reaches further', ({ namespace }) => new HostStore(diskOf(namespace)), {
  ...options,
  transaction: inTransaction,
  borrow: borrowing(HostStore),
});
