import { afterEach, describe, expect, it } from 'vitest';
import { Scheduler } from 'nestjs-asyncz';
import type { Logger, Store } from 'nestjs-asyncz';
import { until } from 'nestjs-asyncz/testing';
import { RedisStore } from 'nestjs-asyncz/redis';
import { clusterStores } from '../../cluster/cluster.stores.js';
import { nextEvent } from '../../support/events.js';
import { useMongodb } from '../../support/mongodb.js';
import { NOTHING_KEPT, RedisServer } from '../redis/redis.server.js';

const mongodb = useMongodb();

let closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

/** A scheduler whose code declares a task that runs often. */
async function declaring(store: Store) {
  const errors: string[] = [];
  const logger: Logger = { debug() {}, info() {}, warn() {}, error: (line) => errors.push(line) };
  const scheduler = new Scheduler({ heartbeatInterval: '1s', logger, stores: { default: store } });
  let runs = 0;
  scheduler.registerHandler('work', () => void (runs += 1));
  scheduler.declareTasks([{ id: 'often', handler: 'work', trigger: { type: 'interval', every: 200 } }]);
  closing.push(() => scheduler.shutdown());
  await scheduler.start();
  await until(() => runs > 1, { what: 'runs' });
  return { scheduler, errors, runs: () => runs };
}

async function expectBack(
  { scheduler, errors, runs }: Awaited<ReturnType<typeof declaring>>,
  empty: () => Promise<void>,
) {
  const emptied = nextEvent(scheduler, 'store.emptied');
  await empty();
  await emptied;
  const before = runs();
  await until(() => runs() > before + 1, { what: 'runs again' });
  expect(errors.filter((line) => line.includes('was emptied or replaced'))).toHaveLength(1);
  expect((await scheduler.getSchedulerInfo()).stores).toMatchObject([{ emptiedAt: expect.any(Date) }]);
}

describe('a store that somebody empties while a scheduler runs', () => {
  it.each(clusterStores(() => mongodb.url()))(
    'is reported, and has what the code declares again soon: $name',
    async ({ create }) => {
      const backing = create();
      closing.push(() => backing.dispose());
      await expectBack(await declaring(backing.open()), () => backing.empty());
    },
  );
});

describe('a Redis that comes back without what it had', () => {
  const serve = async () => {
    const server = await RedisServer.start(NOTHING_KEPT);
    closing.push(() => server.remove());
    return { server, running: await declaring(new RedisStore({ url: server.url })) };
  };

  it('after FLUSHALL', async () => {
    const { server, running } = await serve();
    await expectBack(running, () => server.ask(async (client) => void (await client.flushall())));
  });

  it('after a restart', async () => {
    const { server, running } = await serve();
    await expectBack(running, async () => {
      await server.kill();
      await server.run();
    });
  });

  it('after it began to evict what was used least', async () => {
    const { server, running } = await serve();
    await expectBack(running, () =>
      server.ask(async (client) => {
        // What it drops first depends on its clock, so the tasks are dropped by hand as it would.
        for (const key of await client.keys('*asyncz.tasks*'))
          if (!key.includes('schedulers')) await client.unlink(key);
      }),
    );
  });
});
