import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { FileStore } from 'nestjs-asyncz';
import { createStoreContext } from '../../../../lib/testing/store-context.js';
import { makeEntry, makeTask } from '../../../../lib/testing/task.fixtures.js';
import { newFolder } from './file-store.fixture.js';

const T0 = 1_600_000_000_000;

async function open(directory: string): Promise<FileStore> {
  const store = new FileStore({ directory });
  await store.start(createStoreContext());
  onTestFinished(() => store.shutdown());
  return store;
}

const idsOf = async (store: FileStore) => {
  const { entries } = await store.journal({}, { limit: 100 });
  return entries.map(({ id }) => Number(id.slice(-12)));
};

const filesOf = (directory: string) => readdir(join(directory, '.asyncz', 'entries'));

/** A pruning that has something to do begins a new journal of changes. */
const fileEntries = (store: FileStore) => store.pruneJournal({ before: T0, keep: null, limit: 100 });

describe('the journal of tasks in files', () => {
  it('goes from the journal of changes into files of its own, and is seen once by all processes', async () => {
    const directory = newFolder();
    const [store, other] = [await open(directory), await open(directory)];
    await store.appendJournal([makeEntry(0, { time: T0 - 1 }), makeEntry(1, { time: T0 })]);
    await store.addTask(makeTask('a'), { journal: [makeEntry(2, { time: T0, taskId: 'a' })] });
    expect(await idsOf(other)).toEqual([2, 1, 0]);
    expect(await filesOf(directory)).toEqual([]);
    expect(await fileEntries(store)).toBe(1);
    expect(await filesOf(directory)).toEqual(['00000001.jsonl']);
    expect(await idsOf(store)).toEqual([2, 1]);
    expect(await idsOf(other)).toEqual([2, 1]);
    await other.appendJournal([makeEntry(3, { time: T0 })]);
    expect(await idsOf(store)).toEqual([3, 2, 1]);
    const later = await open(directory);
    expect(await idsOf(later)).toEqual([3, 2, 1]);
  });

  it('is still there where somebody has removed the journal of changes', async () => {
    const directory = newFolder();
    const store = await open(directory);
    await store.appendJournal([makeEntry(1)]);
    await rm(join(directory, '.asyncz', 'journal.jsonl'));
    await store.appendJournal([makeEntry(2)]);
    expect(await idsOf(store)).toEqual([2, 1]);
    const later = await open(directory);
    expect(await idsOf(later)).toEqual([2, 1]);
  });

  it('replaces an entry that is in a file already', async () => {
    const directory = newFolder();
    const store = await open(directory);
    await store.appendJournal([makeEntry(0, { time: T0 - 1 }), makeEntry(1, { time: T0 })]);
    await fileEntries(store);
    await store.appendJournal([makeEntry(1, { time: T0, details: { again: true } })]);
    const { entries } = await store.journal({}, { limit: 5 });
    expect(entries).toEqual([makeEntry(1, { time: T0, details: { again: true } })]);
  });
});
