// Runs of workloads, each in a process of its own.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { PACKAGE } from './setup.mjs';

/** The runs under way, to be ended with this process. */
const children = new Set();

/** What interrupts it: the runs under way are ended, what they made is removed, and no more are begun. */
export const SIGNALS = ['SIGINT', 'SIGTERM'];
let isInterrupted = false;
for (const signal of SIGNALS) {
  process.on(signal, () => {
    isInterrupted = true;
    for (const child of children) child.kill('SIGKILL');
  });
}

/** @throws Error When the process has been told to end. */
export function checkInterrupted() {
  if (isInterrupted) throw new Error('interrupted');
}

/** The largest part of an output of errors that is shown. */
const SHOWN = 600;

/**
 * Has another process do a job, see `round.mjs`.
 *
 * @returns What it found: `figures`, or `failed` with the reason.
 */
export async function runApart(node, job, timeoutMs) {
  const child = fork(join(PACKAGE, 'round.mjs'), [JSON.stringify(job)], {
    execPath: node,
    execArgv: ['--expose-gc', ...(job.prof ? ['--cpu-prof', `--cpu-prof-dir=${job.prof}`] : [])],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  children.add(child);
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    errors = (errors + text).slice(0, SHOWN);
  });
  let answer = null;
  child.on('message', (message) => {
    answer = message;
  });
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    child.kill('SIGKILL');
  }, timeoutMs);
  const [code, signal] = await once(child, 'close');
  clearTimeout(timer);
  children.delete(child);
  if (isLate) return { failed: `not finished within ${timeoutMs / 1_000} s` };
  return answer ?? { failed: `ended with ${code ?? signal}: ${errors.trim() || 'no output'}` };
}
