import { describe, expect, it } from 'vitest';
import { Gate, settle } from '../../../support/gate.js';
import { HookedStore } from '../../../support/hooked.store.js';
import { MemoryCluster, pass } from '../../../support/memory.cluster.js';
import { add, RECORD } from './groups.fixtures.js';

describe('the record of a group', () => {
  it('goes when nobody has used it for an hour, and comes back with the next run', async () => {
    const cluster = new MemoryCluster();
    const ran: string[] = [];
    const scheduler = await cluster.join('a', { work: (_args, { task }) => ran.push(task.id) });
    for (let at = 0; at < 5; at += 1) await add(scheduler, `t${at}`, { group: `customer-${at}` });
    await settle();
    const records = () => [...cluster.disk.rows.keys()].filter((id) => id.startsWith('asyncz:group:'));
    expect(records()).toHaveLength(5);
    await pass(cluster, 3_500_000, 100_000);
    expect(records()).toHaveLength(5);
    await add(scheduler, 'again', { group: 'customer-0' });
    await pass(cluster, 700_000, 100_000);
    expect(records()).toEqual(['asyncz:group:customer-0']);
    expect(ran).toContain('again');
  });

  it('that cannot be read is asked for seldom, and its runs start when it can be read again', async () => {
    const cluster = new MemoryCluster();
    const gate = new Gate();
    const store = new HookedStore(cluster.disk);
    const scheduler = await cluster.join('a', { work: gate.handler }, { store });
    await add(scheduler, 'first');
    await settle();
    await gate.end('first');
    const kept = cluster.disk.rows.get(RECORD)!;
    cluster.disk.rows.set(RECORD, kept.replaceAll('json', 'rot13'));
    await add(scheduler, 'second');
    await settle();
    const before = store.calls.transact;
    await pass(cluster, 10_000);
    expect(store.calls.transact - before).toBeLessThan(20);
    cluster.disk.rows.set(RECORD, kept);
    await pass(cluster, 5_000);
    expect(gate.order).toEqual(['first', 'second']);
  });

  it('is written again by a rotation of keys, wherever that begins, though no task is in the group just then', async () => {
    const cluster = new MemoryCluster();
    const ran: string[] = [];
    const handlers = { work: (_args: readonly unknown[], { task }: { task: { id: string } }) => ran.push(task.id) };
    const [old, young] = ['the first secret of sixteen bytes', 'the second secret, longer still'];
    const first = await cluster.join('first', handlers, { encryption: { keys: [old] } });
    await add(first, 'once');
    await first.addTask({ id: 'stays', handler: 'work', trigger: { type: 'interval', hours: 1 } });
    await settle();
    const during = await cluster.join('during', handlers, { encryption: { keys: [young, old] } });
    await during.rotateEncryption('default', { after: 'stays' });
    for (const scheduler of [first, during]) {
      const stopped = scheduler.shutdown(0);
      await settle();
      await stopped;
    }
    const last = await cluster.join('last', handlers, { encryption: { keys: [young] } });
    await add(last, 'then');
    await settle();
    expect(ran).toEqual(['once', 'then']);
  });
});
