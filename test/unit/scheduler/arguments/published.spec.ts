import { describe, expect, expectTypeOf, it } from 'vitest';
import { z } from 'zod';
import { ArgumentsRefusedError, TaskListError } from 'nestjs-asyncz';
import type {
  HandlerInfo,
  HandlerOptions,
  HandlerVariant,
  JsonSchema,
  Scheduler,
  SchedulerService,
} from 'nestjs-asyncz';
import { settle } from '../../../support/gate.js';
import { ClusterStore, MemoryCluster } from '../../../support/memory.cluster.js';
import { HOURLY } from '../../../support/task.factory.js';

const REPORT = z.object({ to: z.string().min(1), copies: z.number().int().default(1) });
const PAIR = z.tuple([z.string(), z.number()]);

const withHandler = (name: string, options?: HandlerOptions) => (scheduler: Scheduler) =>
  scheduler.registerHandler(name, () => {}, options);

async function workerAndClient(options?: HandlerOptions) {
  const cluster = new MemoryCluster();
  const worker = await cluster.join('worker', {}, { setUp: withHandler('report', options) });
  const client = await cluster.join('client', {}, { role: 'client' });
  return { cluster, worker, client };
}

const task = (data: object) => ({ handler: 'report', data, trigger: HOURLY });

async function expectRefused(asked: Promise<unknown>, path: string, rule: string): Promise<void> {
  const error: unknown = await asked.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(ArgumentsRefusedError);
  expect((error as ArgumentsRefusedError).issues).toMatchObject([{ path, rule }]);
  expect((error as ArgumentsRefusedError).handler).toBe('report');
}

describe('a client, by the schemas that workers tell', () => {
  it('refuses what the handler does not take, and stores nothing', async () => {
    const { cluster, client } = await workerAndClient({ schema: REPORT });
    await expectRefused(client.addTask(task({ to: 'eve', copies: 'two' })), 'data.copies', 'type');
    await expectRefused(client.addTask(task({ copies: 1 })), 'data.to', 'required');
    await expectRefused(client.upsertTask({ id: 'a', ...task({ to: '' }) }), 'data.to', 'minLength');
    expect([...cluster.disk.rows.keys()].filter((id) => !id.startsWith('asyncz:'))).toEqual([]);
    await client.addTask({ id: 'b', ...task({ to: 'eve' }) });
    expect((await client.getTask('b'))?.data).toEqual({ to: 'eve' });
  });

  it('refuses a list of tasks before the first is added, and names the one', async () => {
    const { client } = await workerAndClient({ schema: REPORT });
    const error: unknown = await client
      .addTasks([task({ to: 'a' }), task({ to: 5 })])
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(TaskListError);
    expect((error as TaskListError).index).toBe(1);
    expect((error as TaskListError).cause).toBeInstanceOf(ArgumentsRefusedError);
    expect((await client.getTaskInfos()).total).toBe(0);
  });

  it('refuses a change of arguments, and leaves the task as it is', async () => {
    const { client } = await workerAndClient({ schema: REPORT });
    await client.addTask({ id: 'a', ...task({ to: 'eve' }) });
    await expectRefused(client.updateTask('a', { data: { to: 7 } }), 'data.to', 'type');
    expect((await client.getTask('a'))?.data).toEqual({ to: 'eve' });
    await client.updateTask('a', { name: 'another' });
  });

  it('checks a list of args', async () => {
    const { client } = await workerAndClient({ schema: PAIR });
    const asked = client.addTask({ handler: 'report', args: ['a', 'b'], trigger: HOURLY });
    await expectRefused(asked, 'args[1]', 'type');
    await client.addTask({ handler: 'report', args: ['a', 1], trigger: HOURLY });
  });

  it('leaves what it cannot check to the check before the run', async () => {
    const validate = () => ({ issues: [{ message: 'never' }] });
    const { cluster, client } = await workerAndClient({
      schema: { '~standard': { version: 1, vendor: 'own', validate } },
    });
    await client.addTask(task({ any: 1 }));
    await client.addTask({ ...task({ any: 1 }), handler: 'nobody has it' });
    await cluster.join('w2', {}, { setUp: withHandler('open') });
    await client.addTask({ ...task({ any: 1 }), handler: 'open' });
  });

  it('refuses only what no version of the code takes, and nothing where one takes all', async () => {
    const { cluster, client } = await workerAndClient({ schema: REPORT });
    await cluster.join('newer', {}, { setUp: withHandler('report', { schema: z.object({ to: z.number() }) }) });
    await client.addTask(task({ to: 'eve' }));
    await client.addTask(task({ to: 5 }));
    await expectRefused(client.addTask(task({ to: false })), 'data.to', 'type');
    await cluster.join('oldest', {}, { setUp: withHandler('report') });
    await client.addTask(task({ to: false }));
  });

  it('does not check arguments of another version', async () => {
    const upcast = { 1: (old: unknown) => old };
    const { client } = await workerAndClient({ schema: REPORT, schemaVersion: 2, upcast });
    await client.addTask(task({ to: 5 }));
    await expectRefused(client.addTask({ ...task({ to: 5 }), schemaVersion: 2 }), 'data.to', 'type');
  });

  it('hears of a handler that is registered, and of a schema that comes with a deploy', async () => {
    const { cluster, worker, client } = await workerAndClient({ schema: REPORT });
    await expectRefused(client.addTask(task({ to: 5 })), 'data.to', 'type');
    await worker.shutdown();
    // Nobody has it now.
    await client.addTask(task({ to: 5 }));
    const next = await cluster.join(
      'next',
      {},
      { setUp: withHandler('report', { schema: z.object({ to: z.number() }) }) },
    );
    await client.addTask(task({ to: 5 }));
    next.registerHandler('late', () => {}, { schema: PAIR });
    cluster.clock.advance(15_000);
    await settle();
    cluster.clock.advance(61_000);
    await settle();
    await expect(client.addTask({ handler: 'late', args: [1], trigger: HOURLY })).rejects.toThrow(
      ArgumentsRefusedError,
    );
  });

  it('asks once for many tasks', async () => {
    const cluster = new MemoryCluster();
    await cluster.join('worker', {}, { setUp: withHandler('report', { schema: REPORT }) });
    let asked = 0;
    class CountingStore extends ClusterStore {
      override schedulers() {
        asked += 1;
        return super.schedulers();
      }
    }
    const client = await cluster.join('client', {}, { role: 'client', store: new CountingStore(cluster.disk) });
    asked = 0;
    await client.addTasks(Array.from({ length: 30 }, () => task({ to: 'eve' })));
    await client.addTask(task({ to: 'eve' }));
    expect(asked).toBe(1);
  });

  it('adds its tasks while the store does not say who is there', async () => {
    const cluster = new MemoryCluster();
    await cluster.join('worker', {}, { setUp: withHandler('report', { schema: REPORT }) });
    let isDown = false;
    class DumbStore extends ClusterStore {
      override schedulers() {
        return isDown ? Promise.reject(new Error('down')) : super.schedulers();
      }
    }
    const client = await cluster.join('client', {}, { role: 'client', store: new DumbStore(cluster.disk) });
    isDown = true;
    await client.addTask(task({ to: 5 }));
    isDown = false;
    await expectRefused(client.addTask(task({ to: 5 })), 'data.to', 'type');
  });
});

