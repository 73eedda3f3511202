import { expect, it } from 'vitest';
import { SettableClock } from 'nestjs-asyncz';
import { createStoreContext, makeTask } from 'nestjs-asyncz/testing';
import { SlotLeases } from '../../../../lib/scheduler/loop/slot.leases.js';
import { ForgetfulStore } from '../../../support/forgetful.store.js';

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
