import { cpSync, readlinkSync, readdirSync, rmSync, statSync, writeSync, openSync, closeSync } from 'node:fs';
import { appendFile, readFile, rm, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { isUnreadable } from '../../../lib/model/task.js';
import type { TaskRecord } from '../../../lib/model/task.js';
import { standOf } from '../../../lib/model/change.js';
import { FileStore } from '../../../lib/stores/file/file.store.js';
import { createStoreContext } from '../../../lib/testing/store-context.js';
import { makeRun, makeTask } from '../../../lib/testing/task.fixtures.js';
import { listenToDisk } from './disk.interposer.js';
import { filed, newFolder, openStore } from '../../unit/stores/file/file-store.fixture.js';

vi.mock('node:fs', async (original) => (await import('./disk.interposer.js')).interposed(await original()));
vi.mock('node:fs/promises', async (original) =>
  (await import('./disk.interposer.js')).interposedPromises(await original()),
);

/** What a directory holds: tasks by id with their names and versions, and the ids of ended runs. */
interface Content {
  readonly tasks: Readonly<Record<string, string>>;
  readonly runs: readonly string[];
}

async function contentOf(store: FileStore): Promise<Content> {
  const tasks: Record<string, string> = {};
  for (const task of await store.getAllTasks()) {
    if (isUnreadable(task)) throw new Error(`${task.id} is unreadable: ${task.message}`);
    const { definition, version, state } = task;
    tasks[task.id] = `${definition.name} ${version} ${state.lease?.token ?? '-'} ${state.lastToken}`;
  }
  return { tasks, runs: (await store.runs({}, { limit: 100 })).runs.map(({ id }) => id).sort() };
}

/** Copies of a directory from before each single change of the disk, and with half of a write done. */
class Copies {
  readonly taken: { readonly folder: string; readonly acknowledged: number; readonly isHalf: boolean }[] = [];
  acknowledged = 0;
  readonly #root = newFolder();

  constructor(private readonly directory: string) {}

  take(half: { readonly file: number; readonly bytes: Buffer; readonly position: number } | null): void {
    const folder = join(this.#root, String(this.taken.length));
    copyWhileChanging(this.directory, folder);
    if (half) {
      const path = readlinkSync(`/proc/self/fd/${half.file}`);
      if (!path.startsWith(this.directory)) return rmSync(folder, { recursive: true });
      const file = openSync(join(folder, relative(this.directory, path)), 'r+');
      writeSync(file, half.bytes, 0, half.bytes.length, half.position);
      closeSync(file);
    }
    this.taken.push({ folder, acknowledged: this.acknowledged, isHalf: half !== null });
  }
}

/** Files that are written at the same time may go while they are copied. */
function copyWhileChanging(from: string, to: string): void {
  for (let tries = 0; tries < 20; tries += 1) {
    try {
      return cpSync(from, to, { recursive: true });
    } catch {
      rmSync(to, { recursive: true, force: true });
    }
  }
  throw new Error(`${from} could not be copied`);
}

const rename = (store: FileStore, id: string, name: string) =>
  store.transact({ ids: [id] }, (task) => ({
    task: { ...task, definition: { ...task.definition, name } },
    value: null,
  }));

const take = async (store: FileStore) => {
  const { taken } = await store.exchange({ take: { handlers: null, limit: 9, owner: 'x', leaseMs: 600_000 } });
  return taken!.tasks.map(({ task, lease }): TaskRecord => {
    const state = { ...task.state, lease, lastToken: lease.token };
    return { ...task, version: task.version + 1, state };
  });
};

/** A task with nothing to be run any more, which rests. */
const resting = (task: TaskRecord): TaskRecord => ({
  ...task,
  state: { ...task.state, lease: null, nextRunTime: null },
});

/** Everything that a store does to a directory, one step after the other. */
function steps(store: FileStore, directory: string): (() => Promise<unknown>)[] {
  let held: TaskRecord[] = [];
  const large = Array.from({ length: 12 }, (_, at) => makeTask(`large-${at}`, { args: ['x'.repeat(100_000)] }));
  return [
    () => store.addTasks([makeTask('a', { nextRunTime: 1 }), makeTask('b', { nextRunTime: 1 }), makeTask('c')]),
    async () => (held = await take(store)),
    () =>
      store.exchange({
        write: [
          { from: standOf(held[0]!), task: null, history: [makeRun('run-a')] },
          { from: standOf(held[1]!), task: resting(held[1]!), history: [makeRun('run-b')] },
        ],
        take: { handlers: null, limit: 9, owner: 'x', leaseMs: 600_000 },
      }),
    () => rename(store, 'c', 'renamed'),
    () => filed(store, directory, ['b.task', 'c.task']),
    () => rename(store, 'c', 'again'),
    () => store.deleteTask('b'),
    () => filed(store, directory, ['c.task'], ['b.task']),
    () => store.addTask(makeTask('b', { name: 'another' })),
    () => store.saveRuns([makeRun('run-a', { result: 'replaced' }), makeRun('run-c')]),
    () => store.addTasks(large),
    () => filed(store, directory, ['b.task', ...large.map(({ id }) => `${id}.task`)]),
    () =>
      vi.waitFor(() => expect(statSync(join(directory, '.asyncz', 'journal.jsonl')).size).toBeLessThan(200), 10_000),
    () => rename(store, 'b', 'last'),
    () => store.removeAllTasks(),
    () => filed(store, directory, [], ['b.task', 'c.task', ...large.map(({ id }) => `${id}.task`)]),
  ];
}

describe.runIf(process.platform === 'linux')('a process that is killed', () => {
  it(
    'leaves what was acknowledged, or that and the change under way, before whichever write it dies',
    { timeout: 120_000 },
    async () => {
      const directory = newFolder();
      const store = await openStore({ directory });
      const copies = new Copies(directory);
      const contents: Content[] = [await contentOf(store)];
      const end = listenToDisk((half) => copies.take(half));
      onTestFinished(end);
      for (const step of steps(store, directory)) {
        await step();
        contents.push(await contentOf(store));
        copies.acknowledged += 1;
      }
      end();
      await store.shutdown();
      expect(copies.taken.length).toBeGreaterThan(80);
      for (const [at, { folder, acknowledged, isHalf }] of copies.taken.entries()) {
        const heir = new FileStore({ directory: folder });
        await heir.start(createStoreContext());
        const found = await contentOf(heir);
        const allowed = contents.slice(acknowledged, acknowledged + 2);
        const name = `copy ${at}${isHalf ? ', half' : ''}, after ${acknowledged} steps`;
        expect(
          allowed.map(({ tasks }) => tasks),
          name,
        ).toContainEqual(found.tasks);
        // An ended run may be there before its change, never the other way round.
        const required = allowed.find(({ tasks }) => JSON.stringify(tasks) === JSON.stringify(found.tasks))!.runs;
        expect(found.runs, name).toEqual(expect.arrayContaining([...required]));
        expect(allowed.at(-1)!.runs, name).toEqual(expect.arrayContaining([...found.runs]));
        // And it can be worked with: what is removed does not come back with a file that the dead one has left.
        await heir.addTask(makeTask('new'));
        await heir.removeAllTasks();
        await heir.shutdown();
        const next = new FileStore({ directory: folder });
        await next.start(createStoreContext());
        expect(await next.getAllTasks(), name).toEqual([]);
        await next.shutdown();
        expect(readdirSync(join(folder, '.asyncz', 'tmp')), name).toEqual([]);
      }
    },
  );
});

describe('a change that is being written', () => {
  it('is seen by nobody until it counts, and its ended runs before that', async () => {
    const store = await openStore({ directory: newFolder() });
    await store.addTasks([makeTask('a', { nextRunTime: 1 }), makeTask('b')]);
    const held = await take(store);
    const seen: Promise<unknown>[] = [];
    const end = listenToDisk(() => {
      seen.push(Promise.all(['a', 'b'].map(async (id) => (await store.lookupTask(id))?.id)));
      seen.push(store.getAllTasks().then((tasks) => tasks.map(({ id }) => id)));
    });
    onTestFinished(end);
    await store.exchange({ write: [{ from: standOf(held[0]!), task: null, history: [makeRun('run-a')] }] });
    end();
    expect(seen.length).toBeGreaterThan(3);
    for (const ids of await Promise.all(seen)) expect(ids).toEqual(expect.arrayContaining(['a', 'b']));
    expect(await contentOf(store)).toMatchObject({ tasks: { b: 'b 1 - 0' }, runs: ['run-a'] });
  });
});

describe('a machine that loses power', () => {
  it('loses no ended run that was acknowledged: the journal has it', async () => {
    const directory = newFolder();
    const store = new FileStore({ directory });
    await store.start(createStoreContext());
    await store.addTasks([makeTask('a', { nextRunTime: 1 }), makeTask('b', { nextRunTime: 1 })]);
    const held = await take(store);
    await store.exchange({ write: [{ from: standOf(held[0]!), task: null, history: [makeRun('run-a')] }] });
    await store.exchange({ write: [{ from: standOf(held[1]!), task: null, history: [makeRun('run-b')] }] });
    const journal = join(directory, '.asyncz', 'journal.jsonl');
    const written = await readFile(journal, 'utf8');
    await store.shutdown();
    // What was not flushed is gone, or half of it is; and the kernel is another one.
    await writeFile(journal, written.replace(/"realm":"[^"]*"/, '"realm":"before"'));
    const segment = join(directory, '.asyncz', 'runs', '00000001.jsonl');
    const runs = await readFile(segment, 'utf8');
    await writeFile(segment, runs.slice(0, runs.indexOf('\n') + 20));
    for (let times = 0; times < 2; times += 1) {
      const heir = await openStore({ directory });
      expect((await heir.runs({}, { limit: 9 })).runs.map(({ id }) => id).sort()).toEqual(['run-a', 'run-b']);
      expect(await heir.getAllTasks()).toEqual([]);
      await heir.shutdown();
    }
    await rm(segment);
    // The journal of this kernel is believed.
    expect((await (await openStore({ directory })).runs({}, { limit: 9 })).runs).toEqual([]);
  });

  it('may leave rubbish at the end of the journal, which never counted', async () => {
    const directory = newFolder();
    const store = await openStore({ directory });
    await store.addTask(makeTask('a'));
    await store.shutdown();
    await appendFile(join(directory, '.asyncz', 'journal.jsonl'), Buffer.alloc(5_000));
    const heir = await openStore({ directory });
    await heir.addTask(makeTask('b'));
    await heir.shutdown();
    expect((await (await openStore({ directory })).getAllTasks()).map(({ id }) => id)).toEqual(['a', 'b']);
  });
});
