import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { PrintingProcess } from '../support/printing.process.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const sample = join(root, 'dist-sample/02-custom-store');

const TICK = /Tick of (\S+)/;

beforeAll(() => {
  if (!existsSync(join(sample, 'main.js'))) {
    throw new Error('The sample is not built: npm run build && npx nest build 02-custom-store');
  }
});

async function newFile(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'asyncz-custom-store-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return join(folder, 'tasks.json');
}

function start(file: string): PrintingProcess {
  return new PrintingProcess(process.execPath, [join(sample, 'main.js')], { cwd: root, env: { TASKS_FILE: file } });
}

describe('the custom store sample', () => {
  it('runs what its document holds, and goes on after a SIGKILL', async () => {
    const file = await newFile();
    const first = start(file);
    await first.line(TICK, { from: 0 });
    const note = await first.line(/A note from the document: (.+)/, { from: 0 });
    expect(note[1]).toBe('hello from a JSON file');
    const { tasks } = JSON.parse(readFileSync(file, 'utf8')) as { tasks: { id: string }[] };
    expect(tasks.map(({ id }) => id)).toContain('notes.tick');
    first.kill('SIGKILL');
    await first.ended;
    const second = start(file);
    await second.line(TICK, { from: 0 });
    await second.line(TICK);
    second.kill('SIGINT');
    await second.ended;
    const ticks = [first, second].flatMap((app) => app.all(TICK).map(([, time]) => Date.parse(time!)));
    expect(new Set(ticks).size).toBe(ticks.length);
    // The grid is the one of the first start.
    for (const tick of ticks) expect((tick - ticks[0]!) % 2_000).toBe(0);
  });

  it('refuses a second process on the same document, and names the first', async () => {
    const file = await newFile();
    const first = start(file);
    await first.line(/Scheduler .* started/, { from: 0 });
    const second = start(file);
    expect(await second.ended).not.toBe(0);
    expect(second.lines.join('\n')).toContain(`process ${first.pid} `);
    await first.line(TICK);
  });

  it('passes the conformance kit at each of its stages in the test runner of Node', async () => {
    const kit = new PrintingProcess(process.execPath, ['--test', join(sample, 'stores.kit.js')], { cwd: root });
    expect(await kit.ended, kit.lines.join('\n')).toBe(0);
    const count = (what: string) => Number(kit.all(new RegExp(`^(?:#|ℹ) ${what} (\\d+)`))[0]?.[1]);
    expect(count('pass')).toBe(count('tests'));
    expect(count('pass')).toBeGreaterThan(800);
  });
});
