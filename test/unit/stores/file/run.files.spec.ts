import { appendFile, readFile, readdir, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { StoredRunFilter } from '../../../../lib/model/query.js';
import type { RunRecord } from '../../../../lib/model/run.js';
import type { FileStore } from '../../../../lib/stores/file/file.store.js';
import { makeRun, makeTask } from '../../../../lib/testing/task.fixtures.js';
import { newFolder, openStore, RecordingLogger } from './file-store.fixture.js';

const T0 = 1_600_000_000_000;

/** Runs of half a kilobyte, so that a few thousand fill several files. */
const runsFrom = (from: number, to: number, fields: Partial<RunRecord> = {}): RunRecord[] =>
  Array.from({ length: to - from }, (_, at) =>
    makeRun(`r${from + at}`, {
      taskId: `t${(from + at) % 10}`,
      endedAt: T0 + from + at,
      result: 'x'.repeat(300),
      ...fields,
    }),
  );

async function everyRun(store: FileStore, filter: StoredRunFilter = {}): Promise<RunRecord[]> {
  const found: RunRecord[] = [];
  let cursor: string | undefined;
  for (let pages = 0; pages < 1_000; pages += 1) {
    const page = await store.runs(filter, { limit: 700, ...(cursor !== undefined && { cursor }) });
    found.push(...page.runs);
    if (page.next === null) return found;
    cursor = page.next;
  }
  throw new Error('The history has no last page.');
}

const filesOf = async (directory: string) => (await readdir(join(directory, '.asyncz', 'runs'))).sort();

describe('the history of a file store', () => {
  it('goes over several files, and is read in the right order and after a restart', async () => {
    const directory = newFolder();
    const store = await openStore({ directory, fsync: false });
    for (let from = 0; from < 9_000; from += 500) await store.saveRuns(runsFrom(from, from + 500));
    expect((await filesOf(directory)).length).toBeGreaterThanOrEqual(2);
    const expected = runsFrom(0, 9_000)
      .map(({ id }) => id)
      .reverse();
    expect((await everyRun(store)).map(({ id }) => id)).toEqual(expected);
    await store.shutdown();
    const again = await openStore({ directory });
    expect((await everyRun(again)).map(({ id }) => id)).toEqual(expected);
    expect((await everyRun(again, { from: T0 + 100, to: T0 + 103 })).map(({ id }) => id)).toEqual([
      'r102',
      'r101',
      'r100',
    ]);
    expect((await again.runs({ taskId: 't3' }, { limit: 2 })).runs.map(({ id }) => id)).toEqual(['r8993', 'r8983']);
  });

  it('replaces a run where it stands, in whatever file, and does not grow', async () => {
    const directory = newFolder();
    const store = await openStore({ directory, fsync: false });
    await store.saveRuns(runsFrom(0, 9_000));
    const before = await filesOf(directory);
    const replaced = [5, 4_000, 8_999].map((at) => runsFrom(at, at + 1, { result: 'new' })[0]!);
    await store.saveRuns(replaced);
    await store.saveRuns(replaced);
    expect(await filesOf(directory)).toEqual(before);
    const found = await everyRun(store);
    expect(found.length).toBe(9_000);
    expect(found.filter(({ result }) => result === 'new').map(({ id }) => id)).toEqual(['r8999', 'r4000', 'r5']);
  });

  it('counts the last of several lines about the same run, also across files', async () => {
    const directory = newFolder();
    const store = await openStore({ directory, fsync: false });
    await store.addTask(makeTask('a'));
    const write = (history: RunRecord[]) => store.transact({ ids: ['a'] }, (task) => ({ task, history, value: null }));
    await write([makeRun('same', { endedAt: T0, result: 'first' })]);
    await write(runsFrom(1, 9_000));
    await write([makeRun('same', { endedAt: T0 + 5, result: 'second' })]);
    expect((await everyRun(store, { runId: 'same' })).map(({ result }) => result)).toEqual(['second']);
    expect((await everyRun(store)).length).toBe(9_000);
    expect(await store.pruneRuns({ before: T0 + 6, keep: null, failedBefore: null, limit: 100 })).toBe(6);
    expect(await everyRun(store, { runId: 'same' })).toEqual([]);
  });

  it('is pruned across files, the oldest first, and empty files go', async () => {
    const directory = newFolder();
    const store = await openStore({ directory, fsync: false });
    await store.saveRuns(runsFrom(0, 4_500));
    await store.saveRuns(runsFrom(4_500, 9_000));
    const before = await filesOf(directory);
    expect(await store.pruneRuns({ before: T0 + 6_000, keep: null, failedBefore: null, limit: 5_000 })).toBe(5_000);
    expect((await everyRun(store)).at(-1)!.id).toBe('r5000');
    expect(await store.pruneRuns({ before: T0 + 6_000, keep: null, failedBefore: null, limit: 5_000 })).toBe(1_000);
    expect(await store.pruneRuns({ before: T0 + 6_000, keep: null, failedBefore: null, limit: 5_000 })).toBe(0);
    expect((await filesOf(directory)).length).toBeLessThan(before.length);
    expect(await store.pruneRuns({ before: null, keep: 3, failedBefore: null, limit: 5_000 })).toBe(3_000 - 30);
    expect((await everyRun(store)).map(({ id }) => id)).toEqual(
      runsFrom(8_970, 9_000)
        .map(({ id }) => id)
        .reverse(),
    );
    await store.saveRuns(runsFrom(9_000, 9_001));
    expect((await everyRun(store)).length).toBe(31);
    expect(await store.pruneRuns({ before: T0 + 99_999, keep: null, failedBefore: null, limit: 5_000 })).toBe(31);
    expect(await filesOf(directory)).toEqual([]);
    await store.saveRuns(runsFrom(1, 2));
    expect((await everyRun(store)).length).toBe(1);
  });

  it('leaves out and reports what a crash has cut off, and goes on after it', async () => {
    const directory = newFolder();
    const first = await openStore({ directory });
    await first.saveRuns(runsFrom(0, 3));
    await first.shutdown();
    const file = join(directory, '.asyncz', 'runs', '00000001.jsonl');
    await truncate(file, (await readFile(file)).length - 20);
    const logger = new RecordingLogger();
    const second = await openStore({ directory }, { logger });
    expect((await everyRun(second)).map(({ id }) => id)).toEqual(['r1', 'r0']);
    await second.saveRuns(runsFrom(5, 6));
    expect((await everyRun(second)).map(({ id }) => id)).toEqual(['r5', 'r1', 'r0']);
    await everyRun(second);
    expect(logger.lines.filter((line) => line.includes('Line 3 of'))).toHaveLength(1);
  });

  it('survives whatever lines there are', async () => {
    const directory = newFolder();
    const store = await openStore({ directory });
    await store.saveRuns(runsFrom(0, 1));
    const file = join(directory, '.asyncz', 'runs', '00000001.jsonl');
    const odd = ['', 'rubbish', 'null', '7', '[]', '{}', '{"id":"x","taskId":7}', '{"__proto__":{"polluted":1}}'];
    await appendFile(file, `${odd.join('\n')}\n`);
    await writeFile(join(directory, '.asyncz', 'runs', 'notes.txt'), 'mine');
    await store.saveRuns(runsFrom(1, 2));
    expect((await everyRun(store)).map(({ id }) => id)).toEqual(['r1', 'r0']);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  it('is seen at once by another store on the same directory', async () => {
    const directory = newFolder();
    const store = await openStore({ directory });
    const other = await openStore({ directory });
    for (let at = 0; at < 5; at += 1) {
      await store.saveRuns(runsFrom(at, at + 1));
      expect((await everyRun(other)).length).toBe(at + 1);
    }
    await other.pruneRuns({ before: T0 + 2, keep: null, failedBefore: null, limit: 10 });
    expect((await everyRun(store)).map(({ id }) => id)).toEqual(['r4', 'r3', 'r2']);
  });
});
