import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execute } from './servers/owned-process.mjs';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** Inside node_modules, so that the built files find their packages; beside dist/, which others build and remove. */
const CACHE = join(ROOT, 'node_modules', '.cache', 'asyncz-built');

let built: Promise<string> | null = null;

/**
 * The library as JavaScript, for child processes of tests, which run it in plain Node. Built once for each state of
 * `lib/`.
 *
 * @returns The folder that holds what `dist/` would hold.
 */
export function builtLibrary(): Promise<string> {
  built ??= build();
  return built;
}

async function build(): Promise<string> {
  const target = join(CACHE, await fingerprint());
  if (existsSync(target)) return target;
  await mkdir(CACHE, { recursive: true });
  const folder = await mkdtemp(join(CACHE, 'new-'));
  // Errors of type are the type check's business; a half-built library would be told of by whoever imports it.
  await execute('npx', ['tsc', '-p', 'tsconfig.build.json', '--outDir', folder, '--noCheck'], { cwd: ROOT });
  try {
    await rename(folder, target);
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    // Another test file was faster.
    if (!existsSync(target)) throw error;
  }
  return target;
}

async function fingerprint(): Promise<string> {
  const hash = createHash('sha256');
  const lib = join(ROOT, 'lib');
  const names = (await readdir(lib, { recursive: true })).filter((name) => name.endsWith('.ts')).sort();
  for (const name of names) {
    const { mtimeMs, size } = await stat(join(lib, name));
    hash.update(`${name} ${mtimeMs} ${size}\n`);
  }
  return hash.digest('hex').slice(0, 16);
}
