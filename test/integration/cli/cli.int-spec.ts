import { describe, expect, it, onTestFinished } from 'vitest';
import { Scheduler } from 'nestjs-asyncz';
import { clusterStores } from '../../cluster/cluster.stores.js';
import type { Backing } from '../../cluster/cluster.stores.js';
import { cli, cliError, cliJson, urlOf } from '../../support/cli.runner.js';
import { useMongodb } from '../../support/mongodb.js';
import { dumpStore } from '../../support/store.dump.js';

const mongodb = useMongodb();
const KINDS = clusterStores(() => mongodb.url());

/** Every command that only reads. */
const READING = [
  ['list'],
  ['list', '--state', 'scheduled', '--sort-by', 'id', '--desc', '--limit', '3'],
  ['show', 'due-1'],
  ['preview', 'due-1'],
  ['timeline'],
  ['unreadable'],
  ['runs'],
  ['status'],
  ['doctor'],
  ['instances'],
  ['update', 'due-1', '--name', 'other', '--dry-run'],
  ['pause', '--tag', 'due', '--dry-run'],
  ['remove', '--tag', 'due', '--dry-run'],
  ['redrive', '--task', 'due-1', '--dry-run'],
] as const;

/** A worker on the store, with a handler that works and one that fails. */
async function workerOn(backing: Backing): Promise<Scheduler> {
  const worker = new Scheduler({
    identity: 'the-worker',
    stores: { default: backing.open() },
    pollInterval: '50ms',
    // Where nothing is pushed, a drain is found with the heartbeats.
    heartbeatInterval: '1s',
  });
  worker.registerHandler('work', ([n], context) => {
    context.log.log(`doubles ${String(n)}`);
    context.progress({ done: 1 });
    return { doubled: Number(n) * 2 };
  });
  worker.registerHandler('fail', () => {
    throw new Error('the provider is down');
  });
  onTestFinished(() => worker.shutdown(0));
  await worker.start();
  return worker;
}

