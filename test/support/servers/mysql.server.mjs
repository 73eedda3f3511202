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

const DATABASE = 'test';

/** Makes the database, which a new server does not have. */
async function answers(url) {
  const { default: mysql } = await import('mysql2/promise');
  const server = new URL(url);
  const database = server.pathname.slice(1);
  server.pathname = '/';
  const connection = await mysql.createConnection({ uri: server.href, connectTimeout: 5_000 });
  try {
    await connection.query('CREATE DATABASE IF NOT EXISTS ??', [database]);
    const [rows] = await connection.query('SELECT VERSION() AS version');
    return /** @type {{ version: string }[]} */ (rows)[0].version;
  } finally {
    connection.destroy();
  }
}

/** @type {import('./bring-up-servers.mjs').ServerKind} */
export const MYSQL = {
  name: 'mysql',
  title: 'MariaDB or MySQL',
  variable: 'ASYNCZ_TEST_MYSQL_URL',
  packages: ['mariadb-server'],
  instructions: 'install MariaDB, or set ASYNCZ_TEST_MYSQL_URL=mysql://user:password@host:port/database',
  answers,

  async listening() {
    if (!(await isListening(3306))) return null;
    return ['root', 'root:root', 'root:mysql'].map((user) => `mysql://${user}@127.0.0.1:3306/${DATABASE}`);
  },

  async start() {
    const install = findBinary(['mariadb-install-db', 'mysql_install_db']);
    const mariadbd = findBinary(['mariadbd']);
    if (install === null || mariadbd === null) return null;
    const folder = await temporaryFolder();
    const data = join(folder, 'data');
    const as = process.getuid?.() === 0 ? ['--user=root'] : [];
    await execute(install, ['--no-defaults', ...as, `--datadir=${data}`, '--auth-root-authentication-method=normal']);
    const port = await freePort();
    const url = `mysql://root@127.0.0.1:${port}/${DATABASE}`;
    const args = [
      '--no-defaults',
      ...as,
      `--datadir=${data}`,
      `--port=${port}`,
      '--bind-address=127.0.0.1',
      `--socket=${join(folder, 's.sock')}`,
      `--pid-file=${join(folder, 'pid')}`,
    ];
    const server = await startServer(mariadbd, args, () => answers(url));
    return { url, how: mariadbd, stop: () => server.stop().then(() => removeFolder(folder)) };
  },
};
