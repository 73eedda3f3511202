// One Node for all that is measured: the peers need 22.18, so an older one hands over to a newer one from the registry.
import { spawnSync } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';

const WANTED = [22, 18];

/** The version that is asked for where this one is too old. */
const OTHER = 'node@22';

const isEnough = () => {
  const [major, minor] = process.versions.node.split('.').map(Number);
  return major > WANTED[0] || (major === WANTED[0] && minor >= WANTED[1]);
};

/**
 * The path of a Node that the peers run on: this one, or the newest 22 by `npx`, which keeps it in its cache.
 *
 * @throws Error When there is none.
 */
export function findNode() {
  if (isEnough()) return process.execPath;
  const { stdout, stderr, status } = spawnSync('npx', ['-y', '-p', OTHER, 'node', '-p', 'process.execPath'], {
    encoding: 'utf8',
    timeout: 300_000,
  });
  const path = stdout.trim().split('\n').at(-1);
  if (status !== 0 || !path || !existsSync(path)) {
    throw new Error(
      `Node ${process.version} is older than ${WANTED.join('.')}, which the peers need, and npx has no ${OTHER}: ${stderr}`,
    );
  }
  console.log(
    `NOTE: Node ${process.version} is older than ${WANTED.join('.')}, which the peers need. All runs on ${path}.`,
  );
  return path;
}

/**
 * The environment in which npm compiles for a Node: it comes first on the path, and its own headers are used, where they are
 * beside it.
 */
export function environmentOf(node) {
  const folder = dirname(realpathSync(node));
  const env = { ...process.env, PATH: `${folder}:${process.env.PATH}` };
  const besides = [dirname(folder), join(dirname(folder), 'node_modules', `node-${process.platform}-${process.arch}`)];
  const headers = besides.find((place) => existsSync(join(place, 'include', 'node', 'node.h')));
  // A configured one would be that of the other Node.
  if (headers !== undefined) env.npm_config_nodedir = headers;
  return env;
}
