import { beforeEach, describe, expect, it } from 'vitest';
import { AsyncExecutor } from 'nestjs-asyncz';
import type { Scheduler, TaskSpec } from 'nestjs-asyncz';
import { CLUSTER_START, MemoryCluster, pass } from '../../../support/memory.cluster.js';
import { Gate, settle } from '../../../support/gate.js';

let cluster: MemoryCluster;
let gate: Gate;

beforeEach(() => {
  cluster = new MemoryCluster();
  gate = new Gate();
});

const join = (identity: string, concurrency = 100) =>
  cluster.join(
    identity,
    { work: gate.handler, other: gate.handler },
    { executors: { default: new AsyncExecutor({ concurrency }) }, startPaused: true },
  );

const add = (scheduler: Scheduler, id: string, tenant: unknown, options: Partial<TaskSpec> = {}, late = 0) =>
  scheduler.addTask({
    id,
    handler: 'work',
    data: { tenant },
    limitKey: 'data.tenant',
    ...options,
    trigger: { type: 'date', runAt: new Date(CLUSTER_START - 1_000 - late) },
  });

const tenantsOf = (ids: readonly string[]) => ids.map((id) => id.split('-')[0]!);

describe('a limit by key', () => {
  it('lets so many runs with the same key run at a time in the whole cluster, and the others wait for nobody', async () => {
    const [one, other] = [await join('one'), await join('other')];
    for (let at = 0; at < 6; at += 1) await add(at % 2 ? one : other, `big-${at}`, 'big', { keyLimit: 2 }, 100 - at);
    for (let at = 0; at < 2; at += 1) await add(one, `small-${at}`, 'small', { keyLimit: 2 });
    one.resume();
    other.resume();
    await pass(cluster, 1_000);
    expect(gate.under.toSorted()).toEqual(['big-0', 'big-1', 'small-0', 'small-1']);
    await gate.end('big-0');
    await pass(cluster, 1_000);
    expect(gate.under.toSorted()).toEqual(['big-1', 'big-2', 'small-0', 'small-1']);
  });

  it('is one limit for all handlers of a group, and one for each handler without', async () => {
    const scheduler = await join('one');
    await add(scheduler, 'a', 'x', { keyLimit: 1, group: 'erp', groupLimit: 9 });
    await add(scheduler, 'b', 'x', { keyLimit: 1, group: 'erp', groupLimit: 9, handler: 'other' });
    await add(scheduler, 'c', 'x', { keyLimit: 1 });
    await add(scheduler, 'd', 'x', { keyLimit: 1, handler: 'other' });
    scheduler.resume();
    await pass(cluster, 1_000);
    expect(gate.under.toSorted()).toEqual(['a', 'c', 'd']);
  });

  it('of starts lets each key have the limit for itself, and leaves out of claims what has to wait', async () => {
    const scheduler = await join('one', 4);
    const rateLimit = { max: 2, per: '10s', of: 'key' } as const;
    for (let at = 0; at < 30; at += 1) await add(scheduler, `big-${at}`, 'big', { rateLimit }, 100 - at);
    await add(scheduler, 'small-0', 'small', { rateLimit });
    scheduler.resume();
    await pass(cluster, 1_000);
    expect(tenantsOf(gate.under).toSorted()).toEqual(['big', 'big', 'small']);
    await gate.end(gate.under.find((id) => id.startsWith('big'))!);
    await pass(cluster, 8_000, 500);
    expect(tenantsOf(gate.under).toSorted()).toEqual(['big', 'small']);
    await pass(cluster, 3_000, 500);
    expect(tenantsOf(gate.order)).toEqual(expect.arrayContaining(['small']));
    expect(gate.order.filter((id) => id.startsWith('big'))).toHaveLength(4);
  });

  it('follows the arguments when they are changed', async () => {
    const scheduler = await join('one');
    await add(scheduler, 'a', 'x', { keyLimit: 1 });
    await add(scheduler, 'b', 'x', { keyLimit: 1 });
    await scheduler.updateTask('b', { data: { tenant: 'y' } });
    scheduler.resume();
    await pass(cluster, 500);
    expect(gate.under.toSorted()).toEqual(['a', 'b']);
  });

  it('is refused where the arguments have no such key, and changes nothing', async () => {
    const scheduler = await join('one');
    const refused = (tenant: unknown, options: Partial<TaskSpec>, message: string) =>
      expect(add(scheduler, 'a', tenant, options)).rejects.toThrow(message);
    for (const tenant of [undefined, null, '', ' ', {}, [], NaN, 'x'.repeat(101), 'half \ud800', 'nul \0']) {
      await refused(tenant, { keyLimit: 1 }, 'a text of 1 to 100 characters');
    }
    await refused('x', { limitKey: 'tenant' }, 'begins with "data." or "args."');
    await refused('x', { limitKey: 'data.constructor.name' }, 'a text of 1 to 100 characters');
    await refused('x', { limitKey: null, keyLimit: 1 }, 'keyLimit');
    await refused('x', { limitKey: null, rateLimit: { max: 1, per: '1s', of: 'key' } }, 'rateLimit.of');
    expect(await scheduler.getTask('a')).toBeNull();
    await add(scheduler, 'a', 7, { keyLimit: 1 });
    await expect(scheduler.updateTask('a', { data: {} })).rejects.toThrow('a text of 1 to 100 characters');
    expect(await scheduler.getTask('a')).toMatchObject({ data: { tenant: 7 } });
  });
});

describe('the keys of a group', () => {
  const erp = { group: 'erp', groupLimit: 1_000 };

  /** Lets the run that is longest under way end, again and again. */
  async function endAll(count: number): Promise<void> {
    for (let ended = 0; ended < count; ended += 1) {
      await gate.end(gate.under[0]!);
      cluster.clock.advance(100);
      await settle();
    }
  }

  it('take turns: however many tasks of one are due, one task of another waits for few of them', async () => {
    const scheduler = await join('one', 2);
    for (let at = 0; at < 60; at += 1) await add(scheduler, `big-${at}`, 'big', erp, 100 - at);
    await add(scheduler, 'small-0', 'small', erp);
    await add(scheduler, 'tiny-0', 'tiny', erp);
    scheduler.resume();
    await settle();
    await endAll(6);
    expect(tenantsOf(gate.order)).toEqual(expect.arrayContaining(['small', 'tiny']));
  });

  it('take turns also where the group is full most of the time', async () => {
    const scheduler = await join('one', 5);
    for (let at = 0; at < 30; at += 1) await add(scheduler, `big-${at}`, 'big', { ...erp, groupLimit: 1 }, 100 - at);
    for (let at = 0; at < 3; at += 1) await add(scheduler, `small-${at}`, 'small', { ...erp, groupLimit: 1 });
    scheduler.resume();
    await settle();
    await endAll(12);
    expect(gate.order.filter((id) => id.startsWith('small'))).toHaveLength(3);
  });

  it('lose no time where only one of them is due, and none is left over', async () => {
    const scheduler = await join('one', 3);
    for (let at = 0; at < 12; at += 1) await add(scheduler, `big-${at}`, 'big', erp, 100 - at);
    scheduler.resume();
    await settle();
    expect(gate.under).toHaveLength(3);
    await endAll(12);
    expect(gate.order).toHaveLength(12);
    await scheduler.addTask({
      id: 'big-last',
      handler: 'work',
      data: { tenant: 'big' },
      limitKey: 'data.tenant',
      ...erp,
    });
    await settle();
    expect(gate.under).toEqual(['big-last']);
  });
});
