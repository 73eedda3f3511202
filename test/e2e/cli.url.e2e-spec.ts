import { describe, expect, it } from 'vitest';
import { cli, cliError, cliJson } from '../support/cli.runner.js';
import { SHAPES } from '../support/cli.shapes.js';
import { serve, tokenOf } from './api.application.js';

describe('the command line over HTTP', () => {
  it('answers as it does on the stores, with the actor of the token', async () => {
    const { url } = await serve('express');
    const admin = { env: { ASYNCZ_TOKEN: tokenOf('admin') } };
    const at = ['--url', url];
    await cliJson(['add', 'work', '--id', 't', '--cron', '0 3 1 1 *', '--tags', 'a', '--args', '[1]', ...at], admin);
    expect((await cliJson(['list', '--tag', 'a', ...at], admin)).json.total).toBe(1);
    for (const command of [
      ['show', 't'],
      ['preview', 't'],
      ['timeline'],
      ['unreadable'],
      ['runs'],
      ['instances'],
      ['status'],
    ])
      expect((await cliJson([...command, ...at], admin)).code, command.join(' ')).toBe(0);
    const run = await cliJson(['run', 't', '--wait', ...at], admin);
    expect(run).toMatchObject({ code: 0, json: { run: { status: 'succeeded', request: { actor: 'the admin' } } } });
    expect((await cliJson(['run-info', run.json.runId, ...at], admin)).json.run.taskId).toBe('t');
    expect((await cliJson(['update', 't', '--name', 'x', '--yes', ...at], admin)).json.applied).toBe(true);
    expect((await cliJson(['pause', '--tag', 'a', '--yes', ...at], admin)).json).toMatchObject({ changed: 1 });
    expect((await cliJson(['remove', 't', ...at], admin)).json.id).toBe('t');
    expect(await cliError(['show', 't', ...at], admin)).toMatchObject({ code: 'ASYNCZ_TASK_NOT_FOUND', exitCode: 3 });
  });

  it('follows the events of the application until it is interrupted', async () => {
    const { url } = await serve('express');
    const stop = new AbortController();
    const written: string[] = [];
    let hear = () => {};
    const heard = new Promise<void>((resolve) => (hear = resolve));
    const following = cli(['events', '--task', 't', '--json', '--url', url, '--token', tokenOf('viewer')], {
      signal: stop.signal,
      out: (text) => {
        written.push(text);
        hear();
      },
    });
    const admin = ['--url', url, '--token', tokenOf('admin')];
    // Until the stream is open, what is added is missed.
    const adding = (async () => {
      while (written.length === 0) {
        await cliJson(['add', 'work', '--id', 't', '--every', '1h', '--replace', ...admin]);
      }
    })();
    await heard;
    await adding;
    stop.abort();
    expect((await following).code).toBe(130);
    expect(SHAPES.events!.safeParse(JSON.parse(written[0]!)).success).toBe(true);
    expect(await cliError(['events', '--store', 'memory:'])).toMatchObject({ exitCode: 2 });
  });

  it('is refused what the token does not allow, and says no token', async () => {
    const { url } = await serve('express');
    const viewer = ['--url', url, '--token', tokenOf('viewer')];
    expect((await cliJson(['list', ...viewer])).json.total).toBe(0);
    expect(await cliError(['pause', 't', ...viewer])).toMatchObject({ code: 'ASYNCZ_FORBIDDEN', exitCode: 5 });
    const wrong = await cli(['list', '--url', url, '--token', 'a-wrong-token', '--debug']);
    expect(wrong.code).toBe(5);
    expect(wrong.err).not.toContain('a-wrong-token');
    expect(await cliError(['list', '--url', 'http://127.0.0.1:1/asyncz'])).toMatchObject({ exitCode: 1 });
    expect(await cliError(['rotate', ...viewer])).toMatchObject({ exitCode: 2 });
    expect(await cliError(['worker', ...viewer])).toMatchObject({ exitCode: 2 });
  });
});
