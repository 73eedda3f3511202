// Runs of workloads, each in a process of its own.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { PACKAGE } from './setup.mjs';

/** The runs under way, to be ended with this process. */
const children = new Set();
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));

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
    errors = (errors + text).slice(-SHOWN);
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
  if (isLate) return { failed: `not finished within ${timeoutMs / 1_000} s`, isLate };
  return answer ?? { failed: `ended with ${code ?? signal}: ${errors.trim() || 'no output'}` };
}
