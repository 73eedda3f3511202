// Puts in place what is measured: the peers by `npm ci`, and the build of the library as a user gets it.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { entryOf } from './library.mjs';
import { environmentOf } from './node.mjs';

export const PACKAGE = resolve(dirname(fileURLToPath(import.meta.url)), '..');
export const ROOT = resolve(PACKAGE, '..');
const MODULES = join(PACKAGE, 'node_modules');

function run(command, args, options) {
  const { status } = spawnSync(command, args, { stdio: ['ignore', 'inherit', 'inherit'], ...options });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}`);
}

/** Installs the peers, once for each lock file and each version of Node, since one of them is compiled. */
function installPeers(node) {
  const version = spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout.trim();
  const lock = readFileSync(join(PACKAGE, 'package-lock.json'));
  const wanted = `${version.split('.')[0]} ${createHash('sha256').update(lock).digest('hex')}`;
  const stamp = join(MODULES, '.installed-for');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  console.log('Installing the peers (npm ci in benchmark/), which takes some minutes …');
  run('npm', ['ci'], { cwd: PACKAGE, env: environmentOf(node) });
  writeFileSync(stamp, wanted);
}

/** Builds the library if a source is newer than its build. */
function build() {
  const built = entryOf(ROOT);
  const builtAt = existsSync(built) ? statSync(built).mtimeMs : 0;
  const sources = readdirSync(join(ROOT, 'lib'), { recursive: true }).filter((name) => name.endsWith('.ts'));
  if (sources.every((source) => statSync(join(ROOT, 'lib', source)).mtimeMs <= builtAt)) return;
  console.log('Building the library …');
  run('npm', ['run', '--silent', 'build'], { cwd: ROOT });
}

/** Puts the files of a built package beside the peers, so that it finds the same drivers as they do. */
function place(from, name) {
  const to = join(MODULES, name);
  if (!existsSync(entryOf(from))) throw new Error(`${from} has no build: run npm run build there.`);
  rmSync(to, { recursive: true, force: true });
  for (const part of ['package.json', 'dist']) cpSync(join(from, part), join(to, part), { recursive: true });
  return to;
}

/**
 * Makes everything ready, and returns the folders of the builds by the name that systems have them under.
 *
 * @param options `node`: the path of the Node that runs it. `isBare`: nothing is installed, and the library runs where it is
 *   built. `against`: the folder of another checkout that is built.
 */
export function setUp({ node, isBare, against }) {
  build();
  if (isBare) return { ours: ROOT, ...(against && { other: resolve(against) }) };
  installPeers(node);
  return {
    ours: place(ROOT, 'nestjs-asyncz'),
    ...(against && { other: place(resolve(against), 'nestjs-asyncz-other') }),
  };
}
