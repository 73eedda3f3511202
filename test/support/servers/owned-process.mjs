import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chown, mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

/** How long a server may take until it answers, in milliseconds. */
const READY_TIMEOUT_MS = 60_000;

/** How long one may take to stop before it is killed, in milliseconds. */
const STOP_TIMEOUT_MS = 10_000;

const run = promisify(execFile);

/**
 * Runs a command to its end. Rejects with what it said when it fails.
 *
 * @param {string} file
 * @param {readonly string[]} args
 * @param {import('node:child_process').ExecFileOptions} [options]
 */
export async function execute(file, args, options = {}) {
  try {
    const { stdout } = await run(file, args, { timeout: 600_000, maxBuffer: 50_000_000, ...options });
    return String(stdout).trim();
  } catch (error) {
    const said = String(error.stderr || error.message)
      .trim()
      .split('\n')
      .slice(-5)
      .join('\n');
    throw new Error(`${file} ${args[0] ?? ''} failed: ${said}`, { cause: error });
  }
}

/**
 * The path of the first of these programs that is on the machine; null when none is.
 *
 * @param {readonly string[]} names
 * @param {readonly string[]} [folders] Where to look before the PATH.
 */
export function findBinary(names, folders = []) {
  const all = [...folders, ...(process.env.PATH ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin'];
  for (const folder of all) {
    for (const name of names) if (folder && existsSync(join(folder, name))) return join(folder, name);
  }
  return null;
}

/** Whether somebody listens on a port of this machine. */
export function isListening(port) {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, timeout: 2_000 });
    const end = (answer) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
    socket.once('timeout', () => end(false));
  });
}

/**
 * Where servers of tests listen: below the ports that systems give to outgoing connections (32,768 and up on Linux, 49,152
 * elsewhere), of which one could take a port in the moment before its server, or while that is restarted.
 */
const PORTS = { from: 20_000, to: 32_000 };

/** Whether a server could listen on a port of this machine now. */
function isFree(port) {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

/**
 * A port that was free a moment ago, and stays so unless another server takes it.
 *
 * @param {number} [beside] How far above it a second one has to be free, for servers that need two.
 * @returns {Promise<number>}
 */
export async function freePort(beside = 0) {
  for (let left = 100; left > 0; left -= 1) {
    const port = PORTS.from + Math.floor(Math.random() * (PORTS.to - beside - PORTS.from));
    if ((await isFree(port)) && (await isFree(port + beside))) return port;
  }
  throw new Error(`No port of ${PORTS.from} to ${PORTS.to} is free.`);
}

/**
 * A new folder for a server's data.
 *
 * @param {number} [uid] Who it belongs to.
 */
export async function temporaryFolder(uid) {
  const folder = await mkdtemp(join(tmpdir(), 'asyncz-'));
  if (uid !== undefined) await chown(folder, uid, uid);
  return folder;
}

export function removeFolder(folder) {
  return rm(folder, { recursive: true, force: true, maxRetries: 5 });
}

/**
 * Starts a server and waits until it answers.
 *
 * @param {string} file
 * @param {readonly string[]} args
 * @param {() => Promise<unknown>} answers Resolves when it can be used; asked again until then.
 * @param {{ uid?: number }} [options]
 * @returns {Promise<{ pid: number, stop(signal?: NodeJS.Signals): Promise<void> }>}
 */
export async function startServer(file, args, answers, options = {}) {
  // The pipe of its input closes when this process dies, by which the stand-in knows that it is not needed any more.
  const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'pipe'], ...options });
  let said = '';
  for (const output of [child.stdout, child.stderr]) output.on('data', (data) => (said = (said + data).slice(-2_000)));
  const ended = new Promise((resolve) => {
    child.once('exit', (code, signal) => resolve(`it ended with ${code ?? signal}`));
    child.once('error', (error) => resolve(error.message));
  });
  const killWithThisProcess = () => child.kill('SIGKILL');
  process.once('exit', killWithThisProcess);
  const stop = async (signal = 'SIGTERM') => {
    process.off('exit', killWithThisProcess);
    child.kill(signal);
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await ended;
    clearTimeout(timer);
  };
  try {
    await untilAnswers(answers, ended);
  } catch (error) {
    await stop();
    throw new Error(
      `${file} was started and cannot be used: ${error.message}${said ? `; it said: ${said.trim()}` : ''}`,
      { cause: error },
    );
  }
  return { pid: /** @type {number} */ (child.pid), stop };
}

async function untilAnswers(answers, ended) {
  const deadline = performance.now() + READY_TIMEOUT_MS;
  for (;;) {
    const pause = new Promise((resolve) => setTimeout(resolve, 100));
    const end = await Promise.race([
      ended,
      answers().then(
        () => null,
        (error) => error,
      ),
      pause.then(() => new Error('no answer')),
    ]);
    if (end === null) return;
    if (typeof end === 'string') throw new Error(end);
    if (performance.now() > deadline) throw end;
    await pause;
  }
}
