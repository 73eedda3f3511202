import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Cluster } from 'ioredis';
import { createStoreContext, describeStore, makeTask } from 'nestjs-asyncz/testing';
import { createStore, keysFor, keysOfNamespace, kitOptions, removeNamespace } from './redis.kit.js';
import { RedisClusterServers } from './redis.server.js';

let servers: RedisClusterServers;
let admin: Cluster;
let shared: Cluster;

beforeAll(async () => {
  servers = await RedisClusterServers.start();
  admin = new Cluster(servers.nodes);
  shared = new Cluster(servers.nodes);
});

afterAll(async () => {
  admin?.disconnect();
  shared?.disconnect();
  await servers?.remove();
});

describeStore('RedisStore on a cluster of three', (request) => createStore(request, { client: shared }), {
  ...kitOptions(
    () => admin,
    () => new Cluster(servers.nodes),
  ),
  // The single server has the full volume.
  volume: 2_000,
});

describe('RedisStore on a cluster of three', () => {
  it('keeps all keys of a store in one slot, and different stores on different nodes', async () => {
    const used = new Set<string>();
    for (let at = 0; at < 20 && used.size < 2; at += 1) {
      const request = { namespace: `slots_${at}` };
      const store = createStore(request, { client: shared });
      await store.start(createStoreContext());
      await store.addTask(makeTask('a', { nextRunTime: 1 }));
      await store.transact({ ids: ['a'] }, (task) => ({ task, history: [], value: null }));
      const keys = await keysOfNamespace(admin, request);
      expect(keys).toContain(keysFor(request).tasksKey);
      const slots = new Set(await Promise.all(keys.map((key) => admin.cluster('KEYSLOT', key))));
      expect(slots.size).toBe(1);
      for (const node of admin.nodes('master')) {
        if ((await node.keys(`*${request.namespace}*`)).length > 0) used.add(`${node.options.port}`);
      }
      await store.shutdown();
      await removeNamespace(admin, request);
    }
    expect(used.size).toBeGreaterThan(1);
  });
});
