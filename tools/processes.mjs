import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/**
 * A process and those that it started, and so on, itself first; what `ps` says of them. Empty where there is no `ps`.
 *
 * @param {number} pid
 * @returns {Promise<{ pid: number, cpuTime: string, command: string }[]>}
 */
export async function processesUnder(pid) {
  const { stdout } = await promisify(execFile)('ps', ['-A', '-o', 'pid=,ppid=,time=,args=']).catch(() => ({
    stdout: '',
  }));
  const all = stdout.split('\n').flatMap((line) => {
    const [, id, parent, cpuTime, command] = /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/.exec(line) ?? [];
    return id === undefined ? [] : [{ pid: Number(id), parent: Number(parent), cpuTime, command }];
  });
  const found = all.filter((one) => one.pid === pid);
  for (const { pid: parent } of found) found.push(...all.filter((one) => one.parent === parent));
  return found;
}
