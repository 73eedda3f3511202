import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import mongoose from 'mongoose';
import { DataSource } from 'typeorm';
import type { ClusterStore } from '../cluster/scheduler.process.js';

/** What a process that uses a directory leaves there as long as it does: no record. */
const PRESENCE = /^(\.asyncz\/)?(processes|wake|lock|index)/;

/** Every byte of the records of a store: tasks, runs, heartbeats, marks. Read with the driver, past the library. */
export async function dumpStore({ className, options }: ClusterStore): Promise<Record<string, string>> {
  const given = options as Record<string, string>;
  if (className === 'TypeormStore') return dumpSql(given.database!, given.tableName!);
  if (className === 'RedisStore') return dumpRedis(given.url!, given.tasksKey!.replace(/\.tasks$/, ''));
  if (className === 'MongooseStore') return dumpMongodb(given.uri!, given.database!);
  return dumpFiles(given.directory!);
}

async function dumpSql(url: string, tableName: string): Promise<Record<string, string>> {
  const isFile = url.startsWith('sqlite:');
  const isPostgres = url.startsWith('postgres');
  const dataSource = await new DataSource(
    isFile
      ? { type: 'better-sqlite3', database: url.slice('sqlite:'.length), enableWAL: true }
      : { type: isPostgres ? 'postgres' : 'mysql', url },
  ).initialize();
  const server = `SELECT table_name AS name FROM information_schema.tables WHERE table_name LIKE '${tableName}%'`;
  const file = `SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE '${tableName}%'`;
  const tables: { name: string }[] = await dataSource.query(isFile ? file : server);
  const dump: Record<string, string> = {};
  for (const { name: table } of tables) {
    const rows: object[] = await dataSource.query(`SELECT * FROM ${table}`);
    for (const row of rows) dump[`${table} ${Object.values(row).slice(0, 3).join(' ')}`] = JSON.stringify(row);
  }
  await dataSource.destroy();
  return dump;
}

async function dumpRedis(url: string, prefix: string): Promise<Record<string, string>> {
  const client = new Redis(url);
  const dump: Record<string, string> = {};
  for (const key of (await client.keys(`*${prefix}*`)).sort())
    dump[key] = (await client.dumpBuffer(key))!.toString('latin1');
  await client.quit();
  return dump;
}

async function dumpMongodb(uri: string, dbName: string): Promise<Record<string, string>> {
  const connection = await mongoose.createConnection(uri, { dbName }).asPromise();
  const dump: Record<string, string> = {};
  for (const collection of await connection.db!.collections())
    for (const document of await collection.find({}).toArray())
      dump[`${collection.collectionName} ${String(document._id)}`] = JSON.stringify(document);
  await connection.close();
  return dump;
}

function dumpFiles(directory: string): Record<string, string> {
  if (!existsSync(directory)) return {};
  const files = readdirSync(directory, { recursive: true, encoding: 'utf8' }).sort();
  return Object.fromEntries(
    files
      .filter((file) => !PRESENCE.test(file) && statSync(join(directory, file)).isFile())
      .map((file) => [file, readFileSync(join(directory, file), 'latin1')]),
  );
}
