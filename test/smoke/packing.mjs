// What tests of the package itself have in common: the tarball, and places for applications that install it.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = resolve(fileURLToPath(import.meta.url), '../../..');

const PACKED = /^((dist|docs|sample)\/.*|package\.json|README\.md|LICENSE|CHANGELOG\.md|CONTRIBUTING\.md)$/;

export function run(command, args, cwd, env = {}) {
  return execFileSync(command, args, {
    cwd,
    env: { ...process.env, ...env },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: 600_000,
  });
}

export async function step(title, work) {
  const start = performance.now();
  const result = await work();
  console.log(`ok  ${title} (${((performance.now() - start) / 1_000).toFixed(1)} s)`);
  return result;
}

/** Packs what `npm publish` would send. Returns the tarball's path. */
export function pack(folder) {
  const [packed] = JSON.parse(run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], root));
  const strangers = packed.files.filter(({ path }) => !PACKED.test(path)).map(({ path }) => path);
  assert.deepEqual(strangers, [], 'the package holds files that it should not');
  return join(folder, packed.filename);
}

/** A folder whose parents lend it no packages: an optional peer that is found there would hide that it is missing. */
export function emptyFolder() {
  for (const place of [tmpdir(), '/var/tmp', homedir()]) {
    const isClean = (folder) =>
      !existsSync(join(folder, 'node_modules')) && (folder === dirname(folder) || isClean(dirname(folder)));
    if (existsSync(place) && isClean(resolve(place))) return mkdtempSync(join(place, 'asyncz-smoke-'));
  }
  throw new Error(`A node_modules above ${tmpdir()} would be found by the applications; set TMPDIR to another folder`);
}
