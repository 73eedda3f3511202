import { appendFile, readFile, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ChangeJournal } from '../../../../lib/stores/file/change.journal.js';
import { formatEnded, formatFiled, formatRemoval, formatTake } from '../../../../lib/stores/file/journal.format.js';
import type { JournalReader } from '../../../../lib/stores/file/journal.format.js';
import type { RunRow } from '../../../../lib/persistence/codec.interface.js';
import { newFolder, RecordingLogger } from './file-store.fixture.js';

/** Writes down what it is told. */
class Reader implements JournalReader {
  readonly told: unknown[] = [];
  readonly wantsRuns = true;
  readonly put = (...what: unknown[]) => void this.told.push(['put', ...what]);
  readonly state = (...what: unknown[]) => void this.told.push(['state', ...what]);
  readonly take = (...what: unknown[]) => void this.told.push(['take', ...what]);
  readonly remove = (...what: unknown[]) => void this.told.push(['remove', ...what]);
  readonly run = (...what: unknown[]) => void this.told.push(['run', ...what]);
  readonly entry = (...what: unknown[]) => void this.told.push(['entry', ...what]);
  /** Is told by {@link ChangeJournal.read} as well. */
  readonly renewed = () => {};
  readonly begin = (...what: unknown[]) => void this.told.push(['begin', ...what]);
  readonly filed = (...what: unknown[]) => void this.told.push(['filed', ...what]);

  /** What it was told since it was last asked. */
  news(): unknown[] {
    return this.told.splice(0);
  }
}

const removal = (file: string) => formatRemoval(file, null);
const removals = (...files: string[]) => files.map((file) => ['remove', file, null]);

function journalAt(path: string, logger = new RecordingLogger(), realm = 'here'): ChangeJournal {
  const journal = new ChangeJournal({ path, mode: 0o600, flush: true, realm, logger });
  onTestFinished(() => journal.close());
  return journal;
}

/** A journal that was begun, and what reads it. */
async function begin(path: string, ...groups: string[]): Promise<ChangeJournal> {
  const journal = journalAt(path);
  expect(await journal.open()).toBe(false);
  await journal.replace(groups);
  return journal;
}

async function openTwo(path: string): Promise<{ writer: ChangeJournal; other: ChangeJournal; reader: Reader }> {
  const writer = await begin(path);
  const other = journalAt(path);
  expect(await other.open()).toBe(true);
  return { writer, other, reader: new Reader() };
}

