import type { DataSource } from 'typeorm';
import { whyTooOld } from '../../server-age.js';
import type { Version } from '../../server-age.js';

type Product = 'PostgreSQL' | 'MySQL' | 'MariaDB' | 'SQLite';

/** What a database says that it is. */
export interface ServerVersion {
  readonly product: Product;
  /** As the server puts it: `10.11.19-MariaDB-0+deb12u1`. */
  readonly text: string;
}

/** The oldest that have what the statements need: SKIP LOCKED, incremental sorts in PostgreSQL, OCTET_LENGTH in SQLite. */
const OLDEST: Readonly<Record<Product, Version>> = {
  PostgreSQL: [13, 0],
  MySQL: [8, 0],
  MariaDB: [10, 6],
  SQLite: [3, 43],
};

/** Asks PostgreSQL, MySQL, MariaDB or SQLite for its version; null for what TypeORM alone knows. */
export async function versionOf(dataSource: DataSource): Promise<ServerVersion | null> {
  const { type } = dataSource.options;
  if (type === 'postgres') {
    const [answer] = (await dataSource.query('SHOW server_version')) as { server_version: string }[];
    return { product: 'PostgreSQL', text: answer?.server_version ?? '' };
  }
  if (type === 'better-sqlite3') {
    const [answer] = (await dataSource.query('SELECT sqlite_version() AS version')) as { version: string }[];
    return { product: 'SQLite', text: answer?.version ?? '' };
  }
  if (type !== 'mysql' && type !== 'mariadb') return null;
  // Either driver speaks to either server.
  const [answer] = (await dataSource.query('SELECT VERSION() AS version')) as { version: string }[];
  const text = answer?.version ?? '';
  return { product: /mariadb/i.test(text) ? 'MariaDB' : 'MySQL', text };
}

/** Why a server cannot be used; null when it can, or does not say what it is in a way that is understood. */
export function versionProblem({ product, text }: ServerVersion): string | null {
  // Some put the version that old clients expect before their own: 5.5.5-10.6.12-MariaDB.
  const numbers = /(\d+)\.(\d+)[\d.]*-mariadb/i.exec(text) ?? /^(\d+)(?:\.(\d+))?/.exec(text);
  if (numbers === null) return null;
  return whyTooOld(`${product} ${text}`, [Number(numbers[1]), Number(numbers[2] ?? 0)], OLDEST[product]);
}