describe('what workers tell', () => {
  const recordOf = ({ disk }: MemoryCluster) => JSON.stringify(disk.rows.get('asyncz:inputs') ?? null);

  it('stands once in the store for all that run the same code, and not in their heartbeats', async () => {
    const { cluster, worker } = await workerAndClient({ schema: REPORT });
    const before = recordOf(cluster);
    expect(before).toContain('copies');
    await cluster.join('second', {}, { setUp: withHandler('report', { schema: REPORT }) });
    expect(recordOf(cluster)).toBe(before);
    expect(JSON.stringify(cluster.disk.rows.get('asyncz:schedulers'))).not.toContain('copies');
    expect((await worker.getSchedulerInstanceInfos()).find(({ identity }) => identity === 'second')?.handlers).toEqual([
      'report',
    ]);
  });

  it('is nothing without a schema', async () => {
    const { cluster } = await workerAndClient();
    expect(recordOf(cluster)).toBe('null');
  });

  it('is bounded: of many different deploys the newest are kept', async () => {
    const cluster = new MemoryCluster();
    for (let n = 0; n < 40; n += 1) {
      const schema = z.object({ [`field${n}`]: z.string() });
      const worker = await cluster.join(`w${n}`, {}, { setUp: withHandler('report', { schema }) });
      await worker.shutdown();
    }
    expect(recordOf(cluster)).not.toContain('field23');
    expect(recordOf(cluster)).toContain('field24');
    expect(recordOf(cluster)).toContain('field39');
  });

  it('is told again after the store was emptied', async () => {
    const { cluster, client } = await workerAndClient({ schema: REPORT });
    cluster.disk.rows.clear();
    for (let beats = 0; beats < 8; beats += 1) {
      cluster.clock.advance(15_000);
      await settle();
    }
    await expectRefused(client.addTask(task({ to: 5 })), 'data.to', 'type');
  });
});

describe('getHandlers', () => {
  it('gives the handlers with who has them and what they take', async () => {
    const { cluster, client } = await workerAndClient({ schema: REPORT });
    await cluster.join(
      'second',
      { plain: () => {} },
      { setUp: withHandler('report', { schema: PAIR, schemaVersion: 2, upcast: {} }) },
    );
    const [plain, report, ...more] = await client.getHandlers();
    expect(more).toEqual([]);
    expect(plain).toEqual({
      name: 'plain',
      schedulers: ['second'],
      schemaVersion: 1,
      schema: null,
      variants: [{ schedulers: ['second'], schemaVersion: 1, schema: null }],
    });
    expect(report!.schedulers.toSorted()).toEqual(['second', 'worker']);
    expect(report!.variants).toHaveLength(2);
    const mine = report!.variants.find(({ schemaVersion }) => schemaVersion === 1)!;
    expect(mine.schedulers).toEqual(['worker']);
    expect(mine.schema).toMatchObject({ type: 'object', required: ['to'], properties: { copies: { default: 1 } } });
  });

  it('leaves out the dead, and clients', async () => {
    const { client, worker } = await workerAndClient();
    client.registerHandler('mine', () => {});
    expect((await worker.getHandlers()).map(({ name }) => name)).toEqual(['report']);
    await worker.shutdown();
    expect(await client.getHandlers()).toEqual([]);
    await client.shutdown();
    expect(await client.getHandlers()).toEqual([]);
  });

  it('is typed', () => {
    expectTypeOf<SchedulerService['getHandlers']>().returns.resolves.toEqualTypeOf<readonly HandlerInfo[]>();
    expectTypeOf<HandlerInfo['variants'][number]>().toEqualTypeOf<HandlerVariant>();
    expectTypeOf<HandlerInfo['schema']>().toEqualTypeOf<JsonSchema | null>();
  });
});
