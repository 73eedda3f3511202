import { fileURLToPath } from 'node:url';
import type { DataSource } from 'typeorm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isUnreadable } from '../../../lib/model/task.js';
import type { JournalEntry } from '../../../lib/model/journal.js';
import { TypeormStore } from '../../../lib/stores/typeorm/typeorm.store.js';
import { createStoreContext } from '../../../lib/testing/store-context.js';
import { builtLibrary } from '../../support/built-library.js';
import { PrintingProcess } from '../../support/printing.process.js';
import { dropTables, mysql, postgres, sqlite } from './support/databases.js';

const WORKER = fileURLToPath(new URL('./support/journal.worker.mjs', import.meta.url));
const PREFIX = `journal_${process.pid}`;

/** How many processes are killed, and after how long each, in milliseconds from its first operation on: any moment will do. */
const KILLS = 12;
const afterMs = (kill: number) => 100 + ((kill * 137) % 900);

describe.each([postgres(), mysql(), sqlite()])('the journal of $name', (database) => {
  let dataSource: DataSource;
  let store: TypeormStore;

  beforeAll(async () => {
    dataSource = await database.open();
    store = new TypeormStore({ ...database.settings, dataSource, tableName: PREFIX });
    await store.start(createStoreContext({ identity: 'parent' }));
  });
  afterAll(async () => {
    await store.shutdown();
    await dropTables(dataSource, PREFIX);
    await dataSource.destroy();
    database.remove();
  });

  async function killOne(kill: number): Promise<void> {
    const { type, url, database: file } = dataSource.options as { type: string; url?: string; database?: string };
    const work = {
      database: url ? { type, url } : { type, database: file, enableWAL: true },
      settings: database.settings,
      tableName: PREFIX,
      name: `k${kill}`,
    };
    const library = await builtLibrary();
    const child = new PrintingProcess(process.execPath, [WORKER, library, JSON.stringify(work)], {
      cwd: process.cwd(),
    });
    await child.line(/^begun/, { from: 0 });
    await new Promise((resolve) => setTimeout(resolve, afterMs(kill)));
    child.kill('SIGKILL');
    expect(await child.ended).toBe('SIGKILL');
  }

  it('has an entry of each change, and a change of each entry, whenever a process is killed', async () => {
    for (let kill = 0; kill < KILLS; kill += 3) await Promise.all([0, 1, 2].map((more) => killOne(kill + more)));
    const byTask = new Map<string, JournalEntry[]>();
    let cursor: string | undefined;
    do {
      const page = await store.journal({}, { limit: 1_000, ...(cursor !== undefined && { cursor }) });
      for (const entry of page.entries) byTask.set(entry.taskId!, [...(byTask.get(entry.taskId!) ?? []), entry]);
      cursor = page.next ?? undefined;
    } while (cursor !== undefined);
    const tasks = (await store.getAllTasks()).filter(({ id }) => /^k\d/.test(id));
    expect(tasks.length).toBeGreaterThan(KILLS / 2);
    for (const task of tasks) {
      // Each change is a version.
      expect(isUnreadable(task) ? 0 : task.version, task.id).toBe(byTask.get(task.id)?.length);
      byTask.delete(task.id);
    }
    for (const entries of byTask.values()) {
      expect(entries.map(({ kind }) => kind)).toEqual(['task.deleted', 'task.added']);
    }
  }, 120_000);
});
