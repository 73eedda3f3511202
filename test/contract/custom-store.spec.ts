import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import type { TaskRow } from '../../lib/persistence/codec.interface.js';
import { describeStore } from '../../lib/testing/describe-store.js';
import type { StoreRequest } from '../../lib/testing/describe-store.options.js';
import { createStoreContext } from '../../lib/testing/store-context.js';
import { makeTask } from '../../lib/testing/task.fixtures.js';
import { JsonStore } from '../../sample/02-custom-store/src/json.store.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'asyncz-json-store-'));
const fileOf = ({ namespace }: StoreRequest) => join(folder, `${namespace}.json`);

afterAll(() => rmSync(folder, { recursive: true }));

describeStore('the store of the custom store sample', (request) => new JsonStore(fileOf(request)), {
  describe,
  it,
  cleanup: (request) => rmSync(fileOf(request), { force: true }),
  dump: (request) => readFileSync(fileOf(request)),
  damage: ({ id, ...request }) => {
    const whole = readFileSync(fileOf(request));
    const { tasks } = JSON.parse(whole.toString()) as { tasks: TaskRow[] };
    const damaged = tasks.map((row) => (row.id === id ? Object.assign(row, { definition: 'scribble' }) : row));
    writeFileSync(fileOf(request), JSON.stringify({ tasks: damaged }));
    return () => writeFileSync(fileOf(request), whole);
  },
  keepsHistory: false,
  volume: 50,
});

describe('the custom store sample', () => {
  it('leaves the document as it was when it cannot be written', async () => {
    const request = { namespace: 'full' };
    const store = new JsonStore(fileOf(request));
    await store.start(createStoreContext());
    await store.addTask(makeTask('a'));
    const before = readFileSync(fileOf(request));
    // A folder in the place of the temporary file: the write fails like that on a full or read-only disk.
    mkdirSync(`${fileOf(request)}.tmp`);
    await expect(store.addTask(makeTask('b'))).rejects.toThrow('EISDIR');
    expect(readFileSync(fileOf(request))).toEqual(before);
    rmSync(`${fileOf(request)}.tmp`, { recursive: true });
    await store.addTask(makeTask('b'));
    expect((await store.getAllTasks()).map(({ id }) => id)).toEqual(['a', 'b']);
    await store.shutdown();
  });

  it('is what the page on writing a store shows', () => {
    const page = readFileSync(join(root, 'docs/stores.md'), 'utf8');
    const [, section] = page.split('\n## Writing a store\n');
    const steps = section!.split('\n### The conformance kit')[0]!;
    const blocks = [...steps.matchAll(/^```ts\n([\s\S]*?)^```/gm)].map(([, code]) => code!);
    expect(blocks.length).toBeGreaterThanOrEqual(6);
    const sources = ['json.store.ts', 'app.module.ts']
      .map((name) => join(root, 'sample/02-custom-store/src', name))
      .map((path) => readFileSync(path, 'utf8'))
      .join('\n')
      .replaceAll(/^\s+/gm, '');
    for (const block of blocks) expect(sources).toContain(block.replaceAll(/^\s+/gm, ''));
  });
});
