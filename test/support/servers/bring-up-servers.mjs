import { existsSync } from 'node:fs';
import { execute } from './owned-process.mjs';
import { MONGODB } from './mongodb.server.mjs';
import { MYSQL } from './mysql.server.mjs';
import { POSTGRES } from './postgres.server.mjs';
import { REDIS } from './redis.server.mjs';

export const SERVER_KINDS = [POSTGRES, MYSQL, REDIS, MONGODB];

/**
 * Finds or starts the servers that the tests need: the address in the environment, a server on the usual port, a program
 * of this machine started on a free port in a temporary folder, for MongoDB the stand-in, on Debian as root an apt install.
 *
 * What cannot be had is an error with instructions, unless `ASYNCZ_TEST_SKIP=mongodb,…` names it.
 *
 * @param {{ kinds?: readonly import('./bring-up-servers.mjs').ServerKind[], skip?: string, usualPorts?: boolean }} [options]
 *   `skip`: instead of `ASYNCZ_TEST_SKIP`. `usualPorts: false` starts servers even where one listens already.
 * @returns {Promise<import('./bring-up-servers.mjs').Servers>}
 */
export async function bringUpServers(options = {}) {
  const { kinds = SERVER_KINDS, skip = process.env.ASYNCZ_TEST_SKIP ?? '', usualPorts = true } = options;
  const dispensable = parseSkip(skip);
  const found = await Promise.all(
    kinds.map((kind) => bringUp(kind, { dispensable: dispensable.has(kind.name), usualPorts })),
  );
  const stop = async () => {
    await Promise.all(found.map(({ stop: stopOne }) => stopOne?.()));
  };
  const absent = kinds.filter((_, at) => found[at].url === null).map(({ name }) => name);
  const missing = kinds.flatMap(({ name }, at) =>
    absent.includes(name) && !dispensable.has(name) ? found[at].line : [],
  );
  if (missing.length > 0) {
    await stop();
    throw new Error(
      `Servers for the tests are missing; ASYNCZ_TEST_SKIP=${absent.join(',')} runs the tests without them.\n  ${missing.join('\n  ')}`,
    );
  }
  return {
    env: Object.assign(
      {},
      ...kinds.map(({ variable }, at) => (found[at].url ? { [variable]: found[at].url, ...found[at].env } : {})),
    ),
    lines: found.map(({ line }) => line),
    absent,
    stop,
  };
}

function parseSkip(skip) {
  const names = skip.split(',').flatMap((name) => name.trim() || []);
  const known = SERVER_KINDS.map(({ name }) => name);
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new Error(`ASYNCZ_TEST_SKIP names "${unknown}". Known: ${known.join(', ')}.`);
  return new Set(names);
}

async function bringUp(kind, { dispensable, usualPorts }) {
  const given = process.env[kind.variable];
  if (given) {
    const version = await attempt(() => kind.answers(given));
    if (version instanceof Error)
      return notThere(
        kind,
        `${kind.variable} is set, and that server does not answer: ${version.message}`,
        dispensable,
      );
    return { url: given, line: `${kind.title} ${version}: the one that ${kind.variable} names` };
  }
  const reasons = [];
  for (const url of (usualPorts && (await kind.listening())) || []) {
    const version = await attempt(() => kind.answers(url));
    if (!(version instanceof Error))
      return { url, line: `${kind.title} ${version}: listening on 127.0.0.1:${new URL(url).port || 27017}` };
    reasons.push(`the one that listens refuses ${new URL(url).username || 'us'}: ${version.message}`);
  }
  for (const way of [kind.start, dispensable ? null : () => installAndStart(kind)]) {
    const server = way && (await attempt(way));
    if (server instanceof Error) reasons.push(server.message);
    else if (server) {
      const version = await attempt(() => kind.answers(server.url));
      return { ...server, line: `${kind.title} ${version}: started ${server.how}` };
    }
  }
  return notThere(kind, reasons.join('; ') || 'not on this machine', dispensable);
}

function notThere(kind, reason, dispensable) {
  const note = dispensable ? 'ASYNCZ_TEST_SKIP allows that: its tests did not run' : kind.instructions;
  return { url: null, line: `${kind.title}: absent (${reason}); ${note}` };
}

/** One install after the other: they share a lock. */
let installed = Promise.resolve();

async function installAndStart(kind) {
  const debian = existsSync('/etc/debian_version') && process.getuid?.() === 0;
  if (!debian || kind.packages.length === 0) return null;
  const options = { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } };
  const install = installed.then(async () => {
    await execute('apt-get', ['update', '-q'], options);
    await execute('apt-get', ['install', '-qy', '--no-install-recommends', ...kind.packages], options);
  });
  installed = install.catch(() => {});
  await install;
  return kind.start();
}

async function attempt(work) {
  try {
    return await work();
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}
