import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { builtLibrary } from './built-library.js';

/** The URL of a module of `test/support/workers`, as JavaScript. */
export async function workerModule(name: string): Promise<URL> {
  return pathToFileURL(join(await builtLibrary(), 'workers', `${name}.worker.js`));
}

/**
 * What stands for `lib/executors/pool/worker.file.ts` in a test, which runs sources that no worker can load:
 * `vi.mock('…/worker.file.js', builtWorkerFile)`.
 */
export async function builtWorkerFile(): Promise<{ workerFile: () => string }> {
  const file = join(await builtLibrary(), 'nest', 'worker.entry.js');
  return { workerFile: () => file };
}