describe.each(KINDS)('the command line on $name', ({ create }) => {
  it('reads a store with 100 due tasks and changes no byte of it', async () => {
    const backing = create();
    onTestFinished(() => backing.dispose());
    const client = new Scheduler({ role: 'client', stores: { default: backing.open() } });
    onTestFinished(() => client.shutdown(0));
    await client.start();
    const due = Array.from({ length: 100 }, (_, n) => ({
      id: `due-${n}`,
      handler: 'work',
      tags: ['due'],
      trigger: { type: 'interval', hours: 1, startAt: Date.now() - 1_000 } as const,
    }));
    await client.addTasks(due);
    await client.shutdown();
    const before = await dumpStore(backing.store);
    const store = ['--store', urlOf(backing.store)];
    for (const command of READING) {
      const { code, json } = await cliJson([...command, ...store]);
      // Nobody works on it, which these two do not like.
      const isUnhealthy = command[0] === 'status' || command[0] === 'doctor';
      expect([command[0], code]).toEqual([command[0], isUnhealthy ? 5 : 0]);
      if (command[0] === 'list') expect(json.total).toBe(100);
      if (command[1] === '--tag') expect(json).toEqual({ matching: 100 });
      expect(await dumpStore(backing.store), command.join(' ')).toEqual(before);
    }
  });

  it('does what there is to do with a task, from adding to removing it', async () => {
    const backing = create();
    onTestFinished(() => backing.dispose());
    const store = ['--store', urlOf(backing.store)];
    const ask = (...argv: string[]) => cliJson([...argv, ...store]);
    expect(await ask('migrate')).toMatchObject({ code: 0, json: [{ store: 'default', state: 'ok' }] });
    const worker = await workerOn(backing);

    // A task.
    const added = await ask(
      'add',
      'work',
      '--id',
      't',
      '--cron',
      '0 3 1 1 *',
      '--args',
      '[21]',
      '--tags',
      'a',
      '--set',
      'maxInstances=2',
    );
    expect(added.json).toMatchObject({ id: 't', args: [21], tags: ['a'], policies: { maxInstances: 2 } });
    expect(await cliError(['add', 'work', '--id', 't', ...store])).toMatchObject({
      code: 'ASYNCZ_TASK_CONFLICT',
      exitCode: 4,
    });
    expect((await ask('show', 't')).json).toMatchObject({ id: 't', state: 'scheduled' });
    expect((await ask('preview', 't', '--count', '2')).json.runs).toHaveLength(2);
    expect((await ask('timeline', '--per-task', '2')).json.runs).toHaveLength(2);

    // Changes.
    const dry = await ask('update', 't', '--name', 'Nightly', '--set', 'maxInstances=3', '--dry-run');
    expect(dry.json).toEqual({
      id: 't',
      store: 'default',
      applied: false,
      changes: [
        { field: 'name', before: 'work', after: 'Nightly' },
        { field: 'maxInstances', before: 2, after: 3 },
      ],
      task: null,
    });
    expect((await ask('show', 't')).json.name).toBe('work');
    const updated = await ask('update', 't', '--name', 'Nightly', '--set', 'maxInstances=3', '--yes');
    expect(updated.json).toMatchObject({ applied: true, changes: dry.json.changes, task: { name: 'Nightly' } });
    expect(await cliError(['update', 't', '--name', 'x', ...store])).toMatchObject({
      code: 'ASYNCZ_CLI_REFUSED',
      exitCode: 5,
    });
    // Far from now on both sides: it has times to fill in, and none comes during the test.
    const hour = (new Date().getUTCHours() + 12) % 24;
    expect((await ask('reschedule', 't', '--cron', `0 ${hour} * * *`)).json.trigger.expression).toBe(`0 ${hour} * * *`);
    expect((await ask('pause', 't', '--reason', 'why', '--actor', 'ada')).json.pause).toMatchObject({
      actor: 'ada',
      reason: 'why',
    });
    expect((await ask('resume', 't')).json.state).toBe('scheduled');
    const until = await ask('pause', 't', '--until', '1h');
    expect(Date.parse(until.json.pause.until)).toBeGreaterThan(Date.now());
    await ask('resume', 't');

    // Runs.
    const run = await ask('run', 't', '--wait');
    expect(run).toMatchObject({ code: 0, json: { run: { status: 'succeeded', result: { doubled: 42 } } } });
    expect((await cli(['run', 't', '--wait', ...store])).out).toBe('{\n  "doubled": 42\n}\n');
    expect((await ask('run-info', run.json.runId)).json.run).toMatchObject({ taskId: 't', status: 'succeeded' });
    const said = {
      attempt: 1,
      status: 'succeeded',
      lines: [{ level: 'log', message: 'doubles 21' }],
      progress: { value: { done: 1 } },
    };
    expect((await ask('logs', run.json.runId)).json).toMatchObject([said]);
    const followed = await cli(['logs', run.json.runId, '--follow', '--json', ...store]);
    const events = followed.out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { type: string });
    expect(events.map(({ type }) => type)).toEqual(['line', 'progress', 'ended']);
    expect((await ask('runs', '--task', 't', '--status', 'succeeded')).json.runs).toHaveLength(2);
    await ask('add', 'fail', '--id', 'f', '--every', '1d');
    const failed = await ask('run', 'f', '--wait');
    expect(failed).toMatchObject({ code: 1, json: { run: { status: 'failed', dead: true } } });
    const { out } = await cli(['run-info', failed.json.runId, ...store]);
    expect(out).toContain('Error: the provider is down');
    expect((await ask('redrive', '--task', 'f', '--dry-run')).json).toEqual({ matching: 1 });
    expect((await ask('redrive', failed.json.runId)).json).toEqual({ runId: failed.json.runId });
    expect(await cliError(['redrive', run.json.runId, ...store])).toMatchObject({ exitCode: 4 });
    const now = Date.now();
    const filled = await ask(
      'backfill',
      't',
      '--from',
      new Date(now - 2 * 86_400_000).toISOString(),
      '--to',
      new Date(now - 1_000).toISOString(),
    );
    expect(filled.json.runs.length).toBeGreaterThan(0);

    // Many at once.
    expect((await ask('pause', '--tag', 'a', '--yes')).json).toEqual({ changed: 1, unchanged: 0, refused: 0 });
    expect((await ask('resume', '--tag', 'a', '--yes')).json).toMatchObject({ changed: 1 });
    expect(await cliError(['pause', '--tag', 'a', ...store])).toMatchObject({
      exitCode: 5,
      message: expect.stringContaining('Pause 1 task?'),
    });
    expect(await cliError(['remove', ...store])).toMatchObject({ exitCode: 2 });

    // The cluster.
    expect(await ask('status')).toMatchObject({ code: 0, json: { healthy: true, workers: 1 } });
    expect((await ask('instances')).json).toMatchObject([{ identity: worker.identity, alive: true }]);
    expect((await ask('drain', worker.identity, '--wait', '--timeout', '20s')).json).toEqual({
      identity: worker.identity,
      drained: true,
    });
    expect((await ask('undrain', worker.identity)).json).toEqual({ identity: worker.identity });
    expect(await cliError(['drain', 'nobody', ...store])).toMatchObject({ exitCode: 3 });
    expect((await ask('unreadable')).json).toEqual([]);
    expect((await ask('rotate')).json).toMatchObject({ store: 'default', unreadable: 0 });

    // The end.
    expect((await ask('remove', 't')).json.id).toBe('t');
    expect(await cliError(['show', 't', ...store])).toMatchObject({ code: 'ASYNCZ_TASK_NOT_FOUND', exitCode: 3 });
    expect(await cliError(['cancel', 't@run', ...store])).toMatchObject({ exitCode: 3 });
    expect((await ask('list')).json.tasks).toMatchObject([{ id: 'f' }]);
  });
});

/** Adds a task with the library: nobody works on the store, so the command line knows of no handler. */
async function addTo(backing: Backing): Promise<void> {
  const client = new Scheduler({ role: 'client', stores: { default: backing.open() } });
  await client.start();
  await client.addTask({ id: 'a', handler: 'work', trigger: { type: 'interval', hours: 1 } });
  await client.shutdown();
}

it('copies tasks from one store to another', async () => {
  const [from, to] = [
    KINDS.find(({ name }) => name === 'SQLite')!.create(),
    KINDS.find(({ name }) => name === 'files')!.create(),
  ];
  onTestFinished(async () => void (await Promise.all([from.dispose(), to.dispose()])));
  const stores = ['--store', urlOf(from.store), '--store', `new=${urlOf(to.store)}`];
  await addTo(from);
  expect((await cliJson(['copy', 'default', 'new', ...stores])).json).toMatchObject({ tasks: 1, skipped: [] });
  expect((await cliJson(['show', 'a', '--in', 'new', ...stores])).json.store).toBe('new');
  expect((await cliJson(['copy', 'default', 'new', ...stores])).json).toMatchObject({ skipped: ['a'] });
});
