import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { describeStore } from '../../lib/testing/describe-store.js';
import type { StoreRequest } from '../../lib/testing/describe-store.options.js';
import { createStoreContext } from '../../lib/testing/store-context.js';
import { makeTask } from '../../lib/testing/task.fixtures.js';
import { ConditionalWriteStore } from '../../sample/02-custom-store/src/conditional-write.store.js';
import { JsonStore } from '../../sample/02-custom-store/src/json.store.js';
import { jsonKit, sqliteKit } from '../../sample/02-custom-store/src/kit.options.js';
import { SharedSqliteStore } from '../../sample/02-custom-store/src/shared-sqlite.store.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'asyncz-json-store-'));

afterAll(() => rmSync(folder, { recursive: true }));

const json = jsonKit(folder);
describeStore('the store of the custom store sample', (request) => new JsonStore(json.fileOf(request)), {
  describe,
  it,
  ...json.options,
});

const sqlite = sqliteKit(folder);
for (const StoreClass of [SharedSqliteStore, ConditionalWriteStore]) {
  const create = (request: StoreRequest) => new StoreClass(sqlite.fileOf(request));
  describeStore(`${StoreClass.name} of the custom store sample`, create, { describe, it, ...sqlite.options });
}

/** Stops in the middle of a transaction, until it is let go on. */
class HeldStore extends SharedSqliteStore {
  goOn!: () => void;
  #isReached!: () => void;
  readonly #held = new Promise<void>((resolve) => (this.goOn = resolve));
  readonly reached = new Promise<void>((resolve) => (this.#isReached = resolve));

  protected override async select(...selection: Parameters<SharedSqliteStore['select']>) {
    this.#isReached();
    await this.#held;
    return super.select(...selection);
  }
}

describe('the custom store sample', () => {
  it('keeps what is added while a transaction is open that is rolled back', async () => {
    const store = new HeldStore(sqlite.fileOf({ namespace: 'held' }));
    await store.start(createStoreContext());
    await store.addTask(makeTask('a'));
    const change = store.transact({ ids: ['a'] }, () => {
      throw new Error('no decision');
    });
    await store.reached;
    const add = store.addTask(makeTask('b'));
    store.goOn();
    await expect(change).rejects.toThrow('no decision');
    await add;
    expect(store.getAllTasks().map(({ id }) => id)).toEqual(['a', 'b']);
    await store.shutdown();
  });

  it('leaves the document as it was when it cannot be written', async () => {
    const request = { namespace: 'full' };
    const store = new JsonStore(json.fileOf(request));
    await store.start(createStoreContext());
    await store.addTask(makeTask('a'));
    const before = readFileSync(json.fileOf(request));
    // A folder in the place of the temporary file: the write fails like that on a full or read-only disk.
    mkdirSync(`${json.fileOf(request)}.tmp`);
    await expect(store.addTask(makeTask('b'))).rejects.toThrow('EISDIR');
    expect(readFileSync(json.fileOf(request))).toEqual(before);
    rmSync(`${json.fileOf(request)}.tmp`, { recursive: true });
    await store.addTask(makeTask('b'));
    expect((await store.getAllTasks()).map(({ id }) => id)).toEqual(['a', 'b']);
    await store.shutdown();
  });

  it('is what the page on writing a store shows', () => {
    const page = readFileSync(join(root, 'docs/stores.md'), 'utf8');
    const [, section] = page.split('\n## Writing a store\n');
    const steps = section!.split('\n### The conformance kit')[0]!;
    const blocks = [...steps.matchAll(/^ *```ts\n([\s\S]*?)^ *```/gm)].map(([, code]) => code!);
    expect(blocks.length).toBeGreaterThanOrEqual(12);
    const folderOfSources = join(root, 'sample/02-custom-store/src');
    const sources = readdirSync(folderOfSources)
      .map((name) => readFileSync(join(folderOfSources, name), 'utf8'))
      .join('\n')
      .replaceAll(/^\s+/gm, '');
    for (const block of blocks) expect(sources).toContain(block.replaceAll(/^\s+/gm, ''));
  });
});
