import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { freePort, removeFolder, startServer, temporaryFolder } from '../../support/servers/owned-process.mjs';
import type { OwnedServer } from '../../support/servers/owned-process.mjs';
import { NOTHING_KEPT, redisBinary, RedisServer } from './redis.server.js';

/** A master, its replica, and one sentinel that makes the replica the master soon after the master is gone. */
export class RedisSentinel {
  readonly name = 'test';

  private constructor(
    readonly master: RedisServer,
    private readonly replica: RedisServer,
    private readonly sentinel: OwnedServer,
    private readonly port: number,
    private readonly folder: string,
  ) {}

  static async start(): Promise<RedisSentinel> {
    const master = await RedisServer.start(NOTHING_KEPT);
    const replica = await RedisServer.start([...NOTHING_KEPT, '--replicaof', `127.0.0.1 ${master.port}`]);
    const [folder, port] = [await temporaryFolder(), await freePort()];
    const file = join(folder, 'sentinel.conf');
    const lines = [
      `port ${port}`,
      'bind 127.0.0.1',
      `dir ${folder}`,
      `sentinel monitor test 127.0.0.1 ${master.port} 1`,
      'sentinel down-after-milliseconds test 500',
      'sentinel failover-timeout test 3000',
    ];
    await writeFile(file, `${lines.join('\n')}\n`);
    const knowsReplica = async () => {
      const client = new Redis(port, '127.0.0.1', { lazyConnect: true, retryStrategy: () => null });
      client.on('error', () => {});
      try {
        await client.connect();
        const info = await client.info('sentinel');
        if (!info.includes('slaves=1')) throw new Error('The sentinel does not know the replica yet.');
      } finally {
        client.disconnect();
      }
    };
    const sentinel = await startServer(redisBinary(), [file, '--sentinel'], knowsReplica);
    return new RedisSentinel(master, replica, sentinel, port, folder);
  }

  get sentinels(): { host: string; port: number }[] {
    return [{ host: '127.0.0.1', port: this.port }];
  }

  /** Resolves when the replica has everything that the master has. */
  async replicated(): Promise<void> {
    await this.master.ask((client) => client.wait(1, 10_000));
  }

  async remove(): Promise<void> {
    await this.sentinel.stop('SIGKILL');
    await this.replica.remove();
    await this.master.remove();
    await removeFolder(this.folder);
  }
}
