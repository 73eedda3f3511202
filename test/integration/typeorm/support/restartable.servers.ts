import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { DataSource } from 'typeorm';
import type { DataSourceOptions } from 'typeorm';
import {
  execute,
  findBinary,
  freePort,
  removeFolder,
  startServer,
  temporaryFolder,
} from '../../../support/servers/owned-process.mjs';
import type { OwnedServer } from '../../../support/servers/owned-process.mjs';

/** How one kind of server is made and started. */
interface Kind {
  readonly name: string;
  readonly file: string;
  readonly as: { readonly uid?: number };
  /** Makes its data. */
  prepare(folder: string): Promise<void>;
  args(folder: string, port: number): string[];
  url(port: number): string;
  readonly type: DataSourceOptions['type'];
  /** Ends it as a crash does: what was not written is not. */
  readonly crash: NodeJS.Signals;
}

/** A server of a test's own, in a folder of its own, so that it can be brought down and up again. */
export class RestartableServer {
  #process: OwnedServer | null = null;

  private constructor(
    readonly kind: Kind,
    readonly port: number,
    private readonly folder: string,
  ) {}

  static async start(kind: Kind): Promise<RestartableServer> {
    const folder = await temporaryFolder(kind.as.uid);
    await kind.prepare(folder);
    const server = new RestartableServer(kind, await freePort(), folder);
    await server.run();
    return server;
  }

  get url(): string {
    return this.kind.url(this.port);
  }

  /** Starts it, again where it was brought down. */
  async run(): Promise<void> {
    const { file, as } = this.kind;
    this.#process = await startServer(file, this.kind.args(this.folder, this.port), () => this.#answers(), as);
  }

  async crash(): Promise<void> {
    await this.#process?.stop(this.kind.crash);
    this.#process = null;
  }

  /** Ends it and removes its data. */
  async remove(): Promise<void> {
    await this.crash();
    await removeFolder(this.folder);
  }

  async #answers(): Promise<void> {
    const dataSource = new DataSource({ type: this.kind.type, url: this.url } as DataSourceOptions);
    await dataSource.initialize();
    await dataSource.destroy();
  }
}

function needed(name: string, folders: readonly string[] = []): string {
  const found = findBinary([name], folders);
  if (found === null) throw new Error(`The tests need ${name}. On Debian: apt-get install postgresql mariadb-server`);
  return found;
}

/** Debian keeps the programs of each version in a folder of its own, off the PATH. */
function debianFolders(): string[] {
  const root = '/usr/lib/postgresql';
  try {
    return readdirSync(root)
      .sort((a, b) => Number(b) - Number(a))
      .map((version) => join(root, version, 'bin'));
  } catch {
    return [];
  }
}

export async function postgresServer(): Promise<Kind> {
  const folders = debianFolders();
  // PostgreSQL does not run as root.
  const as = process.getuid?.() === 0 ? { uid: Number(await execute('id', ['-u', 'postgres'])) } : {};
  return {
    name: 'PostgreSQL',
    file: needed('postgres', folders),
    as,
    type: 'postgres',
    crash: 'SIGQUIT',
    prepare: async (folder) => {
      const args = ['-D', join(folder, 'data'), '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-sync'];
      await execute(needed('initdb', folders), args, { ...as, cwd: folder });
    },
    args: (folder, port) => [
      '-D',
      join(folder, 'data'),
      '-p',
      `${port}`,
      '-c',
      'listen_addresses=127.0.0.1',
      '-k',
      folder,
    ],
    url: (port) => `postgres://postgres@127.0.0.1:${port}/postgres`,
  };
}

export async function mariadbServer(): Promise<Kind> {
  const as = process.getuid?.() === 0 ? ['--user=root'] : [];
  return {
    name: 'MariaDB',
    file: needed('mariadbd'),
    as: {},
    type: 'mysql',
    crash: 'SIGKILL',
    prepare: async (folder) => {
      const args = [
        '--no-defaults',
        ...as,
        `--datadir=${join(folder, 'data')}`,
        '--auth-root-authentication-method=normal',
      ];
      await execute(needed('mariadb-install-db'), args);
    },
    args: (folder, port) => [
      '--no-defaults',
      ...as,
      `--datadir=${join(folder, 'data')}`,
      `--port=${port}`,
      '--bind-address=127.0.0.1',
      `--socket=${join(folder, 's.sock')}`,
      `--pid-file=${join(folder, 'pid')}`,
    ],
    // A database that every new server has.
    url: (port) => `mysql://root@127.0.0.1:${port}/test`,
  };
}
