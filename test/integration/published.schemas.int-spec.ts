import { describe, expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';
import { ArgumentsRefusedError, Scheduler } from 'nestjs-asyncz';
import type { Store } from 'nestjs-asyncz';
import { TypeormStore } from 'nestjs-asyncz/typeorm';
import { DataSource } from 'typeorm';
import { clusterStores } from '../cluster/cluster.stores.js';
import { dropTables, postgres } from './typeorm/support/databases.js';
import { useMongodb } from '../support/mongodb.js';

const mongodb = useMongodb();
const KINDS = clusterStores(() => mongodb.url());

const REPORT = z.object({ to: z.string().min(1), ünï: z.number().optional() });

async function start(role: 'worker' | 'client', store: Store): Promise<Scheduler> {
  const scheduler = new Scheduler({ role, stores: { default: store } });
  if (role === 'worker') scheduler.registerHandler('report', () => {}, { schema: REPORT });
  onTestFinished(() => scheduler.shutdown(0));
  await scheduler.start();
  return scheduler;
}

const task = (data: object, id: string) => ({ id, handler: 'report', data, delay: '1h' }) as const;

describe.each(KINDS)('schemas that workers tell, on $name', ({ create }) => {
  it('reach a client, which refuses by them', async () => {
    const backing = create();
    onTestFinished(() => backing.dispose());
    await start('worker', backing.open());
    const client = await start('client', backing.open());
    await expect(client.addTask(task({ to: '' }, 'a'))).rejects.toThrow(
      new ArgumentsRefusedError('report', [
        { path: 'data.to', message: 'String is too short (0 < 1).', rule: 'minLength' },
      ]),
    );
    await client.addTask(task({ to: 'eve' }, 'b'));
    await expect(client.updateTask('b', { data: { to: 'eve', ünï: 'x' } })).rejects.toThrow(ArgumentsRefusedError);
    expect((await client.getTaskInfos()).tasks).toMatchObject([{ id: 'b', data: { to: 'eve' } }]);
    expect(await client.getHandlers()).toMatchObject([{ name: 'report', schema: { required: ['to'] } }]);
  });
});

describe('a client within a transaction of the caller, which has the only connection', () => {
  it('asks nothing and waits for nothing', async () => {
    const { url } = postgres();
    const tableName = `asyncz_published_${process.pid}`;
    const dataSource = await new DataSource({ type: 'postgres', url, extra: { max: 1 } }).initialize();
    onTestFinished(async () => {
      await dropTables(dataSource, tableName);
      await dataSource.destroy();
    });
    await start('worker', new TypeormStore({ database: url, tableName }));
    const client = await start('client', new TypeormStore({ dataSource, tableName }));
    const add = (data: object, id: string) =>
      dataSource.transaction((transaction) => client.addTask({ ...task(data, id), transaction }));
    await add({ to: '' }, 'unknown yet');
    await expect(client.addTask(task({ to: '' }, 'a'))).rejects.toThrow(ArgumentsRefusedError);
    await expect(add({ to: '' }, 'b')).rejects.toThrow(ArgumentsRefusedError);
    await add({ to: 'eve' }, 'c');
    expect((await client.getTaskInfos()).tasks.map(({ id }) => id).toSorted()).toEqual(['c', 'unknown yet']);
  });
});
