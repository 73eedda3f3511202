// `npm test`: builds the package and the samples once, finds or starts the servers that the tests need, runs the tests, and
// says on its last line how many passed and failed. Further arguments go to vitest: `npm test -- --project unit`.
// `npm run test:cluster` is the same with `--cluster`: the scenarios of `test/cluster` only, at their full length.
import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { accessSync, constants, mkdtempSync, readFileSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bringUpServers } from '../test/support/servers/bring-up-servers.mjs';
import { processesUnder } from './processes.mjs';
import { closingLines, readReport } from './test-report.mjs';

const root = resolve(fileURLToPath(import.meta.url), '../..');
const bin = (name) => join(root, 'node_modules', '.bin', name);

/** Where Linux keeps files in memory, and how much room there has to be, in bytes. */
const MEMORY_FOLDER = '/dev/shm';
const ROOM = 4 * 1024 ** 3;

/**
 * Has tests keep their files in memory where that can be: databases and the file store flush thousands of times, which takes
 * minutes on a disk. What the tests show of files holds all the same, since to kill a process is no loss of power. `TMPDIR`
 * names another folder.
 */
function keepFilesInMemory() {
  if (process.env.TMPDIR !== undefined || process.platform !== 'linux') return;
  try {
    accessSync(MEMORY_FOLDER, constants.W_OK);
    const { bavail, bsize } = statfsSync(MEMORY_FOLDER);
    if (bavail * bsize >= ROOM) process.env.TMPDIR = MEMORY_FOLDER;
  } catch {
    // There is none.
  }
}

keepFilesInMemory();

const isCluster = process.argv.includes('--cluster');

/** A run that hangs is to fail by itself, before whoever waits for it gives up. In full the soak alone takes an hour. */
const TIMEOUT_MS = (isCluster ? 240 : 45) * 60_000;

/** The processes under way, to be stopped with this one. */
const children = new Set();
let interrupted = false;
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    interrupted = true;
    for (const child of children) void end(child);
  });
}

/** Ends a command and all that it has started, which vitest would leave behind. Returns what that was. */
async function end(child) {
  const processes = await processesUnder(child.pid);
  // Not by a signal that could be handled: what computes for ever hears none.
  for (const { pid } of processes.slice(1).toReversed()) kill(pid);
  child.kill('SIGKILL');
  return processes;
}

function kill(pid) {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended meanwhile.
  }
}

/** Ends a command that hangs, and says what it was at. */
async function endHanging(child) {
  const processes = await end(child);
  console.error(`Ended after ${TIMEOUT_MS / 60_000} minutes with these processes under way (CPU time, command):`);
  for (const { pid, cpuTime, command } of processes) console.error(`  ${pid} ${cpuTime} ${command.slice(0, 200)}`);
}

/** Runs a command with our own output. Resolves with its exit code; 1 when a signal or the time limit ended it. */
function run(command, args, env = {}) {
  return new Promise((done) => {
    const child = spawn(command, args, {
      cwd: root,
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...process.env, ...env },
    });
    children.add(child);
    const timer = setTimeout(() => void endHanging(child), TIMEOUT_MS);
    const settle = (code) => {
      clearTimeout(timer);
      children.delete(child);
      done(code);
    };
    child.once('error', (error) => {
      console.error(`${command} could not be run: ${error.message}`);
      settle(1);
    });
    child.once('exit', (code) => settle(code ?? 1));
  });
}

async function build() {
  const { projects } = JSON.parse(readFileSync(join(root, 'nest-cli.json'), 'utf8'));
  const samples = Object.values(projects).filter(({ type }) => type === 'application');
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  if ((await run(npm, ['run', '--silent', 'build'])) !== 0) return false;
  // By the compiler itself: the command of NestJS takes seconds for each, and is what `npm start` is tested with.
  for (const { compilerOptions } of samples) {
    if ((await run(bin('tsc'), ['-p', compilerOptions.tsConfigPath])) !== 0) return false;
  }
  return true;
}

/** Unit tests need no server, so they are not kept waiting for one. */
function needServers(args) {
  const projects = args.flatMap((arg, at) => {
    if (arg.startsWith('--project=')) return arg.slice('--project='.length);
    return arg === '--project' ? args[at + 1] : [];
  });
  return projects.length === 0 || projects.some((project) => project !== 'unit');
}

const NOTHING = { passed: 0, failed: 0, skipped: 0, retried: [] };

async function test(args) {
  const noServers = { env: {}, lines: [], stop: async () => {} };
  // At the same time: the one waits for downloads, installers and servers while the other computes.
  const [isBuilt, servers] = await Promise.all([build(), needServers(args) ? bringUpServers() : noServers]);
  if (!isBuilt) {
    await servers.stop();
    console.error('The build failed, so no test was run.');
    return { ...NOTHING, failed: 1 };
  }
  const folder = mkdtempSync(join(tmpdir(), 'asyncz-tests-'));
  try {
    for (const line of servers.lines) console.log(line);
    // What tests try at random can be tried again with it.
    process.env.ASYNCZ_SEED ??= String(randomInt(2 ** 31));
    console.log(`Random input: ASYNCZ_SEED=${process.env.ASYNCZ_SEED}`);
    const report = join(folder, 'report.json');
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
    const code = await run(bin('vitest'), ['run', ...reporters, ...args], servers.env);
    const counts = readReport(report) ?? NOTHING;
    if (code !== 0 && counts.failed === 0) {
      console.error(`vitest ended with ${code} although no test failed: see its messages above.`);
      return { ...counts, failed: 1 };
    }
    return counts;
  } finally {
    await servers.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

let counts;
try {
  const args = process.argv.slice(2).filter((arg) => arg !== '--cluster');
  if (isCluster) process.env.ASYNCZ_CLUSTER_SCALE ??= '1';
  counts = await test([...(isCluster ? ['--project=cluster'] : []), ...args]);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  counts = { ...NOTHING, failed: 1 };
}
const { passed, failed } = counts;
if (passed + failed === 0) console.error('No test was run.');
for (const line of closingLines(counts)) console.log(line);
process.exit(interrupted || failed > 0 || passed === 0 ? 1 : 0);
