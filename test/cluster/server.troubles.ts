import { randomBytes } from 'node:crypto';
import { DataSource } from 'typeorm';
import { KillableStandIn } from '../support/mongodb.js';
import { mysqlUrl, postgresUrl } from '../support/server-urls.js';
import type { Mark } from '../support/tcp.proxy.js';
import { EVERY_WRITE, RedisServer } from '../integration/redis/redis.server.js';

/** A server, or a database on one, that a scenario has for itself and may do harm to. */
export interface OwnServer {
  readonly url: string;
  /** Whether it is the MongoDB stand-in, whatever the other tests run on. */
  readonly slow: boolean;
  /** What can befall it, by name. Each resolves when it is over. */
  readonly troubles: Readonly<Record<string, () => Promise<void>>>;
  dispose(): Promise<void>;
}

/** What a scenario has to know of a server in order to disturb it. */
export interface ServerTroubles {
  /** What the requests of a claim hold: of the one that reads what is due, and of the one that makes it so. */
  readonly claimMarks: readonly Mark[];
  own(): Promise<OwnServer>;
}

const newName = () => `asyncz_own_${randomBytes(5).toString('hex')}`;

function withDatabase(url: string, name: string): string {
  const own = new URL(url);
  own.pathname = `/${name}`;
  return own.href;
}

export const POSTGRES_TROUBLES: ServerTroubles = {
  // The statement is prepared, so only its parameters pass: a handler that the process behind the proxy alone has.
  claimMarks: [/BEGIN[^]*"far"/, 'COMMIT'],
  async own() {
    const name = newName();
    const admin = await new DataSource({ type: 'postgres', url: postgresUrl() }).initialize();
    await admin.query(`CREATE DATABASE ${name}`);
    const terminate = async () => {
      await admin.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [name]);
    };
    return {
      url: withDatabase(postgresUrl(), name),
      slow: false,
      troubles: { 'connections terminated': terminate },
      async dispose() {
        await admin.query(`DROP DATABASE ${name} WITH (FORCE)`);
        await admin.destroy();
      },
    };
  },
};

export const MARIADB_TROUBLES: ServerTroubles = {
  claimMarks: ['SKIP LOCKED', 'COMMIT'],
  async own() {
    const name = newName();
    const admin = await new DataSource({ type: 'mysql', url: mysqlUrl() }).initialize();
    await admin.query(`CREATE DATABASE ${name}`);
    const kill = async () => {
      const rows: { id: number }[] = await admin.query(
        'SELECT id AS id FROM information_schema.processlist WHERE db = ?',
        [name],
      );
      for (const { id } of rows) {
        // One that has just gone by itself cannot be killed any more.
        await admin.query(`KILL CONNECTION ${id}`).catch(() => {});
      }
    };
    return {
      url: withDatabase(mysqlUrl(), name),
      slow: false,
      troubles: { 'connections killed': kill },
      async dispose() {
        await admin.query(`DROP DATABASE ${name}`);
        await admin.destroy();
      },
    };
  },
};

export const REDIS_TROUBLES: ServerTroubles = {
  // A call that takes, and one that writes what is known of a task.
  claimMarks: ['"take":', /"entries":\["[sd]","\d/],
  async own() {
    const server = await RedisServer.start(EVERY_WRITE);
    return {
      url: server.url,
      slow: false,
      troubles: {
        'server killed and started': async () => {
          await server.kill();
          await server.run();
        },
        'SCRIPT FLUSH': async () => void (await server.ask((client) => client.script('FLUSH'))),
      },
      dispose: () => server.remove(),
    };
  },
};

export const MONGODB_TROUBLES: ServerTroubles = {
  claimMarks: ['reservedBy', 'writers'],
  async own() {
    const server = await KillableStandIn.start();
    return {
      url: server.url,
      slow: true,
      troubles: {
        'server killed and started': async () => {
          await server.kill();
          await server.startAgain();
        },
      },
      dispose: () => server.dispose(),
    };
  },
};