describe('the journal of a file store', () => {
  it('tells the others what was done, once and in order', async () => {
    const { writer, other, reader } = await openTwo(join(newFolder(), 'journal'));
    await writer.append(removal('a') + removal('b'));
    await writer.append(removal('c'));
    expect(await other.read(false, reader)).toBe('read');
    expect(reader.news()).toEqual(removals('a', 'b', 'c'));
    expect(await other.read(true, reader)).toBe('read');
    await other.append(removal('d'));
    expect(reader.news()).toEqual([]);
    expect(await writer.read(true, reader)).toBe('read');
    expect(reader.news()).toEqual(removals('d'));
  });

  it('gives back every kind of line as it was', async () => {
    const { writer, other, reader } = await openTwo(join(newFolder(), 'journal'));
    const taken = { owner: 'x', at: 1, until: 2, tasks: [['a\tb\n', 3, 4, 1] as const] };
    const run = { id: 'r', outcome: '{"a":"\\n"}' } as RunRow;
    await writer.append(
      formatTake(taken) +
        formatEnded(run) +
        formatFiled([
          ['a', '1:2:3'],
          ['b', null],
        ]),
    );
    await other.read(false, reader);
    expect(reader.news()).toEqual([
      ['take', taken],
      ['run', run],
      [
        'filed',
        [
          ['a', '1:2:3'],
          ['b', null],
        ],
      ],
    ]);
  });

  it('begins a new one with what is to be carried over, and nobody misses anything', async () => {
    const path = join(newFolder(), 'journal');
    const { writer, other, reader } = await openTwo(path);
    await writer.append(removal('a'));
    await writer.replace([removal('b'), removal('c')]);
    await writer.append(removal('d'));
    expect(await other.read(false, reader)).toBe('read');
    expect(reader.news()).toEqual(removals('a', 'b', 'c', 'd'));
    expect(other.number).toBe(writer.number);
    await other.append(removal('e'));
    expect(await writer.read(true, reader)).toBe('read');
    expect(reader.news()).toEqual(removals('e'));
    expect(await readdir(dirname(path))).toEqual(['journal']);
  });

  it('says that something was missed when a new one was begun twice', async () => {
    const { writer, other, reader } = await openTwo(join(newFolder(), 'journal'));
    await writer.replace([removal('a')]);
    await writer.replace([removal('b')]);
    expect(await other.read(false, reader)).toBe('missed');
    reader.news();
    expect(await other.open()).toBe(true);
    expect(await other.read(true, reader)).toBe('read');
    expect(reader.news()).toEqual(removals('b'));
  });

  it('counts a group as a whole or not at all, wherever it was cut off', async () => {
    const path = join(newFolder(), 'journal');
    const { writer } = await openTwo(path);
    await writer.append(removal('a'));
    const before = writer.size;
    await writer.append(removal('b') + removal('c'));
    const whole = await readFile(path);
    for (let length = before; length < whole.length; length += 1) {
      await writeFile(path, whole.subarray(0, length));
      const next = journalAt(path);
      const reader = new Reader();
      await next.open();
      // Somebody may be writing it: without the lock it is left as it is.
      expect(await next.read(false, reader)).toBe('read');
      expect(reader.news(), `${length} bytes`).toEqual(removals('a'));
      expect((await readFile(path)).length).toBe(length);
      expect(await next.read(true, reader)).toBe('read');
      expect(next.size).toBe(before);
      await next.append(removal('d'));
      const last = journalAt(path);
      await last.open();
      await last.read(true, reader);
      expect(reader.news(), `${length} bytes`).toEqual(removals('a', 'd'));
      await next.close();
      await last.close();
    }
  });

  it('leaves a damaged group out, keeps it, says so, and goes on behind it', async () => {
    const folder = newFolder();
    const path = join(folder, 'journal');
    const { writer } = await openTwo(path);
    await writer.append(removal('a'));
    const start = writer.size;
    await writer.append(removal('b'));
    const end = writer.size;
    await writer.append(removal('c'));
    const whole = await readFile(path);
    for (let at = start; at < end; at += 1) {
      const changed = Buffer.from(whole);
      changed[at]! ^= 1 << (at % 8);
      await writeFile(path, changed);
      const logger = new RecordingLogger();
      const next = journalAt(path, logger);
      const reader = new Reader();
      await next.open();
      expect(await next.read(true, reader)).toBe('read');
      expect(reader.news(), `byte ${at}`).toEqual(removals('a', 'c'));
      expect(logger.lines.join('\n')).toContain('damaged');
      expect((await readFile(join(folder, `damaged-${next.number}-${start}.jsonl`))).length).toBe(end - start);
      await next.close();
    }
  });

  it('says that something was missed when it was shortened, and that it is not there when it was removed', async () => {
    const path = join(newFolder(), 'journal');
    const { writer, other, reader } = await openTwo(path);
    await writer.append(removal('a'));
    await other.read(false, reader);
    await truncate(path, writer.size - 3);
    expect(await other.read(false, reader)).toBe('missed');
    await rm(path);
    expect(await other.read(false, reader)).toBe('missed');
    await writer.close();
    const next = await begin(path);
    expect(await next.read(false, reader)).toBe('read');
    await rm(path);
    // Without the lock a new one cannot be begun.
    expect(await next.read(false, reader)).toBe('read');
    expect(await next.read(true, reader)).toBe('absent');
  });

  it('sets aside what is no journal', async () => {
    for (const content of ['', 'rubbish', '{"journal":"x"}\n', '\0\0\0\n']) {
      const folder = newFolder();
      const path = join(folder, 'journal');
      await writeFile(path, content);
      const journal = await begin(path, removal('a'));
      await journal.append(removal('b'));
      expect(await readFile(join(folder, 'damaged-0-0.jsonl'), 'utf8')).toBe(content);
    }
  });

  it('changes nothing when it cannot be written', async () => {
    const path = join(newFolder(), 'journal');
    const { writer, other, reader } = await openTwo(path);
    await writer.append(removal('a'));
    // A file that is only read stands in for a disk that fails.
    const broken = journalAt(path);
    await broken.open();
    await broken.read(true, new Reader());
    await broken.close();
    await expect(broken.append(removal('b'))).rejects.toThrow();
    await writer.append(removal('c'));
    await other.read(false, reader);
    expect(reader.news()).toEqual(removals('a', 'c'));
  });

  it('knows whether another kernel has written it', async () => {
    const path = join(newFolder(), 'journal');
    await begin(path);
    const same = journalAt(path);
    const another = journalAt(path, new RecordingLogger(), 'elsewhere');
    await Promise.all([same.open(), another.open()]);
    expect([same.isOfAnotherRealm, another.isOfAnotherRealm]).toEqual([false, true]);
  });

  it('reads a first line that something was appended to by hand', async () => {
    const path = join(newFolder(), 'journal');
    const { writer, other, reader } = await openTwo(path);
    await appendFile(path, 'rubbish\n');
    expect(await other.read(false, reader)).toBe('read');
    expect(await other.read(true, reader)).toBe('read');
    await other.append(removal('a'));
    expect(await writer.read(true, reader)).toBe('read');
    expect(reader.news()).toEqual(removals('a'));
  });
});
