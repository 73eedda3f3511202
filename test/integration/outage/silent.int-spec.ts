import { describe, expect, it } from 'vitest';
import { Scheduler } from 'nestjs-asyncz';
import type { SchedulerOptions } from 'nestjs-asyncz';
import { until } from 'nestjs-asyncz/testing';
import { clusterStores, portOf, through } from '../../cluster/cluster.stores.js';
import type { Backing, ClusterStoreKind } from '../../cluster/cluster.stores.js';
import { nextEvent } from '../../support/events.js';
import { useMongodb } from '../../support/mongodb.js';
import { TcpProxy } from '../../support/tcp.proxy.js';
import { FileStore } from '../../../lib/stores/file/file.store.js';
import { MongooseStore } from '../../../lib/stores/mongoose/mongoose.store.js';
import { RedisStore } from '../../../lib/stores/redis/redis.store.js';
import { TypeormStore } from '../../../lib/stores/typeorm/typeorm.store.js';

const mongodb = useMongodb();
const kinds = clusterStores(() => mongodb.url()).filter(({ server }) => server !== null);

const CLASSES = { FileStore, MongooseStore, RedisStore, TypeormStore };

/** Has something done when its test is over. Tests of this file run at the same time: they mostly wait. */
type Later = (work: () => Promise<void> | void) => void;

/** How long something takes, in seconds. */
async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return Math.round((performance.now() - start) / 100) / 10;
}

/** A scheduler whose store is behind a proxy. */
async function behindProxy({ server, create }: ClusterStoreKind, later: Later, options: SchedulerOptions = {}) {
  const backing: Backing = create();
  later(() => backing.dispose());
  const proxy = await TcpProxy.start(portOf(server!.url()));
  later(() => proxy.stop());
  const { className, options: settings } = through(proxy.port, backing.store);
  const Store = CLASSES[className as keyof typeof CLASSES] as unknown as new (settings: object) => RedisStore;
  const scheduler = new Scheduler({ ...options, stores: { default: new Store(settings) } });
  later(() => scheduler.shutdown(0));
  return { scheduler, proxy, port: proxy.port };
}

describe.concurrent.each(kinds)('a server that accepts and never answers: $name', (kind) => {
  it('fails the start in time, and names store and address', async ({ onTestFinished }) => {
    const { scheduler, proxy, port } = await behindProxy(kind, onTestFinished);
    proxy.fallSilent();
    let error: unknown = null;
    const took = await secondsOf(() => scheduler.start().catch((caught: unknown) => (error = caught)));
    console.log(`${kind.name}: the start failed after ${took} s: ${(error as Error).message}`);
    expect((error as Error).message).toMatch(new RegExp(`store "default".*127\\.0\\.0\\.1:${port}`));
    expect(took).toBeLessThan(35);
    expect(scheduler.state).toBe('stopped');
    await until(() => proxy.ports.length === 0, { what: 'every connection to be closed' });
  });

  it('lets the scheduler stop in time when it falls silent later', async ({ onTestFinished }) => {
    const { scheduler, proxy } = await behindProxy(kind, onTestFinished, { shutdownTimeout: '3s' });
    scheduler.registerHandler('work', () => {});
    await scheduler.start();
    const ended = nextEvent(scheduler, 'run.succeeded');
    await scheduler.addTask({ id: 'often', handler: 'work', trigger: { type: 'interval', every: 200 } });
    await ended;
    proxy.fallSilent();
    const took = await secondsOf(() => scheduler.shutdown());
    console.log(`${kind.name}: the stop took ${took} s`);
    expect(took).toBeLessThan(8.5);
    expect(scheduler.state).toBe('stopped');
    await until(() => proxy.ports.length === 0, { what: 'every connection to be closed' });
  });
});

/** The same, started, with a task that runs five times a second. */
async function runningBehindProxy(kind: ClusterStoreKind, later: Later) {
  const { scheduler, proxy } = await behindProxy(kind, later);
  let runs = 0;
  scheduler.registerHandler('work', () => void (runs += 1));
  await scheduler.start();
  await scheduler.addTask({ id: 'often', handler: 'work', trigger: { type: 'interval', every: 200 } });
  const moreRuns = () => {
    const before = runs;
    return until(() => runs > before + 3, { what: 'more runs', timeoutMs: 60_000 });
  };
  await moreRuns();
  return { scheduler, proxy, moreRuns };
}

describe.concurrent.each(kinds)('connections that the network has lost while new ones work: $name', (kind) => {
  it('are replaced within 15 seconds, those that bring wake-ups too', async ({ onTestFinished }) => {
    const { proxy, moreRuns } = await runningBehindProxy(kind, onTestFinished);
    proxy.loseConnections();
    const took = await secondsOf(moreRuns);
    console.log(`${kind.name}: back ${took} s after the connections were lost`);
    expect(took).toBeLessThan(15);
  });

  it('are replaced within 15 seconds after a network is back that was silent for longer', async ({
    onTestFinished,
  }) => {
    const { scheduler, proxy, moreRuns } = await runningBehindProxy(kind, onTestFinished);
    const failed = nextEvent(scheduler, 'store.failed');
    proxy.fallSilent();
    await failed;
    proxy.hearAgain();
    const took = await secondsOf(moreRuns);
    console.log(`${kind.name}: back ${took} s after the network`);
    expect(took).toBeLessThan(15);
  });
});

describe.concurrent.each(kinds)('a server that takes half a second for every answer: $name', (kind) => {
  it('is started on, worked with and left in time, and is not taken for one that fails', async ({ onTestFinished }) => {
    const { scheduler, proxy } = await behindProxy(kind, onTestFinished);
    proxy.delay(250);
    scheduler.registerHandler('work', () => {});
    const failures: string[] = [];
    scheduler.addListener(({ name }) => failures.push(name), ['store.failed', 'run.fenced', 'run.lost']);
    const start = await secondsOf(() => scheduler.start());
    const ended = nextEvent(scheduler, 'run.succeeded');
    await scheduler.addTask({ id: 'a', handler: 'work' });
    const run = await secondsOf(() => ended);
    const stop = await secondsOf(() => scheduler.shutdown());
    console.log(
      `${kind.name}, half a second slow: started after ${start} s, ran after ${run} s, stopped after ${stop} s`,
    );
    expect(failures).toEqual([]);
    expect(start).toBeLessThan(30);
    expect(stop).toBeLessThan(15);
  });
});
