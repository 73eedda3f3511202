import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const script = fileURLToPath(new URL('../../benchmark/bench.mjs', import.meta.url));

/** Runs the benchmark without the peers, which take minutes to install. */
async function bench(...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [script, ...args, '--bare', '--rounds', '1']);
  return stdout;
}

describe('the benchmark', () => {
  it('dispatches a few tasks in memory, and checks that each ran once', async () => {
    const output = await bench('dispatch', '--store', 'memory', '--tasks', '40');
    expect(output).toContain('Dispatch of due one-shots, memory, 40 tasks');
    for (const system of ['ours', 'ours-none', 'heap'])
      expect(output).toMatch(new RegExp(`memory, 40 tasks, ${system}: runs a second [\\d.,]+\\n`));
    expect(output).not.toContain('FAILED');
  });

  it('runs handlers with more or less of the pipeline of NestJS, and compares them with a plain method', async () => {
    const output = await bench('pipeline', '--tasks', '40');
    for (const system of ['nest', 'nest-guard', 'nest-all', 'nest-scoped'])
      expect(output).toMatch(new RegExp(`memory, 40 tasks, ${system}: runs a second [\\d.,]+\\n`));
    expect(output).toMatch(/nest ÷ this/);
    expect(output).not.toContain('FAILED');
    expect(output).not.toContain('nest-other');
  });

  it('works with another process on the same files', async () => {
    const output = await bench('wake-up', '--store', 'files', '--short');
    expect(output).toMatch(/files, two processes, ours: p50, ms [\d.,]+\n/);
  });

  it('refuses what it does not know, and says what there is', async () => {
    await expect(bench('dispatch', '--store', 'oracle')).rejects.toMatchObject({
      stderr: expect.stringContaining('"oracle" is none of memory') as string,
    });
    await expect(bench('dispatsch')).rejects.toMatchObject({ stderr: expect.stringContaining('Workloads:') as string });
  });
});
