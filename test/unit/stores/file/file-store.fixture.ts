import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { readFile, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished, vi } from 'vitest';
import type { Logger } from '../../../../lib/model/logger.js';
import type { FileStoreOptions } from '../../../../lib/stores/file/file-store.options.js';
import { FileStore } from '../../../../lib/stores/file/file.store.js';
import type { StoreContext } from '../../../../lib/stores/store.interface.js';
import { createStoreContext } from '../../../../lib/testing/store-context.js';
import type { StoreContextOptions } from '../../../../lib/testing/store-context.js';

/** A folder that is there, and goes when the test has finished. */
export function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'asyncz-file-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** What a store is started with by a scheduler of this name. */
export function contextOf(name: string, options: StoreContextOptions = {}): StoreContext {
  const context = createStoreContext(options);
  return { ...context, scheduler: { ...context.scheduler, name } };
}

/** A started store, which is shut down when the test has finished. */
export async function openStore(options: FileStoreOptions, context: StoreContextOptions = {}): Promise<FileStore> {
  const store = new FileStore(options);
  await store.start(createStoreContext(context));
  onTestFinished(() => store.shutdown());
  return store;
}

/** Keeps what was logged. */
export class RecordingLogger implements Logger {
  readonly lines: string[] = [];
  readonly debug = (message: string) => void this.lines.push(message);
  readonly info = this.debug;
  readonly warn = this.debug;
  readonly error = this.debug;
}

/** The content of every task file, by name. */
export async function taskFiles(directory: string): Promise<Record<string, string>> {
  const names = (await readdir(directory)).filter((name) => name.endsWith('.task')).sort();
  const contents = await Promise.all(names.map((name) => readFile(join(directory, name), 'latin1')));
  return Object.fromEntries(names.map((name, at) => [name, contents[at]!]));
}

/** Resolves when tasks have their files, which is a moment after their last change, and those that are gone have none. */
export async function filed(
  store: FileStore,
  directory: string,
  files: readonly string[],
  gone: readonly string[] = [],
): Promise<void> {
  const isThere = (file: string) => existsSync(join(directory, file));
  await vi.waitFor(
    () => {
      const late = [...files.filter((file) => !isThere(file)), ...gone.filter(isThere)];
      if (late.length > 0) throw new Error(`${late.length} not yet filed: ${late[0]}`);
      // The files count when the journal says so, or has been begun anew since.
      const lines = readFileSync(join(directory, '.asyncz', 'journal.jsonl'), 'utf8')
        .trimEnd()
        .split('\n');
      if (lines.length > 1 && !lines.at(-1)!.startsWith('F')) throw new Error('the files do not count yet');
    },
    { timeout: 10_000, interval: 20 },
  );
  // Comes after what is being written.
  await store.deleteTask('nothing');
}
