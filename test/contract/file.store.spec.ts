import { mkdtempSync } from 'node:fs';
import { readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, it } from 'vitest';
import { encodeFileName } from '../../lib/stores/file/file-name.codec.js';
import { FileStore } from '../../lib/stores/file/file.store.js';
import { describeStore } from '../../lib/testing/describe-store.js';
import { createStoreContext } from '../../lib/testing/store-context.js';

const root = mkdtempSync(join(tmpdir(), 'asyncz-contract-'));
const directoryOf = ({ namespace }: { namespace: string }) => join(root, namespace);

afterAll(() => rm(root, { recursive: true, force: true }));

describeStore('FileStore', (request) => new FileStore({ directory: directoryOf(request) }), {
  describe,
  it,
  // A file for each, and the disk is waited for.
  volume: 3_000,
  cleanup: (request) => rm(directoryOf(request), { recursive: true, force: true }),
  damage: async (request) => {
    const directory = directoryOf(request);
    // A task that is due is about to change, and gets its file later, but for a shutdown.
    const other = new FileStore({ directory });
    await other.start(createStoreContext());
    await other.shutdown();
    const path = join(directory, `${encodeFileName(request.id)}.task`);
    const whole = await readFile(path);
    await writeFile(path, whole.subarray(0, -99));
    return () => writeFile(path, whole);
  },
  dump: async (request) => {
    const directory = directoryOf(request);
    const entries = await readdir(directory, { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
    return Buffer.concat(await Promise.all(files.map((file) => readFile(file))));
  },
});
