import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FileStore, Scheduler } from 'nestjs-asyncz';
import type { SchedulerOptions } from 'nestjs-asyncz';
import { cli, cliError, cliJson } from '../../support/cli.runner.js';
import { temporaryFolder } from '../../support/temporary.folder.js';

/** A folder with tasks in it, and what `--store` is given for it. */
async function tasksIn(ids: readonly string[], options: Omit<SchedulerOptions, 'stores'> = {}) {
  const directory = await temporaryFolder();
  const client = new Scheduler({ role: 'client', ...options, stores: { default: new FileStore({ directory }) } });
  await client.start();
  await client.addTasks(
    ids.map((id) => ({ id, name: id, handler: 'work', tags: ['all'], trigger: { type: 'interval', hours: 1 } })),
  );
  await client.shutdown();
  return { directory, store: ['--store', `file:${directory}`] };
}

describe('the command line', () => {
  it('shows what a terminal would obey, and sends none of it', async () => {
    const evil = 'a\u001b[2J\u009b5m\u202eb';
    const { store } = await tasksIn([evil]);
    for (const command of [
      ['list'],
      ['show', evil],
      ['preview', evil],
      ['timeline'],
      ['pause', evil],
      ['list', '--json'],
    ]) {
      const { code, out, err } = await cli([...command, ...store]);
      expect([command[0], code, err]).toEqual([command[0], 0, '']);
      // oxlint-disable-next-line no-control-regex
      expect(out, command[0]).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
      expect(out).toContain(command.includes('--json') ? '\\u001b[2J' : '\\x1b[2J');
    }
    const { err } = await cli(['show', `${evil}?`, ...store]);
    // oxlint-disable-next-line no-control-regex
    expect(err).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
  });

  it('asks how many are meant before it changes many, and changes none without a yes', async () => {
    const { store } = await tasksIn(['a', 'b']);
    const questions: string[] = [];
    const answering = (answer: boolean) => ({
      confirm: async (question: string) => {
        questions.push(question);
        return answer;
      },
    });
    expect(await cliError(['pause', '--tag', 'all', ...store], answering(false))).toMatchObject({ exitCode: 5 });
    expect((await cliJson(['list', '--state', 'paused', ...store])).json.total).toBe(0);
    expect((await cliJson(['pause', '--tag', 'all', ...store], answering(true))).json).toMatchObject({ changed: 2 });
    expect(questions).toEqual(['Pause 2 tasks?', 'Pause 2 tasks?']);
    // Of nothing nobody is asked.
    expect((await cliJson(['remove', '--tag', 'none', ...store])).json).toMatchObject({ changed: 0 });
    expect((await cliJson(['remove', '--state', 'paused', '--yes', ...store])).json).toMatchObject({ changed: 2 });
  });

  it.each([
    [['pause', 'a', '--tag', 'x'], 'not both'],
    [['pause'], 'Give the id of a task'],
    [['update', 'a'], 'changes nothing'],
    [['add', 'work', '--cron', '* * * * *', '--every', '1h'], '--cron and --every'],
    [['add', 'work', '--timezone', 'UTC'], '--timezone is of a trigger'],
    [['add', 'work', '--args', '{}'], 'JSON array'],
    [['add', 'work', '--data', '[1'], 'is no JSON'],
    [['reschedule', 'a'], 'needs --cron'],
    [['reschedule', 'a', '--trigger-json', '{}'], 'no "type"'],
    [['backfill', 'a'], '--from and --to'],
    [['redrive'], 'Give the id of a run'],
    [['list', '--limit', '0'], 'from 1 to 1000'],
    [['schema', 'oracle'], 'not "oracle"'],
    [['completion', 'csh'], 'not "csh"'],
    [['worker'], 'give --app'],
  ])('refuses %j as wrong use', async (command, message) => {
    const needsNone = command[0] === 'schema' || command[0] === 'completion';
    const error = await cliError([...command, ...(needsNone ? [] : ['--store', 'memory:'])]);
    expect(error).toMatchObject({ exitCode: 2, message: expect.stringContaining(message) });
  });

  it('refuses what commander refuses with exit code 2, and helps with 0', async () => {
    for (const command of [
      ['lits'],
      ['show'],
      ['list', '--nope'],
      ['list', '--state', 'odd'],
      ['show', 'a', 'b'],
      [],
    ]) {
      const { code, out } = await cli(command);
      expect([command, code, out]).toEqual([command, 2, '']);
    }
    for (const command of [['--help'], ['help', 'list'], ['pause', '--help']]) {
      const { code, out, err } = await cli(command);
      expect([code, err]).toEqual([0, '']);
      expect(out).toContain('Usage: asyncz');
    }
  });

  it('says where tasks can be, and takes one place', async () => {
    const cwd = await temporaryFolder();
    expect(await cliError(['list'], { cwd })).toMatchObject({
      exitCode: 2,
      message: expect.stringContaining('--store'),
    });
    expect(await cliError(['list', '--store', 'memory:', '--app', 'x.js'], { cwd })).toMatchObject({ exitCode: 2 });
    expect(await cliError(['list', '--app', 'x.js'], { cwd })).toMatchObject({
      exitCode: 2,
      message: expect.stringContaining('no such file'),
    });
    expect(await cliError(['list', '--config', 'x.json'], { cwd })).toMatchObject({ exitCode: 2 });
    expect(await cliError(['list', '--store', 'a=memory:', '--store', 'b=memory:'], { cwd })).toMatchObject({
      exitCode: 2,
    });
  });

  it('takes stores of each form from a configuration, and its settings for --store too', async () => {
    const { directory } = await tasksIn(['a'], { name: 'billing' });
    // Node.js loads a file once.
    const folderWith = async (config: string) => {
      const cwd = await temporaryFolder();
      writeFileSync(join(cwd, 'asyncz.config.json'), config);
      return { cwd };
    };
    const stores = { default: { type: 'file', directory }, other: 'memory:', third: 'memory' };
    const billing = await folderWith(JSON.stringify({ stores, scheduler: { name: 'billing' } }));
    expect((await cliJson(['list'], billing)).json.total).toBe(1);
    expect((await cliJson(['list', '--store', `file:${directory}`], billing)).json.total).toBe(1);
    for (const [config, message] of [
      ['{ "store": "memory:" }', '"store"'],
      ['{ "stores": {}, "url": "https://h" }', 'leave one'],
      ['{ "stores": {} }', '"default"'],
      ['{ "stores": { "default": { "useClass": 1 } } }', 'stores.default'],
      ['[', 'cannot be loaded'],
      ['[]', 'an object as its default'],
    ] as const) {
      const refused = await cliError(['list'], await folderWith(config));
      expect(refused).toMatchObject({ exitCode: 2, message: expect.stringContaining(message) });
    }
  });

  it('refuses the tasks of a scheduler of another name, and reads them under theirs', async () => {
    const { store } = await tasksIn(['a'], { name: 'billing' });
    expect(await cliError(['list', ...store])).toMatchObject({
      code: 'ASYNCZ_STORE_START',
      exitCode: 5,
      message: expect.stringContaining('billing'),
    });
    expect((await cliJson(['list', '--scheduler', 'billing', ...store])).json.total).toBe(1);
  });

  it('says what is wrong in one sentence, and no password or token with it', async () => {
    const url = 'postgres://scott:tiger@127.0.0.1:1/db';
    for (const more of [[], ['--json'], ['--debug']]) {
      const { code, out, err } = await cli(['list', '--store', url, ...more]);
      expect([code, out]).toEqual([1, '']);
      expect(err).toContain('127.0.0.1:1');
      expect(err).not.toContain('tiger');
      expect(err.includes('    at ')).toBe(more[0] === '--debug');
    }
  });

  it('ends at Ctrl-C with 130, and leaves what it was asked to do', async () => {
    const { store } = await tasksIn(['a']);
    const stop = new AbortController();
    const waiting = cli(['run', 'a', '--wait', '--timeout', '5m', ...store], { signal: stop.signal });
    stop.abort();
    expect(await waiting).toMatchObject({ code: 130, out: '' });
  });

  it('prints the SQL of each database, and a script for each shell', async () => {
    for (const dialect of ['postgres', 'mysql', 'mariadb', 'sqlite']) {
      const { json } = await cliJson(['schema', dialect, '--table-prefix', 'jobs']);
      expect(json.statements.join()).toContain('jobs_tasks');
    }
    for (const shell of ['bash', 'zsh', 'fish']) {
      const { out } = await cli(['completion', shell]);
      expect(out).toContain('run-info');
      expect(out).toContain('asyncz');
    }
    expect((await cliJson(['version'])).json.version).toMatch(/^\d/);
  });

  it('takes the actor of a change from the options', async () => {
    const { store } = await tasksIn(['a']);
    const { json } = await cliJson(['pause', 'a', '--actor', 'ada', '--reason', 'why', ...store]);
    expect(json.pause).toMatchObject({ actor: 'ada', reason: 'why' });
    const { out } = await cli(['show', 'a', ...store]);
    expect(out).toMatch(/paused +\S+ \S+ \(.*\) by ada/);
    expect(out).toMatch(/pause reason +why/);
  });
});
