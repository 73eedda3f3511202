import { readFileSync, writeFileSync } from 'node:fs';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { makeTask } from '../../../../lib/testing/task.fixtures.js';
import { createStoreContext } from '../../../../lib/testing/store-context.js';
import { formatTaskFile } from '../../../../lib/stores/file/task-file.format.js';
import { newFolder, openStore } from './file-store.fixture.js';

const FAR = 4_102_444_800_000;

/** More than are read at once, and more than a start waits for. */
const TASKS = 1_200;

const BY_ID = { by: 'id', descending: false } as const;
const idAt = (at: number) => `t${String(at).padStart(4, '0')}`;

/** How many bytes this process reads, from whatever it is, while `work` goes on. */
async function bytesReadBy<T>(work: () => Promise<T>): Promise<{ bytes: number; value: T }> {
  const read = () => Number(/rchar: (\d+)/.exec(readFileSync('/proc/self/io', 'utf8'))![1]);
  const before = read();
  const value = await work();
  return { bytes: read() - before, value };
}

/** A folder with many tasks in files, and an index of them. The last one is the one that is due first. */
async function manyTasks(): Promise<string> {
  const directory = newFolder();
  const codec = createStoreContext().createCodec();
  for (let at = 0; at < TASKS; at += 1) {
    const task = makeTask(idAt(at), { nextRunTime: FAR - at });
    writeFileSync(join(directory, `${task.id}.task`), formatTaskFile(codec.encodeTask(task)));
  }
  // One that finds no index reads all files, and makes one.
  await (await open(directory)).shutdown();
  return directory;
}

const open = (directory: string) => openStore({ directory, fsync: false });

describe('the index of the files of a file store', { timeout: 60_000 }, () => {
  it('tells a start what is due first, without a file being read, and the rest a moment later', async () => {
    const directory = await manyTasks();
    const { bytes, value: store } = await bytesReadBy(() => open(directory));
    // A task file has a thousand bytes.
    expect(bytes).toBeLessThan(TASKS * 500);
    expect(await store.getNextRunTime()).toBe(FAR - TASKS + 1);
    expect((await store.getDueTasks(FAR - TASKS + 3)).map(({ id }) => id)).toEqual([
      idAt(TASKS - 1),
      idAt(TASKS - 2),
      idAt(TASKS - 3),
    ]);
    expect(await store.getDueTasks(FAR)).toHaveLength(TASKS);
    expect((await store.query({}, BY_ID, { offset: 0, limit: 1 })).total).toBe(TASKS);
  });

  it('does not bring back what was changed or removed since', async () => {
    const directory = await manyTasks();
    const first = await open(directory);
    await first.deleteTask(idAt(0));
    await first.updateTask({ ...makeTask(idAt(1), { nextRunTime: 5 }), version: 2 }, 1);
    await first.deleteTask(idAt(2));
    await first.addTask(makeTask(idAt(2), { nextRunTime: 7 }));
    await first.shutdown();
    const store = await open(directory);
    // And what happens while the rest is still being read.
    await store.deleteTask(idAt(3));
    expect((await store.getDueTasks(10)).map(({ id }) => id)).toEqual([idAt(1), idAt(2)]);
    const { tasks, total } = await store.query({}, BY_ID, { offset: 0, limit: 3 });
    expect(total).toBe(TASKS - 2);
    expect(tasks.map(({ id }) => id)).toEqual([idAt(1), idAt(2), idAt(4)]);
  });

  it('is not believed where a file was changed by hand', async () => {
    const directory = await manyTasks();
    await rm(join(directory, `${idAt(0)}.task`));
    await rm(join(directory, `${idAt(TASKS - 1)}.task`));
    await writeFile(join(directory, `${idAt(1)}.task`), 'damaged');
    const store = await open(directory);
    expect(await store.getNextRunTime()).toBe(FAR - TASKS + 2);
    expect(await store.lookupTask(idAt(1))).toMatchObject({ unreadable: 'not-json' });
    expect((await store.query({}, BY_ID, { offset: 0, limit: 1 })).total).toBe(TASKS - 2);
  });

  it('is made anew when one byte of it is another one, or it is that of another journal', async () => {
    const directory = await manyTasks();
    const path = join(directory, '.asyncz', 'index.jsonl');
    const whole = await readFile(path);
    const other = Buffer.from(whole.toString('latin1').replace(/"snapshot":\d+/, '"snapshot":1'), 'latin1');
    const damage = (at: number) => {
      const changed = Buffer.from(whole);
      changed[at]! ^= 1;
      return changed;
    };
    const damaged = [Buffer.alloc(0), whole.subarray(0, -9), other, damage(5), damage(600), damage(whole.length - 9)];
    for (const [at, content] of damaged.entries()) {
      await writeFile(path, content);
      const store = await open(directory);
      await store.getDueTasks(FAR);
      expect((await store.query({}, BY_ID, { offset: 0, limit: 1 })).total, `damage ${at}`).toBe(TASKS);
      await store.shutdown();
    }
  });

  it('belongs to its folder: one that was moved has it, and finds all', async () => {
    const directory = await manyTasks();
    const moved = join(newFolder(), 'moved');
    await rename(directory, moved);
    const store = await open(moved);
    expect(await store.getDueTasks(FAR)).toHaveLength(TASKS);
  });
});
