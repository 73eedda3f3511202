import type { Cluster, Redis, RedisOptions } from 'ioredis';

/** Either kind of client. */
export type RedisClient = Redis | Cluster;

export function isCluster(client: RedisClient): client is Cluster {
  // Not instanceof: the application may have another copy of ioredis.
  return client.isCluster;
}

/** The nodes that hold data. */
export function dataNodes(client: RedisClient): readonly Redis[] {
  return isCluster(client) ? client.nodes('master') : [client];
}

/** What the client puts in front of every key. */
export function keyPrefixOf(client: RedisClient): string {
  return client.options.keyPrefix ?? '';
}

/** The number of the client's database; a cluster has only one. */
export function databaseOf(client: RedisClient): number {
  return isCluster(client) ? 0 : (client.options.db ?? 0);
}

/** Where a client connects to, for messages: never a name or a password. */
export function addressOf(client: RedisClient): string {
  if (isCluster(client)) {
    const nodes = client.nodes().map(({ options }) => `${options.host}:${options.port}`);
    return nodes.length > 0 ? `the Redis Cluster of ${nodes.sort().join(', ')}` : 'the Redis Cluster';
  }
  return addressOfServer(client.options);
}

/** Where options of ioredis lead to, for messages: never a name or a password. */
export function addressOfServer(options: RedisOptions): string {
  const { sentinels, name, path, host = 'localhost', port = 6_379, db } = options;
  const database = db ? `, database ${db}` : '';
  if (sentinels && sentinels.length > 0) {
    const all = sentinels.map((each) => `${each.host ?? 'localhost'}:${each.port ?? 26_379}`);
    return `Redis "${name}" by the sentinels ${all.join(', ')}${database}`;
  }
  return `Redis at ${path ?? `${host}:${port}`}${database}`;
}
