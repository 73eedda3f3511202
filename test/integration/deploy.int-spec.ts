import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FileStore, Scheduler } from 'nestjs-asyncz';
import type { DeclaredTask, DeployPlan, OrphanPolicy, Store, TaskInfo } from 'nestjs-asyncz';
import { RedisStore } from 'nestjs-asyncz/redis';
import { makeTask } from 'nestjs-asyncz/testing';
import { TypeormStore } from 'nestjs-asyncz/typeorm';
import { builtLibrary } from '../support/built-library.js';
import { PrintingProcess } from '../support/printing.process.js';
import { redisUrl } from '../support/server-urls.js';
import { dropTables, mysql, postgres } from './typeorm/support/databases.js';
import type { TestDatabase } from './typeorm/support/databases.js';

const NAME = `deploys_${process.pid}`;
const WORKER = join(import.meta.dirname, 'deploy.worker.mjs');

/** A store that several processes open, from options that survive JSON. */
interface Shared {
  readonly name: string;
  readonly subpath: string;
  readonly className: string;
  readonly options: object;
  readonly open: () => Store;
  readonly clear: () => Promise<void>;
}

const folder = mkdtempSync(join(tmpdir(), 'asyncz-deploys-'));

function sql(name: string, url: string, clear: () => Promise<void>): Shared {
  const options = { database: url, tableName: NAME };
  const open = () => new TypeormStore(options);
  return { name, subpath: 'typeorm', className: 'TypeormStore', options, open, clear };
}

const onServer = (database: TestDatabase) =>
  sql(database.name, database.url, async () => {
    const dataSource = await database.open();
    await dropTables(dataSource, NAME);
    await dataSource.destroy();
  });

const redisOptions = { url: redisUrl(), tasksKey: `${NAME}.tasks`, runTimesKey: `${NAME}.times` };
const fileOptions = { directory: join(folder, 'files') };

const STORES: readonly Shared[] = [
  onServer(postgres()),
  onServer(mysql()),
  sql('SQLite', `sqlite:${join(folder, 'tasks.db')}`, async () => {
    for (const end of ['', '-wal', '-shm']) rmSync(join(folder, `tasks.db${end}`), { force: true });
  }),
  {
    name: 'Redis',
    subpath: 'redis',
    className: 'RedisStore',
    options: redisOptions,
    open: () => new RedisStore(redisOptions),
    clear: async () => {
      const redis = new Redis(redisUrl());
      const keys = await redis.keys(`*${NAME}*`);
      if (keys.length > 0) await redis.del(...keys);
      await redis.quit();
    },
  },
  {
    name: 'files',
    subpath: 'file',
    className: 'FileStore',
    options: fileOptions,
    open: () => new FileStore(fileOptions),
    clear: async () => rmSync(fileOptions.directory, { recursive: true, force: true }),
  },
];

const task = (id: string, handler: string, hours: number, more: object = {}): DeclaredTask => ({
  id,
  handler,
  trigger: { type: 'interval', hours },
  ...more,
});

const many = (kind: string, count: number, of: (at: number) => DeclaredTask) =>
  Array.from({ length: count }, (_, at) => of(at)).map((one) => ({ ...one, tags: [kind] }));

const OLD = [
  ...many('changed', 30, (at) => task(`changed-${at}`, 'old', 1)),
  ...many('renamed', 10, (at) => task(`before-${at}`, 'old', 2)),
  ...many('gone', 10, (at) => task(`gone-${at}`, 'old', 3)),
];
const NEW = [
  ...many('changed', 30, (at) => task(`changed-${at}`, 'new', 5)),
  ...many('renamed', 10, (at) => task(`after-${at}`, 'new', 2, { previousIds: [`before-${at}`] })),
  ...many('added', 30, (at) => task(`added-${at}`, 'new', 4)),
];
const PENDING = 30 + 10 + 10 + 30;

let library: string;

