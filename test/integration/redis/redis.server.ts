import { Redis } from 'ioredis';
import {
  findBinary,
  freePort,
  removeFolder,
  startServer,
  temporaryFolder,
} from '../../support/servers/owned-process.mjs';
import type { OwnedServer } from '../../support/servers/owned-process.mjs';

/** Keeps every acknowledged write over a kill. */
export const EVERY_WRITE = ['--appendonly', 'yes', '--appendfsync', 'always'];

/** Keeps nothing, for tests that do not restart it. */
export const NOTHING_KEPT = ['--save', '', '--appendonly', 'no'];

/** The path of the server's program. */
export function redisBinary(): string {
  const found = findBinary(['redis-server', 'valkey-server']);
  if (found === null) throw new Error('The tests need redis-server or valkey-server. On Debian: apt-get install redis');
  return found;
}

/** A server of a test's own, in a folder of its own, so that it can be killed and started again. */
export class RedisServer {
  #process: OwnedServer | null = null;

  private constructor(
    readonly port: number,
    private readonly folder: string,
    private readonly args: readonly string[],
  ) {}

  static async start(args: readonly string[], port?: number): Promise<RedisServer> {
    const server = new RedisServer(port ?? (await freePort()), await temporaryFolder(), args);
    await server.run();
    return server;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Starts it, again where it was stopped. */
  async run(): Promise<void> {
    const args = ['--port', `${this.port}`, '--bind', '127.0.0.1', '--dir', this.folder, ...this.args];
    this.#process = await startServer(redisBinary(), args, () => this.#answers());
  }

  /** Ends it, by default without a chance to say goodbye. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    await this.#process?.stop(signal);
    this.#process = null;
  }

  /** Ends it and removes its data. */
  async remove(): Promise<void> {
    await this.kill();
    await removeFolder(this.folder);
  }

  /** Runs `work` with a client. */
  async ask<T>(work: (client: Redis) => Promise<T>): Promise<T> {
    const options = { lazyConnect: true, enableReadyCheck: false, retryStrategy: () => null };
    const client = new Redis(this.port, '127.0.0.1', options);
    client.on('error', () => {});
    try {
      await client.connect();
      return await work(client);
    } finally {
      client.disconnect();
    }
  }

  #answers(): Promise<unknown> {
    return this.ask(async (client) => {
      // With auth on, a refusal is an answer too.
      const answer = await client.ping().catch((error: Error) => error.message);
      if (answer.includes('LOADING')) throw new Error(answer);
    });
  }
}

/** Three masters that share the slots, on ports of their own. */
export class RedisClusterServers {
  private constructor(readonly servers: readonly RedisServer[]) {}

  static async start(): Promise<RedisClusterServers> {
    const servers: RedisServer[] = [];
    try {
      for (let left = 3; left > 0; left -= 1) servers.push(await startNode());
      await join(servers);
      return new RedisClusterServers(servers);
    } catch (error) {
      for (const server of servers) await server.remove();
      throw error;
    }
  }

  get nodes(): { host: string; port: number }[] {
    return this.servers.map(({ port }) => ({ host: '127.0.0.1', port }));
  }

  async remove(): Promise<void> {
    for (const server of this.servers) await server.remove();
  }
}

/** A node listens on a second port for the others, 10,000 above its own. */
async function startNode(): Promise<RedisServer> {
  const args = [...NOTHING_KEPT, '--cluster-enabled', 'yes', '--cluster-node-timeout', '2000'];
  return RedisServer.start(args, await freePort(10_000));
}

async function join(servers: readonly RedisServer[]): Promise<void> {
  const slots = Array.from({ length: 16_384 }, (_, slot) => slot);
  const share = Math.ceil(slots.length / servers.length);
  for (const [at, server] of servers.entries()) {
    await server.ask(async (client) => {
      await client.cluster('ADDSLOTS', ...slots.slice(at * share, (at + 1) * share));
      if (at > 0) await client.cluster('MEET', '127.0.0.1', servers[0]!.port);
    });
  }
  const isWhole = async (server: RedisServer) => {
    const info = await server.ask((client) => client.cluster('INFO'));
    return info.includes('cluster_state:ok') && info.includes(`cluster_known_nodes:${servers.length}`);
  };
  for (let left = 200; left > 0; left -= 1) {
    if ((await Promise.all(servers.map(isWhole))).every(Boolean)) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('The cluster did not come together within 20 s.');
}
