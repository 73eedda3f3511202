import { mkdir } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { DirectoryLayout } from '../../../../lib/stores/file/directory.layout.js';
import { RunArchive } from '../../../../lib/stores/file/run.archive.js';
import { LineFiles } from '../../../../lib/stores/file/line.files.js';
import { RUN_LINES } from '../../../../lib/stores/file/run-line.format.js';
import type { RunRow } from '../../../../lib/persistence/codec.interface.js';
import { createStoreContext } from '../../../../lib/testing/store-context.js';
import { makeRun } from '../../../../lib/testing/task.fixtures.js';
import { newFolder, RecordingLogger } from './file-store.fixture.js';

const T0 = 1_600_000_000_000;
const codec = createStoreContext().createCodec({});

/** So large that some hundreds fill a file. */
const runsFrom = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, at) =>
    codec.encodeRun(makeRun(`r${from + at}`, { endedAt: T0 + from + at, result: 'x'.repeat(3_000) })),
  );

class CountingFiles extends LineFiles<RunRow> {
  reads = 0;

  override read(file: string) {
    this.reads += 1;
    return super.read(file);
  }
}

async function filled(count: number) {
  const layout = new DirectoryLayout(newFolder(), '.task');
  for (const folder of [layout.runs, layout.temporary]) await mkdir(folder, { recursive: true });
  const logger = new RecordingLogger();
  const files = new CountingFiles({
    layout,
    folder: layout.runs,
    lines: RUN_LINES,
    mode: 0o600,
    flush: false,
    logger,
    maxRecordBytes: 4_000_000,
  });
  for (let from = 0; from < count; from += 100) await files.append(runsFrom(from, from + 100));
  return { files, archive: new RunArchive(files) };
}

describe('a pruning of a long history in small steps', () => {
  it.each([
    ['by age', { before: T0 + 5_000, keep: null, failedBefore: null }],
    ['by count', { before: null, keep: 1_000, failedBefore: null }],
  ])('%s reads, for each, only the files that it changes', async (_, retention) => {
    const { files, archive } = await filled(6_000);
    expect((await files.list()).length).toBeGreaterThan(7);
    const removed: string[] = [];
    let steps = 0;
    files.reads = 0;
    for (;;) {
      const outdated = await archive.outdated({ ...retention, limit: 250 });
      if (outdated.length === 0) break;
      steps += 1;
      removed.push(...outdated.map(({ key }) => key));
      expect(await archive.remove(outdated)).toBe(outdated.length);
    }
    expect(steps).toBe(20);
    // The oldest first, each once.
    expect(removed).toEqual(Array.from({ length: 5_000 }, (__, at) => `r${at}/1/1`));
    // One or two files a step, and a few looks at all of them.
    expect(files.reads).toBeLessThan(steps * 2 + 4 * 12);
    expect((await archive.query({}, { limit: 9_999 }, codec)).runs).toHaveLength(1_000);
  });

  it('looks again when the retention has become milder in between', async () => {
    const { archive } = await filled(100);
    expect(await archive.outdated({ before: T0 + 50, keep: null, failedBefore: null, limit: 10 })).toHaveLength(10);
    expect(await archive.outdated({ before: T0 + 5, keep: null, failedBefore: null, limit: 10 })).toHaveLength(5);
    expect(await archive.outdated({ before: null, keep: 98, failedBefore: null, limit: 10 })).toHaveLength(2);
  });
});
