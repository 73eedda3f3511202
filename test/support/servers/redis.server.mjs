import { findBinary, freePort, isListening, removeFolder, startServer, temporaryFolder } from './owned-process.mjs';

async function answers(url) {
  const { Redis } = await import('ioredis');
  const client = new Redis(url, { lazyConnect: true, retryStrategy: () => null, connectTimeout: 5_000 });
  client.on('error', () => {});
  try {
    await client.connect();
    return /redis_version:(\S+)/.exec(await client.info('server'))?.[1];
  } finally {
    client.disconnect();
  }
}

/** @type {import('./bring-up-servers.mjs').ServerKind} */
export const REDIS = {
  name: 'redis',
  title: 'Redis',
  variable: 'ASYNCZ_TEST_REDIS_URL',
  packages: ['redis-server'],
  instructions: 'install Redis or Valkey, or set ASYNCZ_TEST_REDIS_URL=redis://host:port',
  answers,

  async listening() {
    return (await isListening(6379)) ? ['redis://127.0.0.1:6379'] : null;
  },

  async start() {
    const redis = findBinary(['redis-server', 'valkey-server']);
    if (redis === null) return null;
    const folder = await temporaryFolder();
    const port = await freePort();
    const url = `redis://127.0.0.1:${port}`;
    const args = ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder];
    const server = await startServer(redis, args, () => answers(url));
    return { url, how: redis, stop: () => server.stop().then(() => removeFolder(folder)) };
  },
};
