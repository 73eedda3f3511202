// The stores of this application, by the name of what they are on.
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';

const unique = `peers_${randomBytes(4).toString('hex')}`;

/** The names of the databases that there are. */
export const NAMES = process.env.PEERS_STORES.split(',');

/** What TypeORM connects with. */
export const DATA_SOURCES = {
  sqlite: { type: 'better-sqlite3', database: join(process.env.PEERS_FOLDER, 'peers.db') },
  postgres: { type: 'postgres', url: process.env.ASYNCZ_TEST_POSTGRES_URL },
  mysql: { type: 'mysql', url: process.env.ASYNCZ_TEST_MYSQL_URL },
};

export const MONGODB_DATABASE = unique;

/** Where the tasks of a namespace are. */
export const placeOf = (namespace) => `${unique}_${namespace}`;
