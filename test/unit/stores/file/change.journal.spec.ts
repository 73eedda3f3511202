import { appendFile, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ChangeJournal } from '../../../../lib/stores/file/change.journal.js';
import type { TaskSummary } from '../../../../lib/stores/file/task.summary.js';
import { newFolder } from './file-store.fixture.js';

const summary = (file: string) => ({ file, id: file, signature: '1:2:3' }) as TaskSummary;
const put = (...files: string[]) => ({ put: files.map(summary), remove: [] });
const NOTHING = { batches: [], uncertain: [], missed: false, unfinished: false };

async function openJournal(path: string): Promise<ChangeJournal> {
  const journal = new ChangeJournal(path, 0o600);
  await journal.open();
  onTestFinished(() => journal.close());
  return journal;
}

/** A journal and a second reader of the same one. */
async function openTwo(path: string): Promise<{ writer: ChangeJournal; reader: ChangeJournal }> {
  const reader = await openJournal(path);
  const writer = await openJournal(path);
  expect(await reader.read(false)).toEqual(NOTHING);
  return { writer, reader };
}

describe('the journal of a file store', () => {
  it('tells the others what was done, once and in order', async () => {
    const { writer, reader } = await openTwo(join(newFolder(), 'journal'));
    await writer.begin(put('a', 'b'));
    await writer.end([]);
    await writer.begin({ put: [], remove: ['a'] });
    await writer.end([]);
    expect(await reader.read(false)).toEqual({ ...NOTHING, batches: [put('a', 'b'), { put: [], remove: ['a'] }] });
    expect(await reader.read(false)).toEqual(NOTHING);
    expect(await writer.read(true)).toEqual(NOTHING);
  });

  it('says while something is being done that it is unfinished', async () => {
    const { writer, reader } = await openTwo(join(newFolder(), 'journal'));
    await writer.begin(put('a'));
    expect(await reader.read(false)).toEqual({ ...NOTHING, unfinished: true });
    expect(await reader.read(false)).toEqual({ ...NOTHING, unfinished: true });
    await writer.end(['a']);
    expect(await reader.read(false)).toEqual({ ...NOTHING, batches: [put('a')], uncertain: ['a'] });
  });

  it('gives what a dead process had begun to whoever has the lock next, and to all others', async () => {
    const path = join(newFolder(), 'journal');
    const { writer, reader } = await openTwo(path);
    const third = await openJournal(path);
    await reader.read(false);
    await writer.read(true);
    await writer.begin({ put: [summary('a')], remove: ['b'] });
    expect(await reader.read(true)).toEqual({ ...NOTHING, uncertain: ['a', 'b'] });
    const news = await third.read(false);
    expect([...new Set(news.uncertain)].sort()).toEqual(['a', 'b']);
    expect(news.unfinished).toBe(false);
  });

  it('gives what a dead process had begun to the others when a new process starts', async () => {
    const path = join(newFolder(), 'journal');
    const { writer, reader } = await openTwo(path);
    await writer.begin(put('a'));
    const next = await openJournal(path);
    await next.begin(put('b'));
    await next.end([]);
    expect(await reader.read(false)).toEqual({ ...NOTHING, batches: [put('b')], uncertain: ['a'] });
  });

  it('drops half a line that was left by one who died before doing anything', async () => {
    const path = join(newFolder(), 'journal');
    const { writer, reader } = await openTwo(path);
    await appendFile(path, '{"begin":true,"put":[{"fi');
    expect(await reader.read(false)).toEqual(NOTHING);
    expect(await writer.read(true)).toEqual(NOTHING);
    await writer.begin(put('a'));
    await writer.end([]);
    expect(await reader.read(false)).toEqual({ ...NOTHING, batches: [put('a')] });
  });

  it('begins anew when it gets long, and nobody misses anything', async () => {
    const path = join(newFolder(), 'journal');
    const { writer, reader } = await openTwo(path);
    const long = 'x'.repeat(250_000);
    for (let at = 0; at < 12; at += 1) {
      await writer.begin(put(`${long}${at}`));
      await writer.end([]);
    }
    const news = await reader.read(false);
    expect(news).toMatchObject({ uncertain: [], missed: false, unfinished: false });
    expect(news.batches.map(({ put: [first] }) => first!.file.slice(long.length))).toEqual(
      Array.from({ length: 12 }, (_, at) => String(at)),
    );
    expect((await readFile(path)).length).toBeLessThan(4_500_000);
  });

  it('says that something was missed when it began anew twice', async () => {
    const path = join(newFolder(), 'journal');
    const { writer, reader } = await openTwo(path);
    await openJournal(path);
    await openJournal(path);
    expect(await reader.read(false)).toMatchObject({ missed: true });
    expect(await reader.read(false)).toEqual(NOTHING);
    expect(await writer.read(false)).toMatchObject({ missed: true });
  });

  it('says that something was missed when it is damaged, shortened or removed, and goes on', async () => {
    const path = join(newFolder(), 'journal');
    const { writer, reader } = await openTwo(path);
    await appendFile(path, 'rubbish\n');
    expect(await reader.read(false)).toMatchObject({ missed: true, unfinished: false });
    await truncate(path, 3);
    expect(await reader.read(false)).toMatchObject({ missed: true });
    await rm(path);
    // Without the lock a new one cannot be begun.
    expect(await reader.read(false)).toMatchObject({ unfinished: true });
    expect(await reader.read(true)).toMatchObject({ missed: true, unfinished: false });
    expect(await writer.read(true)).toMatchObject({ missed: true });
    await writer.begin(put('a'));
    await writer.end([]);
    expect(await reader.read(false)).toEqual({ ...NOTHING, batches: [put('a')] });
  });

  it('is begun over whatever is there', async () => {
    for (const content of ['', 'rubbish', '{"journal":"x"}\n', '\0\0\0\n']) {
      const path = join(newFolder(), 'journal');
      await writeFile(path, content);
      const { writer, reader } = await openTwo(path);
      await writer.begin(put('a'));
      await writer.end([]);
      expect(await reader.read(false), JSON.stringify(content)).toEqual({ ...NOTHING, batches: [put('a')] });
    }
  });
});
