import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import mongoose from 'mongoose';
import { DataSource } from 'typeorm';
import { describe, expect, it, onTestFinished } from 'vitest';
import { useMongodb } from '../support/mongodb.js';
import { PrintingProcess } from '../support/printing.process.js';
import { postgresUrl, redisUrl } from '../support/server-urls.js';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** What the tables, keys and databases of one test begin with. */
const unique = () => `sample_${randomBytes(5).toString('hex')}`;

function start(sample: string, env: Record<string, string>): PrintingProcess {
  return new PrintingProcess(process.execPath, [join(root, 'dist-sample', sample, 'main.js')], { cwd: root, env });
}

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'asyncz-sample-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

function dropTablesAfterwards(prefix: string): void {
  onTestFinished(async () => {
    const dataSource = await new DataSource({ type: 'postgres', url: postgresUrl() }).initialize();
    for (const table of ['tasks', 'runs', 'schedulers']) {
      await dataSource.query(`DROP TABLE IF EXISTS ${prefix}_${table}`);
    }
    await dataSource.destroy();
  });
}

function deleteKeysAfterwards(prefix: string): void {
  onTestFinished(async () => {
    const client = new Redis(redisUrl());
    for (const key of await client.keys(`*${prefix}*`)) await client.del(key);
    await client.quit();
  });
}

function dropDatabaseAfterwards(url: string, name: string): void {
  onTestFinished(async () => {
    const connection = await mongoose.createConnection(url, { dbName: name }).asPromise();
    await connection.dropDatabase();
    await connection.close();
  });
}

describe('the samples', () => {
  const mongodb = useMongodb();

  it('03-typeorm-sqlite adds a task in the transaction of its order', async () => {
    const app = start('03-typeorm-sqlite', { DATABASE: join(await temporaryFolder(), 'orders.db') });
    expect(await app.ended).toBe(0);
    expect(app.lines).toEqual([
      'order 1 placed',
      'rolled back: an order of nothing',
      'tasks waiting: 1',
      'confirm-1: order 1 confirmed, attempt 1',
    ]);
  });

  it('12-steps goes on behind the stored step when its process has died', async () => {
    const env = { DATABASE: join(await temporaryFolder(), 'steps.db') };
    const first = start('12-steps', env);
    expect(await first.ended).toBe('SIGKILL');
    expect(first.lines).toEqual(['order 1 is charged', 'the process dies']);
    const second = start('12-steps', env);
    expect(await second.ended).toBe(0);
    expect(second.lines).toEqual(['order-1 sleeps', 'order-1: paid with charge-1, parcels 1, attempt 2']);
  });

  it('04-typeorm-postgres runs a task on one of two replicas each time', async () => {
    const tables = unique();
    dropTablesAfterwards(tables);
    const env = { DATABASE_URL: postgresUrl(), TABLES: tables };
    const replicas = ['one', 'two'].map((name) => start('04-typeorm-postgres', { ...env, IDENTITY: name }));
    await Promise.all(replicas.map((replica) => replica.line(/is ready/, { from: 0 })));
    const beat = /ran heartbeat of (\S+)/;
    await Promise.any(replicas.map((replica) => replica.line(beat)));
    await Promise.any(replicas.map((replica) => replica.line(beat)));
    for (const replica of replicas) replica.kill('SIGTERM');
    await Promise.all(replicas.map((replica) => replica.ended));
    const times = replicas.flatMap((replica) => replica.all(beat).map(([, time]) => time));
    expect(times.length).toBeGreaterThanOrEqual(2);
    expect(new Set(times).size).toBe(times.length);
  });

  it('05-redis sends three mails and leaves the connection to its owner', async () => {
    const prefix = unique();
    deleteKeysAfterwards(prefix);
    const app = start('05-redis', { REDIS_URL: redisUrl(), PREFIX: prefix });
    expect(await app.ended).toBe(0);
    // A server that keeps nothing on disk is warned of.
    expect(app.lines.filter((line) => !line.includes('[Asyncz]'))).toEqual([
      'waiting: mail-to-ann, mail-to-bob, mail-to-eve',
      'mail-to-ann: sent "hello" to ann',
      'mail-to-bob: sent "hello" to bob',
      'mail-to-eve: sent "hello" to eve',
    ]);
  });

  it('06-mongoose tries a failed report again', async () => {
    const database = unique();
    dropDatabaseAfterwards(mongodb.url(), database);
    const app = start('06-mongoose', { MONGODB_URL: mongodb.url(), DATABASE: database });
    expect(await app.ended).toBe(0);
    expect(app.lines).toEqual(['the figures are not there yet; again: true', 'report of 2026-10, attempt 2']);
  });

  it('07-several-stores works on four stores at once', async () => {
    const prefix = unique();
    dropTablesAfterwards(prefix);
    deleteKeysAfterwards(prefix);
    dropDatabaseAfterwards(mongodb.url(), prefix);
    const app = start('07-several-stores', {
      PREFIX: prefix,
      DATABASE_URL: postgresUrl(),
      REDIS_URL: redisUrl(),
      MONGODB_URL: mongodb.url(),
      DIRECTORY: await temporaryFolder(),
    });
    expect(await app.ended).toBe(0);
    const ran = app.all(/^task-in-(\w+) ran from \1$/).map(([, store]) => store);
    expect(new Set(ran)).toEqual(new Set(['cache', 'default', 'docs', 'files']));
    expect(app.all(/^(\w+): (host|cluster), wake-ups \w+, ok$/)).toHaveLength(4);
    expect(app.lines).toContain('injected: pushed');
  });

  it('08-pipeline books in transactions, lets one tenant through, and makes alerts of errors', async () => {
    const app = start('08-pipeline', {});
    expect(await app.ended).toBe(0);
    const stolen =
      /^ALERT stolen, attempt \d: The guard TenantGuard did not let the run ".+" through to InvoicesService\.book\.$/;
    expect(app.lines).toEqual([
      'tea: booked 250',
      'ALERT nothing, attempt 1: an invoice of nothing',
      'ALERT nothing, attempt 2: an invoice of nothing',
      expect.stringMatching(stolen),
      expect.stringMatching(stolen),
      'acme-total: acme has invoices of 250',
      'other-total: other has invoices of 0',
    ]);
  });

  it('09-workers computes in a thread, and lets a process crash', async () => {
    const app = start('09-workers', {});
    expect(await app.ended).toBe(0);
    expect(app.lines.filter((line) => !line.startsWith('[') && line !== '')).toEqual([
      'primes: 50 %',
      'primes.count 2000000: succeeded, 148933',
      'the event loop of the application went on: true',
      'resize cat.png: succeeded, cat.png is resized',
      'resize broken.png: failed, WorkerEndedError',
      'resize dog.png: succeeded, dog.png is resized',
      'spin: failed, RunTimeoutError',
    ]);
  });
});