beforeAll(async () => {
  library = await builtLibrary();
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.each(STORES)('a deploy on $name', ({ subpath, className, options, open, clear }) => {
  const started: Scheduler[] = [];

  async function start(declared: readonly DeclaredTask[], handlers: readonly string[], more: object = {}) {
    const scheduler = new Scheduler({ orphans: 'remove', ...more, stores: { default: open() } });
    for (const handler of handlers) scheduler.registerHandler(handler, () => {});
    scheduler.declareTasks(declared);
    started.push(scheduler);
    await scheduler.start();
    return scheduler;
  }

  /** The same in a process of its own, which can be killed. */
  function startProcess(more: { orphans?: OrphanPolicy; plan?: DeployPlan } = {}): PrintingProcess {
    const work = { subpath, className, options, declared: NEW, handlers: ['new'], orphans: 'remove', ...more };
    return new PrintingProcess(process.execPath, [WORKER, library, JSON.stringify(work)], { cwd: folder });
  }

  /** What the old code has left: one of its tasks is paused by hand, and others are not of the code. */
  async function afterOld(): Promise<TaskInfo> {
    await clear();
    const scheduler = await start(OLD, ['old']);
    await scheduler.pauseTask('before-3', { actor: 'ada', reason: 'moving' });
    await scheduler.addTask({ id: 'own', handler: 'old', trigger: { type: 'interval', hours: 1 } });
    const before = await scheduler.getTaskInfo('before-3');
    await scheduler.shutdown();
    return before as TaskInfo;
  }

  async function expectNew(scheduler: Scheduler, before: TaskInfo): Promise<void> {
    const { tasks } = await scheduler.getTaskInfos({ limit: 1_000 });
    const ids = [...NEW.map(({ id }) => id), 'own'];
    expect(tasks.map(({ id }) => id).toSorted()).toEqual(ids.toSorted());
    expect(tasks.filter(({ state }) => state !== 'scheduled').map(({ id }) => id)).toEqual(['after-3']);
    const { pause, nextRunTime, createdAt } = before;
    expect(await scheduler.getTaskInfo('after-3')).toMatchObject({
      pause,
      nextRunTime,
      createdAt,
      handler: 'new',
      previousIds: ['before-3'],
      disabled: false,
    });
    expect(await scheduler.planDeploy()).toMatchObject({ pending: 0 });
  }

  async function stopAll(): Promise<void> {
    await Promise.all(started.splice(0).map((scheduler) => scheduler.shutdown(0)));
    await clear();
  }

  it('that several replicas make at once is made once', { timeout: 120_000 }, async () => {
    try {
      const before = await afterOld();
      const names: string[] = [];
      const replicas = Array.from({ length: 5 }, () => {
        const scheduler = new Scheduler({ orphans: 'remove', stores: { default: open() } });
        scheduler.registerHandler('new', () => {});
        scheduler.declareTasks(NEW);
        scheduler.addListener(({ name }) => names.push(name), ['task.added', 'task.modified', 'task.renamed']);
        started.push(scheduler);
        return scheduler;
      });
      await Promise.all(replicas.map((scheduler) => scheduler.start()));
      const count = (name: string) => names.filter((one) => one === name).length;
      expect([count('task.added'), count('task.modified'), count('task.renamed')]).toEqual([30, 30, 10]);
      await expectNew(replicas[0]!, before);
    } finally {
      await stopAll();
    }
  });

  it('whose plan is applied by processes that are killed in the middle goes on', { timeout: 180_000 }, async () => {
    try {
      const before = await afterOld();
      const client = await start(NEW, ['new'], { role: 'client' });
      const plan = await client.planDeploy();
      expect(plan.pending).toBe(PENDING);
      let interrupted = 0;
      for (let delayMs = 0; delayMs < 60; delayMs += 15) {
        const process = startProcess({ plan });
        await process.line(/ready/, { from: 0 });
        await new Promise((resolve) => setTimeout(resolve, delayMs));
        process.kill('SIGKILL');
        await process.ended;
        if (!process.lines.includes('done')) interrupted += 1;
      }
      expect(interrupted).toBeGreaterThan(0);
      const { applied, unchanged, waiting } = await client.applyDeploy(plan);
      console.log(`${interrupted} of 4 killed in the middle, then applied ${applied}, unchanged ${unchanged}`);
      expect([applied + unchanged, waiting]).toEqual([PENDING, []]);
      await expectNew(client, before);
    } finally {
      await stopAll();
    }
  });

  it('costs what is declared, and not what others have', { timeout: 120_000 }, async () => {
    try {
      await afterOld();
      const client = await start(NEW, ['new'], { role: 'client' });
      const few = (await client.planDeploy()).digest;
      const store = client.lookupStore();
      for (let at = 0; at < 20; at += 1) {
        const tasks = Array.from({ length: 100 }, (_, index) => makeTask(`o-${at}-${index}`, { nextRunTime: null }));
        await store.addTasks(tasks);
      }
      expect((await client.planDeploy()).digest).toBe(few);
    } finally {
      await stopAll();
    }
  });
});
