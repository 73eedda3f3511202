// What the figures were taken on.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem, type } from 'node:os';
import { join } from 'node:path';
import { PACKAGE, ROOT } from './setup.mjs';

/** The commit of a checkout, and whether it has changes. */
function commitOf(folder) {
  const git = (...args) => spawnSync('git', ['-C', folder, ...args], { encoding: 'utf8' }).stdout?.trim() ?? '';
  return `${git('rev-parse', '--short', 'HEAD')}${git('status', '--porcelain', 'lib') === '' ? '' : ' and changes'}`;
}

/** The installed version of a package. */
export function versionOf(name) {
  const { version } = JSON.parse(readFileSync(join(PACKAGE, 'node_modules', name, 'package.json'), 'utf8'));
  return `${name} ${version}`;
}

/** The machine, Node and the commit. */
export function describeEnvironment(node) {
  const [{ model }] = cpus();
  const { stdout } = spawnSync(node, ['--version'], { encoding: 'utf8' });
  return {
    commit: commitOf(ROOT),
    node: stdout.trim(),
    machine: `${cpus().length} x ${model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${type()} ${release()}`,
    load: loadavg()[0].toFixed(1),
  };
}
