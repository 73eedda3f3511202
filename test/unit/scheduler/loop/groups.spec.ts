import { describe, expect, it } from 'vitest';
import type { Scheduler, TaskInfo } from 'nestjs-asyncz';
import { AsyncExecutor } from 'nestjs-asyncz';
import { recordEvents } from '../../../support/events.js';
import { CLUSTER_START, MemoryCluster } from '../../../support/memory.cluster.js';
import { Gate, settle } from '../../../support/gate.js';

const addOf =
  (scheduler: Scheduler, group: string | null, groupLimit = 2) =>
  (id: string, late = 0) =>
    scheduler.addTask({
      id,
      handler: 'work',
      group,
      groupLimit,
      trigger: { type: 'date', runAt: new Date(CLUSTER_START - late) },
    });

describe('a group of tasks', () => {
  it('has no more runs under way than its limit, in the whole cluster, and the oldest due goes first', async () => {
    const cluster = new MemoryCluster();
    const gate = new Gate();
    const [a, b] = [await cluster.join('a', { work: gate.handler }), await cluster.join('b', { work: gate.handler })];
    for (let at = 0; at < 6; at += 1) await addOf(at % 2 ? a : b, 'erp')(`t${at}`, 100 - at);
    await settle();
    expect(gate.order).toEqual(['t0', 't1']);
    for (let at = 0; at < 6; at += 1) {
      await gate.end(`t${at}`);
      cluster.clock.advance(100);
      await settle();
    }
    expect(gate.order).toEqual(['t0', 't1', 't2', 't3', 't4', 't5']);
    expect(gate.most).toBe(2);
  });

  it('keeps neither other groups nor tasks of no group waiting, however many of it do', async () => {
    const cluster = new MemoryCluster();
    const gate = new Gate();
    const scheduler = await cluster.join(
      'a',
      { work: gate.handler },
      { executors: { default: new AsyncExecutor({ concurrency: 4 }) } },
    );
    scheduler.pause();
    for (let at = 0; at < 50; at += 1) await addOf(scheduler, 'erp', 1)(`erp-${at}`, 100 - at);
    await addOf(scheduler, 'crm', 1)('crm-1', 3);
    await addOf(scheduler, 'crm', 1)('crm-2', 2);
    await addOf(scheduler, null)('free', 1);
    scheduler.resume();
    await settle();
    expect(gate.under.toSorted()).toEqual(['crm-1', 'erp-0', 'free']);
    await gate.end('crm-1');
    expect(gate.under.toSorted()).toEqual(['crm-2', 'erp-0', 'free']);
  });

  it('frees the slot of a scheduler that died when its lease runs out', async () => {
    const cluster = new MemoryCluster();
    const gate = new Gate();
    // It says nothing any more: neither its leases nor its heartbeats are renewed.
    const dead = await cluster.join('dead', { work: gate.handler });
    await addOf(dead, 'erp', 1)('first', 2);
    await settle();
    const slots = await dead.getTaskInfo('asyncz:group:erp');
    expect(slots).toMatchObject({ live: [{ status: 'running', owner: 'dead' }] });
    const other = new MemoryCluster(cluster.disk);
    const alive = await other.join('alive', { work: gate.handler });
    await addOf(alive, 'erp', 1)('second', 1);
    await settle();
    expect(gate.order).toEqual(['first']);
    for (let seconds = 0; seconds < 60; seconds += 1) {
      other.clock.advance(1_000);
      await settle();
    }
    // The run of the dead one is the older of the two.
    expect(gate.order).toEqual(['first', 'first']);
    await gate.end('first');
    other.clock.advance(1_000);
    await settle();
    expect(gate.order).toEqual(['first', 'first', 'second']);
  });

  it('is renewed with its runs, and ends with them', async () => {
    const cluster = new MemoryCluster();
    const gate = new Gate();
    const scheduler = await cluster.join('a', { work: gate.handler });
    const events = recordEvents(scheduler);
    await addOf(scheduler, 'erp', 1)('long');
    await settle();
    for (let seconds = 0; seconds < 120; seconds += 5) {
      cluster.clock.advance(5_000);
      await settle();
    }
    await addOf(scheduler, 'erp', 1)('next');
    await settle();
    expect(gate.order).toEqual(['long']);
    await gate.end('long');
    expect(gate.order).toEqual(['long', 'next']);
    await gate.end('next');
    expect(await scheduler.getTaskInfo('asyncz:group:erp')).toMatchObject({ live: [] });
    expect(events.map(({ name }) => name)).not.toContain('run.fenced');
    expect((await scheduler.getTaskInfos()).tasks).toEqual([]);
  });

  it('aborts a run whose slot is gone', async () => {
    const cluster = new MemoryCluster();
    const gate = new Gate();
    const scheduler = await cluster.join('a', { work: gate.handler });
    const events = recordEvents(scheduler);
    await addOf(scheduler, 'erp', 1)('work');
    await settle();
    cluster.disk.rows.delete('asyncz:group:erp');
    cluster.clock.advance(10_000);
    await settle();
    expect(events.map(({ name }) => name)).toContain('run.fenced');
    expect(gate.under).toEqual([]);
  });

  it('lets each task go by its own limit where they do not agree', async () => {
    const cluster = new MemoryCluster();
    const gate = new Gate();
    const scheduler = await cluster.join('a', { work: gate.handler });
    await addOf(scheduler, 'erp', 3)('loose-1', 9);
    await addOf(scheduler, 'erp', 1)('strict', 8);
    await addOf(scheduler, 'erp', 3)('loose-2', 7);
    await settle();
    expect(gate.under.toSorted()).toEqual(['loose-1', 'loose-2']);
    await gate.end('loose-1');
    expect(gate.under).toEqual(['loose-2']);
    await gate.end('loose-2');
    expect(gate.under).toEqual(['strict']);
  });

  it('gives its slots back at a shutdown', async () => {
    const cluster = new MemoryCluster();
    const gate = new Gate();
    const first = await cluster.join('first', { work: gate.handler });
    const second = await cluster.join('second', { work: gate.handler });
    await addOf(first, 'erp', 1)('work');
    await settle();
    const { live } = (await second.getTaskInfo('work')) as TaskInfo;
    const [stopping, other] = live[0]!.owner === 'first' ? [first, second] : [second, first];
    const stopped = stopping.shutdown(0);
    await settle();
    cluster.clock.advance(200);
    await stopped;
    await settle();
    expect(gate.order).toEqual(['work', 'work']);
    expect(await other.getTaskInfo('work')).toMatchObject({
      live: [{ status: 'running', owner: other.identity }],
    });
  });

  it('is refused with a name or a limit that is none', async () => {
    const cluster = new MemoryCluster();
    const scheduler = await cluster.join('a', { work: () => {} });
    await expect(addOf(scheduler, '')('a')).rejects.toThrow('group');
    await expect(addOf(scheduler, 'x'.repeat(201))('a')).rejects.toThrow('1 to 200 characters');
    await expect(addOf(scheduler, 'erp', 0)('a')).rejects.toThrow('groupLimit');
    await expect(addOf(scheduler, 'erp')('asyncz:group:erp')).rejects.toThrow('does not begin with "asyncz:"');
    await expect(scheduler.deleteTask('asyncz:group:erp')).rejects.toThrow('the id of a task');
  });
});
