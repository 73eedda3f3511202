import { describe, it } from 'vitest';
import type { Cluster, Redis } from 'ioredis';
import type { DescribeStoreOptions, StoreRequest } from 'nestjs-asyncz/testing';
import { RedisStore } from 'nestjs-asyncz/redis';
import type { RedisStoreOptions } from 'nestjs-asyncz/redis';

type Client = Redis | Cluster;

/** The names of a namespace's keys: no hash tag, so that the store has to see to it that they are in one slot. */
export function keysFor({ namespace }: StoreRequest): { tasksKey: string; runTimesKey: string } {
  return { tasksKey: `${namespace}.tasks`, runTimesKey: `${namespace}.run_times` };
}

/** Every key of a namespace. */
export async function keysOfNamespace(client: Client, { namespace }: StoreRequest): Promise<string[]> {
  const nodes = client.isCluster ? (client as Cluster).nodes('master') : [client as Redis];
  return (await Promise.all(nodes.map((node) => node.keys(`*${namespace}.*`)))).flat();
}

/** Removes what a test has left. */
export async function removeNamespace(client: Client, request: StoreRequest): Promise<void> {
  for (const key of await keysOfNamespace(client, request)) await client.del(key);
}

/**
 * What the conformance kit needs to know of Redis.
 *
 * @param admin A client for looking at and damaging what is stored.
 * @param connect Makes a client that is handed to a store.
 */
export function kitOptions(admin: () => Client, connect: () => Client): DescribeStoreOptions {
  return {
    describe,
    it,
    cleanup: (request) => removeNamespace(admin(), request),
    damage: async (request) => {
      const { tasksKey } = keysFor(request);
      const whole = await admin().hget(tasksKey, request.id);
      await admin().hset(tasksKey, request.id, whole!.slice(0, -20));
      return async () => void (await admin().hset(tasksKey, request.id, whole!));
    },
    dump: async (request) => {
      const parts: Buffer[] = [];
      for (const key of await keysOfNamespace(admin(), request)) {
        parts.push(Buffer.from(key));
        if ((await admin().type(key)) === 'hash') parts.push(Buffer.from(JSON.stringify(await admin().hgetall(key))));
        else parts.push(Buffer.from((await admin().zrange(key, 0, -1)).join('\n')));
      }
      return Buffer.concat(parts);
    },
    borrow: (request) => {
      const client = connect();
      return {
        store: new RedisStore({ ...keysFor(request), client }),
        isOpen: async () => (await client.ping()) === 'PONG',
        close: () => client.disconnect(),
      };
    },
  };
}

/** A store of a namespace on a connection. */
export function createStore(request: StoreRequest, connection: RedisStoreOptions): RedisStore {
  return new RedisStore({ ...connection, ...keysFor(request) });
}
