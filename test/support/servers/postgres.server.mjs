import { readdirSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import {
  execute,
  findBinary,
  freePort,
  isListening,
  removeFolder,
  startServer,
  temporaryFolder,
} from './owned-process.mjs';

/** Debian keeps the programs of each version in a folder of its own, off the PATH. */
function debianFolders() {
  const root = '/usr/lib/postgresql';
  try {
    return readdirSync(root)
      .sort((a, b) => Number(b) - Number(a))
      .map((version) => join(root, version, 'bin'));
  } catch {
    return [];
  }
}

async function answers(url) {
  const { default: pg } = await import('pg');
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  client.on('error', () => {});
  try {
    await client.connect();
    const { rows } = await client.query('SHOW server_version');
    return rows[0].server_version;
  } finally {
    await client.end().catch(() => {});
  }
}

/** PostgreSQL does not run as root. */
async function unprivileged() {
  if (process.getuid?.() !== 0) return {};
  for (const name of ['postgres', 'nobody']) {
    try {
      return { uid: Number(await execute('id', ['-u', name])) };
    } catch {
      // No such user: the next one.
    }
  }
  return {};
}

/** @type {import('./bring-up-servers.mjs').ServerKind} */
export const POSTGRES = {
  name: 'postgres',
  title: 'PostgreSQL',
  variable: 'ASYNCZ_TEST_POSTGRES_URL',
  packages: ['postgresql'],
  instructions: 'install PostgreSQL, or set ASYNCZ_TEST_POSTGRES_URL=postgres://user:password@host:port/database',
  answers,

  async listening() {
    if (!(await isListening(5432))) return null;
    const users = ['postgres', 'postgres:postgres', userInfo().username];
    return users.map((user) => `postgres://${user}@127.0.0.1:5432/postgres`);
  },

  async start() {
    const folders = debianFolders();
    const initdb = findBinary(['initdb'], folders);
    const postgres = findBinary(['postgres'], folders);
    if (initdb === null || postgres === null) return null;
    const as = await unprivileged();
    const folder = await temporaryFolder(as.uid);
    const data = join(folder, 'data');
    await execute(initdb, ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-sync'], {
      ...as,
      cwd: folder,
    });
    const port = await freePort();
    const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
    const args = [
      '-D',
      data,
      '-p',
      `${port}`,
      '-c',
      'listen_addresses=127.0.0.1',
      '-k',
      folder,
      '-c',
      'max_connections=200',
    ];
    const server = await startServer(postgres, args, () => answers(url), as);
    // SIGINT ends it at once and in order; SIGTERM waits for clients.
    return { url, how: postgres, stop: () => server.stop('SIGINT').then(() => removeFolder(folder)) };
  },
};
