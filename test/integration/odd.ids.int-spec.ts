import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileStore, MemoryStore, Scheduler } from 'nestjs-asyncz';
import type { BaseStore } from 'nestjs-asyncz/store';
import { RedisStore } from 'nestjs-asyncz/redis';
import { TypeormStore } from 'nestjs-asyncz/typeorm';
import { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { dropTables, mysql, postgres } from './typeorm/support/databases.js';
import type { TestDatabase } from './typeorm/support/databases.js';
import { redisUrl } from '../support/server-urls.js';

const NAME = `oddids_${process.pid}`;

const ODD = [
  'a:b',
  'a::b',
  ':',
  '1',
  '007',
  '1e3',
  '-1',
  '0',
  'NaN',
  'null',
  'undefined',
  'true',
  '[]',
  '{}',
  '{a}',
  '{a}b',
  'a/b',
  '../a',
  '..',
  '.',
  '.hidden',
  'a.',
  'a\\b',
  'C:\\a',
  'a b',
  ' a',
  'a ',
  '\t',
  '\n',
  'a\r\nb',
  '"',
  "'",
  '`',
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  'con',
  'aux',
  'nul.task',
  'x.task',
  '*',
  '?',
  '<>|',
  '%',
  '%s',
  '%25',
  '_',
  'a_b',
  'a%b',
  '$1',
  '$',
  '--',
  ';DROP TABLE x',
  '#',
  '@',
  '!',
  '~',
  '^',
  '&',
  '+',
  '=',
  'a',
  'A',
  '\u00e1',
  'a\u0301',
  '\u00c1',
  '\u00df',
  'ss',
  'SS',
  '\u0130',
  'i',
  'I',
  '\u0131',
  '\u{1f600}',
  '\u{1f469}\u200d\u{1f680}',
  '\u202e',
  '\ufeff',
  '\u2028',
  '\u0001',
  '\u007f',
  'x'.repeat(255),
  '\u{1f600}'.repeat(127),
];

interface Place {
  readonly name: string;
  readonly open: () => { readonly store: BaseStore; readonly close: () => Promise<unknown> };
}

const typeorm = (database: TestDatabase): Place => ({
  name: database.name,
  open: () => ({
    store: new TypeormStore({ database: database.url, tableName: NAME }),
    close: async () => {
      const dataSource = await database.open();
      await dropTables(dataSource, NAME);
      await dataSource.destroy();
    },
  }),
});

const PLACES: readonly Place[] = [
  { name: 'memory', open: () => ({ store: new MemoryStore(), close: async () => {} }) },
  {
    name: 'files',
    open: () => {
      const directory = mkdtempSync(join(tmpdir(), 'asyncz-ids-'));
      return {
        store: new FileStore({ directory }),
        close: async () => rmSync(directory, { recursive: true, force: true }),
      };
    },
  },
  typeorm({ ...postgres(), name: 'PostgreSQL' }),
  typeorm(mysql()),
  {
    name: 'SQLite',
    open: () => {
      const directory = mkdtempSync(join(tmpdir(), 'asyncz-ids-'));
      return {
        store: new TypeormStore({ database: `sqlite:${join(directory, 'ids.db')}`, tableName: NAME }),
        close: async () => rmSync(directory, { recursive: true, force: true }),
      };
    },
  },
  {
    name: 'Redis',
    open: () => ({
      store: new RedisStore({ url: redisUrl(), tasksKey: `${NAME}.tasks`, runTimesKey: `${NAME}.times` }),
      close: async () => {
        const redis = new Redis(redisUrl());
        const keys = await redis.keys(`*${NAME}*`);
        if (keys.length > 0) await redis.del(...keys);
        await redis.quit();
      },
    }),
  },
];

// taskforcesh/bullmq#3382, #4052, #2718: ids with colons or of digits are refused or lost.
describe.each(PLACES)('odd ids on $name', ({ open }) => {
  it('each run once, are found, listed once and deleted', async () => {
    const { store, close } = open();
    const scheduler = new Scheduler({ stores: { default: store } });
    try {
      scheduler.registerHandler('work', () => 'done');
      const ran: string[] = [];
      let allRan = (): void => {};
      const all = new Promise<void>((resolve) => (allRan = resolve));
      scheduler.addListener((event) => {
        if (event.name !== 'run.succeeded') return;
        ran.push(event.taskId);
        if (ran.length === ODD.length) allRan();
      });
      await scheduler.start();
      // Paused, so that each is there to be found.
      for (const id of ODD) {
        await scheduler.addTask({ id, handler: 'work', trigger: { type: 'interval', days: 1 }, paused: true });
      }
      const { tasks } = await scheduler.getTaskInfos({ limit: 1_000 });
      expect(tasks.map(({ id }) => id).sort()).toEqual(ODD.toSorted());
      for (const id of ODD) expect((await scheduler.getTask(id))!.id).toBe(id);
      await Promise.all(ODD.map((id) => scheduler.runTask(id)));
      await all;
      expect(ran.toSorted()).toEqual(ODD.toSorted());
      for (const id of ODD) await scheduler.deleteTask(id);
      expect((await scheduler.getTaskInfos({ limit: 1_000 })).total).toBe(0);
      for (const id of ['', 'a\0b', '\ud800', 'x'.repeat(256), 'asyncz:mine']) {
        await expect(scheduler.addTask({ id, handler: 'work' })).rejects.toMatchObject({
          code: 'ASYNCZ_INVALID_OPTION',
          option: 'id',
        });
      }
    } finally {
      await scheduler.shutdown(0);
      await close();
    }
  });
});
