import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execute, findBinary, freePort, startServer } from './owned-process.mjs';
import { isAtomic } from './mongodb.atomicity.mjs';

const SOURCES = fileURLToPath(new URL('../mongodb/', import.meta.url));
const CACHE = fileURLToPath(new URL('../../../.cache/mongodb-stand-in/', import.meta.url));

const findGo = () => findBinary(['go'], ['/usr/local/go/bin']);

/** Whether the stand-in can be had: it was built already, or there is Go to build it with. */
export async function canHaveStandIn() {
  return findGo() !== null || existsSync(await binaryPath());
}

/** Named after what it is made of, so that a change of the sources builds it anew. */
async function binaryPath() {
  const hash = createHash('sha256');
  for (const name of ['main.go', 'go.mod', 'go.sum']) hash.update(await readFile(join(SOURCES, name)));
  return join(CACHE, hash.digest('hex').slice(0, 16));
}

/** Builds the stand-in unless that was done already: some 100 s the first time, with half a minute of downloads. */
export async function buildStandIn() {
  const binary = await binaryPath();
  if (existsSync(binary)) return binary;
  const go = findGo();
  if (go === null) throw new Error('Go is needed to build the MongoDB stand-in');
  await mkdir(CACHE, { recursive: true });
  // Built aside and renamed, so that two builds at once do not run each other's half-written file.
  const unfinished = `${binary}.${randomBytes(4).toString('hex')}`;
  await execute(go, ['build', '-trimpath', '-o', unfinished, '.'], { cwd: SOURCES });
  await rename(unfinished, binary);
  return binary;
}

/**
 * Starts the stand-in.
 *
 * @param {{ folder: string, port?: number, answers: (url: string) => Promise<unknown> }} options `folder`: where the
 *   data is; kept when it stops. `port`: a free one unless given.
 */
export async function startStandIn({ folder, port, answers }) {
  const binary = await buildStandIn();
  const at = port ?? (await freePort());
  const url = `mongodb://127.0.0.1:${at}/`;
  const server = await startServer(binary, ['-folder', folder, '-port', `${at}`], () => answers(url));
  return { url, port: at, ...server };
}

/** Makes sure, once for each build, that the stand-in does not hand one document to several clients. */
export async function checkStandIn(url) {
  const stamp = `${await binaryPath()}.atomic`;
  if (existsSync(stamp)) return;
  if (!(await isAtomic(url))) {
    throw new Error('the MongoDB stand-in handed one document to several clients: no test on it would mean anything');
  }
  await writeFile(stamp, '');
}
