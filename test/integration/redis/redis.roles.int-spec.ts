import { describe, expect, it } from 'vitest';
import { Scheduler } from 'nestjs-asyncz';
import { RedisStore } from 'nestjs-asyncz/redis';
import { nextEvent } from '../../support/events.js';
import { connectionBench } from './connection.bench.js';
import type { RedisServer } from './redis.server.js';
import { NOTHING_KEPT } from './redis.server.js';

const { server, closing, logger } = connectionBench();

/** A scheduler on a server of its own, with a handler that returns at once. */
async function scheduled(own: RedisServer): Promise<Scheduler> {
  const scheduler = new Scheduler({
    stores: { default: new RedisStore({ url: own.url }) },
    pollInterval: '200ms',
    logger,
  });
  scheduler.registerHandler('work', () => 'done');
  closing.push(() => scheduler.shutdown(0));
  await scheduler.start();
  return scheduler;
}

describe('a server that changes while a scheduler uses it', () => {
  // taskforcesh/bullmq#648, OptimalBits/bull#1738: the worker stops when its master becomes a replica.
  it('runs nothing while it is a replica, and everything once it is a master again', async () => {
    const [own, master] = [await server(NOTHING_KEPT), await server(NOTHING_KEPT)];
    const scheduler = await scheduled(own);
    const runAt = new Date(Date.now() + 1_000);
    await scheduler.addTask({ id: 'due', handler: 'work', trigger: { type: 'date', runAt } });
    const failed = nextEvent(scheduler, 'store.failed');
    // A replica keeps what it has as long as its master cannot be reached.
    await master.kill();
    await own.ask((client) => client.replicaof('127.0.0.1', master.port));
    await expect(scheduler.addTask({ id: 'refused', handler: 'work' })).rejects.toMatchObject({
      code: 'ASYNCZ_STORE_UNAVAILABLE',
      reason: expect.stringMatching(/READONLY|replica/) as string,
    });
    await failed;
    expect((await scheduler.getRuns()).runs).toEqual([]);
    const ran = nextEvent(scheduler, 'run.succeeded');
    const recovered = nextEvent(scheduler, 'store.recovered');
    await own.ask((client) => client.replicaof('NO', 'ONE'));
    await recovered;
    expect(await ran).toMatchObject({ taskId: 'due', attempt: 1 });
    expect(await scheduler.getTask('refused')).toBeNull();
  });

  // BullMQ's documentation of connections, maxmemory-policy.
  it('refuses what is added while it is full, and goes on when there is room', async () => {
    const own = await server([...NOTHING_KEPT, '--maxmemory-policy', 'noeviction']);
    const scheduler = await scheduled(own);
    await own.ask((client) => client.config('SET', 'maxmemory', '1'));
    await expect(scheduler.addTask({ id: 'refused', handler: 'work' })).rejects.toMatchObject({
      code: 'ASYNCZ_STORE_UNAVAILABLE',
      reason: expect.stringContaining('OOM') as string,
    });
    await own.ask((client) => client.config('SET', 'maxmemory', '0'));
    const succeeded = nextEvent(scheduler, 'run.succeeded');
    await scheduler.addTask({ id: 'after', handler: 'work' });
    expect(await succeeded).toMatchObject({ taskId: 'after' });
    expect(await scheduler.getTask('refused')).toBeNull();
  });
});
