import { expect, it } from 'vitest';
import { MemoryStore, SettableClock } from 'nestjs-asyncz';
import type { Apply, Selection } from 'nestjs-asyncz/store';
import { createStoreContext, makeTask } from 'nestjs-asyncz/testing';
import { SlotLeases } from '../../../../lib/scheduler/loop/slot.leases.js';

/** Breaks off after it has written, as often as it is told to. */
class ForgetfulStore extends MemoryStore {
  breaks = 0;

  override transact<T>(selection: Selection, apply: Apply<T>) {
    const answer = super.transact(selection, apply);
    if (this.breaks === 0) return answer;
    this.breaks -= 1;
    throw new Error('The answer was lost.');
  }
}

it('leases of groups are not used when nobody knows whether they were given back', async () => {
  const clock = new SettableClock();
  const store = new ForgetfulStore();
  await store.start(createStoreContext({ clock }));
  const groups = new SlotLeases(store, 'me', 30_000, clock);
  const { definition } = makeTask('task', { policies: { group: 'g', groupLimit: 1 } });
  await groups.settle([definition]);
  expect(groups.room().get('g')).toEqual([1]);
  store.breaks = 1;
  await expect(groups.release()).rejects.toThrow('lost');
  expect(groups.room().get('g') ?? []).toEqual([]);
  // Given back as well as can be, and granted anew.
  expect(await groups.release()).toBe(false);
  await groups.settle([definition]);
  expect(groups.room().get('g')).toEqual([1]);
});
