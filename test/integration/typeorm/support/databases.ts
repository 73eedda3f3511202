import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DataSource } from 'typeorm';
import type { DataSourceOptions } from 'typeorm';
import type { TypeormStoreSettings } from '../../../../lib/stores/typeorm/typeorm.options.js';
import { mysqlUrl, postgresUrl } from '../../../support/server-urls.js';

/** A database that the tests of the store run on. */
export interface TestDatabase {
  readonly name: string;
  /** What the store's own option `database` is given. */
  readonly url: string;
  readonly settings: TypeormStoreSettings;
  /** Opens a data source, as an application does. */
  open(more?: Partial<DataSourceOptions>): Promise<DataSource>;
  /** Removes what {@link TestDatabase} made besides tables. */
  remove(): void;
}

const server = (
  name: string,
  type: 'postgres' | 'mysql',
  url: string,
  settings: TypeormStoreSettings = {},
): TestDatabase => ({
  name,
  url,
  settings,
  open: (more) => new DataSource({ type, url, ...more } as DataSourceOptions).initialize(),
  remove: () => {},
});

export const postgres = (): TestDatabase => server('PostgreSQL', 'postgres', postgresUrl());

export const comparing = (): TestDatabase =>
  server('PostgreSQL by compare-and-set', 'postgres', postgresUrl(), { lockMode: 'compare-and-set' });

/** Which of the two is there: the store tells them apart by itself, TypeORM and `generateSchemaSql` have to be told. */
export const mysqlType = await typeOfServer();

export const mysql = (): TestDatabase => server(mysqlType === 'mysql' ? 'MySQL' : 'MariaDB', 'mysql', mysqlUrl());

async function typeOfServer(): Promise<'mysql' | 'mariadb'> {
  const dataSource = await new DataSource({ type: 'mysql', url: mysqlUrl() }).initialize();
  const [{ version }] = (await dataSource.query('SELECT VERSION() AS version')) as [{ version: string }];
  await dataSource.destroy();
  return version.includes('MariaDB') ? 'mariadb' : 'mysql';
}

/** A new file in a folder of its own. */
export function sqlite(): TestDatabase {
  const folder = mkdtempSync(join(tmpdir(), 'asyncz-sqlite-'));
  const file = join(folder, 'test.db');
  return {
    name: 'SQLite',
    url: `sqlite:${file}`,
    settings: {},
    open: (more) =>
      new DataSource({
        type: 'better-sqlite3',
        database: file,
        enableWAL: true,
        ...more,
      } as DataSourceOptions).initialize(),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Every byte of the tables with a prefix. */
export async function dumpTables(dataSource: DataSource, prefix: string): Promise<string> {
  const parts: string[] = [];
  for (const table of ['tasks', 'runs', 'schedulers', 'journal']) {
    parts.push(JSON.stringify(await dataSource.query(`SELECT * FROM ${prefix}_${table}`)));
  }
  if (dataSource.options.type === 'better-sqlite3') parts.push(readFileSync(dataSource.options.database, 'latin1'));
  return parts.join('\n');
}

/** Removes all rows of the tables with a prefix. */
export async function emptyTables(dataSource: DataSource, prefix: string): Promise<void> {
  for (const table of ['tasks', 'runs', 'schedulers', 'journal'])
    await dataSource.query(`DELETE FROM ${prefix}_${table}`);
}

/** Removes the tables with a prefix. */
export async function dropTables(dataSource: DataSource, prefix: string): Promise<void> {
  const tables = ['tasks', 'runs', 'schedulers', 'journal'].map((table) => `${prefix}_${table}`);
  // SQLite drops one at a time.
  const lists = dataSource.options.type === 'better-sqlite3' ? tables : [tables.join(', ')];
  for (const list of lists) await dataSource.query(`DROP TABLE IF EXISTS ${list}`);
}

/** The same database through another port. */
export function through(url: string, port: number): string {
  const target = new URL(url);
  target.host = `127.0.0.1:${port}`;
  return target.href;
}
