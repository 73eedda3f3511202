import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { FileStore, Scheduler } from 'nestjs-asyncz';
import { cliError, cliJson } from '../support/cli.runner.js';
import { PrintingProcess } from '../support/printing.process.js';
import { temporaryFolder } from '../support/temporary.folder.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const bin = join(root, 'dist/esm/cli.js');
const app = join(root, 'dist-sample/01-quickstart/app.module.js');

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs the program of the package as a shell does. */
async function run(args: readonly string[], env: Record<string, string> = {}, cwd = root): Promise<Ended> {
  const child = spawn(process.execPath, [bin, ...args], {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const written = { out: '', err: '' };
  child.stdout.on('data', (chunk) => (written.out += chunk));
  child.stderr.on('data', (chunk) => (written.err += chunk));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, ...written };
}

beforeAll(() => {
  for (const [file, command] of [
    [bin, 'npm run build'],
    [app, 'npx nest build 01-quickstart'],
  ] as const) {
    if (!existsSync(file)) throw new Error(`${file} is not there: ${command}`);
  }
});

describe('the program asyncz', () => {
  it('works on the tasks of an application in its own context, and is its worker', async () => {
    const directory = await temporaryFolder();
    const env = { QUICKSTART_DIR: directory, DIGEST_EVERY: '1h' };
    const missing = await run(['list', '--app', app], env);
    expect([missing.code, missing.out]).toEqual([1, '']);
    expect(missing.err).toMatch(/^asyncz: .* there is no store in it\n$/);
    expect(readdirSync(directory)).toEqual([]);

    const worker = new PrintingProcess(process.execPath, [bin, 'worker', '--app', app], { cwd: root, env });
    await worker.line(/Scheduler "default" .* started/, { from: 0 });
    const list = await run(['list', '--app', app, '--json', '--debug'], env);
    // What the application prints is on the other output.
    expect(JSON.parse(list.out).total).toBe(2);
    expect(list.err).toContain('AsynczModule dependencies initialized');
    const ran = await run(['run', 'access-log.digest', '--app', app, '--wait', '--actor', 'ada'], env);
    expect([ran.code, ran.err]).toEqual([0, '']);
    const runs = JSON.parse((await run(['runs', '--app', app, '--json'], env)).out);
    expect(runs.runs).toMatchObject([{ source: 'manual', status: 'succeeded', request: { actor: 'ada' } }]);
    const status = JSON.parse((await run(['status', '--app', app, '--json'], env)).out);
    expect(status).toMatchObject({ healthy: true, workers: 1 });
    worker.kill('SIGTERM');
    expect(await worker.ended).toBe(0);
    await expect(worker.line(/Scheduler "default" .* stopped/, { from: 0 })).resolves.toBeTruthy();
  });

  it('plans a deploy of an application and applies it, to stores that have not moved on', async () => {
    const cwd = await temporaryFolder();
    process.env.QUICKSTART_DIR = join(cwd, 'quickstart');
    onTestFinished(() => void delete process.env.QUICKSTART_DIR);
    const ask = (...argv: string[]) => cliJson([...argv, '--app', app], { cwd });
    expect(await cliError(['plan', '--store', 'memory:'])).toMatchObject({ exitCode: 2 });
    await ask('migrate');
    const planned = await ask('plan', '--check', '--out', 'plan.json');
    expect(planned).toMatchObject({ code: 5, json: { pending: 2, counts: { added: 2 } } });
    expect((await ask('list')).json.total).toBe(0);
    expect(await cliError(['apply', '--app', app], { cwd })).toMatchObject({ exitCode: 5 });
    expect(await ask('apply', 'plan.json')).toMatchObject({ code: 0, json: { applied: 2, waiting: [] } });
    expect(await ask('plan', '--check')).toMatchObject({ code: 0, json: { pending: 0 } });
    expect((await ask('apply', '--yes')).json).toMatchObject({ applied: 0 });
    await ask('remove', 'summary.write');
    expect(await cliError(['apply', 'cli.json', '--app', app], { cwd })).toMatchObject({ exitCode: 2 });
  });

  it('takes its stores from a configuration in TypeScript', async () => {
    const cwd = await temporaryFolder();
    const config = 'const stores: Record<string, string> = { default: "memory:" };\nexport default { stores };\n';
    writeFileSync(join(cwd, 'asyncz.config.ts'), config);
    expect(await run(['list'], {}, cwd)).toEqual({ code: 0, out: 'No task.\n', err: '' });
  });

  it('ends when nobody reads any further, and by Ctrl-C, in one sentence', async () => {
    const directory = await temporaryFolder();
    const client = new Scheduler({ role: 'client', stores: { default: new FileStore({ directory }) } });
    await client.start();
    await client.addTask({ id: 'later', handler: 'work', trigger: { type: 'interval', hours: 1 } });
    await client.shutdown();

    const unread = spawn(process.execPath, [bin, 'show', 'later', '--store', `file:${directory}`], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    unread.stdout.destroy();
    let err = '';
    unread.stderr.on('data', (chunk) => (err += chunk));
    expect([...(await once(unread, 'close')), err]).toEqual([0, null, '']);

    const waiting = new PrintingProcess(
      process.execPath,
      [bin, 'run', 'later', '--wait', '--timeout', '5m', '--debug', '--store', `file:${directory}`],
      { cwd: root },
    );
    // Nobody runs it.
    await waiting.line(/Scheduler "default" .* started/, { from: 0 });
    waiting.kill('SIGINT');
    expect(await waiting.ended).toBe(130);
    expect(waiting.lines.filter((line) => line.startsWith('asyncz: '))).toEqual([
      expect.stringMatching(/^asyncz: Interrupted/),
    ]);
  });
});
