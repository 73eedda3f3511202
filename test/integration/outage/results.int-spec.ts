import { describe, expect, it } from 'vitest';
import { Scheduler } from 'nestjs-asyncz';
import type { Store } from 'nestjs-asyncz';
import { until } from 'nestjs-asyncz/testing';
import { clusterStores, portOf, through } from '../../cluster/cluster.stores.js';
import type { ClusterStoreKind } from '../../cluster/cluster.stores.js';
import { nextEvent, recordEvents } from '../../support/events.js';
import { useMongodb } from '../../support/mongodb.js';
import { TcpProxy } from '../../support/tcp.proxy.js';
import { MongooseStore } from '../../../lib/stores/mongoose/mongoose.store.js';
import { RedisStore } from '../../../lib/stores/redis/redis.store.js';
import { TypeormStore } from '../../../lib/stores/typeorm/typeorm.store.js';

const mongodb = useMongodb();
const kinds = clusterStores(() => mongodb.url()).filter(({ server }) => server !== null);
const CLASSES: Record<string, unknown> = { MongooseStore, RedisStore, TypeormStore };

const LEASE_MS = 2_000;
const EACH = 5;

/** Has something done when its test is over. Tests of this file run at the same time: they mostly wait. */
type Later = (work: () => Promise<void> | void) => void;

/** A server that is away for two leases: it refuses connections, or says nothing. */
const OUTAGES = {
  'refuses connections': async (proxy: TcpProxy, port: number, target: number, later: Later) => {
    await proxy.stop();
    return async () => {
      const again = await TcpProxy.start(target, { port });
      later(() => again.stop());
    };
  },
  'says nothing': (proxy: TcpProxy) => {
    proxy.fallSilent();
    return () => proxy.hearAgain();
  },
};

async function storeBehind({ server, create }: ClusterStoreKind, later: Later) {
  const backing = create();
  later(() => backing.dispose());
  const target = portOf(server!.url());
  const proxy = await TcpProxy.start(target);
  later(() => proxy.stop());
  const { className, options } = through(proxy.port, backing.store);
  const StoreClass = CLASSES[className] as new (options: object) => Store;
  return { store: new StoreClass(options), proxy, port: proxy.port, target };
}

describe.concurrent.each(kinds)(
  'runs that end while $name is away for longer than a lease, with one scheduler',
  (kind) => {
    it.for(Object.entries(OUTAGES))(
      'have succeeded, and are not run again, when it %s',
      async ([, begin], { onTestFinished: later }) => {
        const { store, proxy, port, target } = await storeBehind(kind, later);
        const scheduler = new Scheduler({ lease: LEASE_MS, pollInterval: 500, stores: { default: store } });
        later(() => scheduler.shutdown(0));
        const starts: string[] = [];
        let end = () => {};
        const over = new Promise<void>((resolve) => (end = resolve));
        scheduler.registerHandler('work', async (_args, { task, attempt }) => {
          starts.push(`${task.id}#${attempt}`);
          await over;
        });
        await scheduler.start();
        const events = recordEvents(scheduler);
        for (let at = 0; at < EACH; at += 1) {
          await scheduler.addTask({ id: `least-${at}`, handler: 'work' });
          await scheduler.addTask({ id: `most-${at}`, handler: 'work', delivery: 'at-most-once' });
        }
        await until(() => starts.length === 2 * EACH, { what: 'all runs to start' });
        const failed = nextEvent(scheduler, 'store.failed');
        const back = await begin(proxy, port, target, later);
        end();
        await failed;
        await new Promise((resolve) => setTimeout(resolve, 2 * LEASE_MS));
        await back();
        const ended = () => events.filter(({ name }) => name === 'run.succeeded' || name === 'run.fenced').length;
        await until(() => ended() === 2 * EACH, { what: 'all results to be written', timeoutMs: 60_000 });
        const { runs } = await scheduler.getRuns({ limit: 100 });
        expect(runs.map(({ taskId, status, attempt }) => `${taskId}#${attempt} ${status}`).sort()).toEqual(
          starts.map((start) => `${start} succeeded`).sort(),
        );
        expect(events.filter(({ name }) => name === 'run.lost' || name === 'run.fenced')).toEqual([]);
        expect(starts).toHaveLength(2 * EACH);
      },
    );
  },
);
