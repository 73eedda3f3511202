import { describe, it } from 'vitest';
import { describeStore } from '../../lib/testing/describe-store.js';
import { createDisks, EightMethodStore } from '../support/eight-method.store.js';

const { diskOf, cleanup, damage, dump } = createDisks();

// The volume is lower: a store that has only the eight methods reads everything for everything.
describeStore('a store of eight methods', ({ namespace }) => new EightMethodStore(diskOf(namespace)), {
  describe,
  it,
  cleanup,
  damage,
  dump,
  volume: 1_000,
  encryption: ['plain'],
});
