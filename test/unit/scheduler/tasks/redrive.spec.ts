import { describe, expect, it } from 'vitest';
import {
  RunNotDeadError,
  RunNotFoundError,
  RunUnreadableError,
  TaskNotFoundError,
  TaskReplacedError,
  TaskUnreadableError,
} from 'nestjs-asyncz';
import { settle } from '../../../support/gate.js';
import { MemoryCluster } from '../../../support/memory.cluster.js';
import { createScheduler, START } from '../../../support/scheduler.factory.js';
import { HOURLY, ASKED } from '../../../support/task.factory.js';
import { deadRuns, onlyDeadRun, Work } from './redrive.fixtures.js';

describe('a dead run', () => {
  it('is listed, and run once more under its own id', async () => {
    let isBroken = true;
    const seen: unknown[] = [];
    const { scheduler, clock } = createScheduler({
      work: (args, { attempt, runId, source }) => {
        seen.push([args, attempt, runId, source]);
        if (isBroken) throw new Error('broken');
        return 'mended';
      },
    });
    await scheduler.start();
    const trigger = { type: 'interval', hours: 1, startAt: new Date(START) } as const;
    await scheduler.addTask({
      id: 'a',
      handler: 'work',
      args: [new Date(5)],
      trigger,
      retry: { attempts: 2, delay: '1s' },
    });
    clock.advance(0);
    await settle();
    expect((await scheduler.getRuns({ dead: true })).runs).toEqual([]);
    clock.advance(1_000);
    await settle();
    const { runs } = await scheduler.getRuns({ dead: true });
    expect(runs).toMatchObject([{ attempt: 2, status: 'failed', dead: true }]);
    const { id } = runs[0]!;
    isBroken = false;
    await scheduler.pauseTask('a');
    await scheduler.redriveRun(id, ASKED);
    await expect(scheduler.redriveRun(id)).rejects.toThrow(RunNotDeadError);
    await settle();
    expect(await scheduler.waitForRun(id)).toMatchObject({
      attempt: 3,
      status: 'succeeded',
      result: 'mended',
      request: ASKED,
    });
    expect(seen.at(-1)).toEqual([[new Date(5)], 3, id, 'redrive']);
    expect((await scheduler.getRuns({ dead: true })).runs).toEqual([]);
    expect(await scheduler.getTaskInfo('a')).toMatchObject({
      paused: true,
      control: { action: 'redrive', ...ASKED },
    });
    await expect(scheduler.redriveRun(id)).rejects.toThrow('succeeded');
  });

  it('brings its one-shot task back, which goes with it again', async () => {
    let failures = 2;
    const seen: unknown[] = [];
    const { scheduler } = createScheduler({
      work: (args) => {
        seen.push(args);
        failures -= 1;
        if (failures >= 0) throw new Error('broken');
      },
    });
    await scheduler.start();
    await scheduler.addTask({ id: 'once', handler: 'work', args: [{ n: 3n }], tags: ['x'] });
    await settle();
    expect(await scheduler.getTask('once')).toBeNull();
    const [dead] = (await scheduler.getRuns({ dead: true })).runs;
    await scheduler.redriveRun(dead!.id, ASKED);
    await settle();
    // It failed once more, and is dead once more.
    const again = (await scheduler.getRuns({ dead: true })).runs;
    expect(again).toMatchObject([{ id: dead!.id, attempt: 2 }]);
    expect(again[0]!.token).toBeGreaterThan(dead!.token);
    await scheduler.redriveRun(dead!.id);
    await settle();
    expect(seen).toEqual([[{ n: 3n }], [{ n: 3n }], [{ n: 3n }]]);
    expect(await scheduler.getTask('once')).toBeNull();
    expect((await scheduler.getRuns({ dead: true })).runs).toEqual([]);
    expect((await scheduler.getRuns({ taskId: 'once' })).runs.map(({ status }) => status)).toEqual([
      'succeeded',
      'failed',
      'failed',
    ]);
  });

  it('is also one that was lost and is not to be run again by itself', async () => {
    const cluster = new MemoryCluster();
    const hang = () => new Promise(() => {});
    const dead = await cluster.join('dead', { work: hang });
    await dead.addTask({ id: 'once', handler: 'work', delivery: 'at-most-once' });
    await settle();
    const other = new MemoryCluster(cluster.disk);
    const runs: number[] = [];
    const alive = await other.join('alive', { work: (_args, { attempt }) => runs.push(attempt) });
    for (let seconds = 0; seconds < 40; seconds += 1) {
      other.clock.advance(1_000);
      await settle();
    }
    const [lost] = (await alive.getRuns({ dead: true })).runs;
    expect(lost).toMatchObject({ status: 'lost', dead: true });
    expect(runs).toEqual([]);
    await alive.redriveRun(lost!.id);
    await settle();
    expect(runs).toEqual([2]);
  });

  it('is none that nobody knows', async () => {
    const { scheduler } = createScheduler();
    await expect(scheduler.redriveRun('a@b')).rejects.toThrow('running scheduler');
    await scheduler.start();
    await expect(scheduler.redriveRun('a@b')).rejects.toThrow(RunNotFoundError);
    await expect(scheduler.redriveRun('')).rejects.toThrow('runId');
  });
});

describe('a dead run of a task that is gone', () => {
  it('has the task back for one attempt, also when that had ended later with another run', async () => {
    const work = new Work();
    const { scheduler, clock, store } = createScheduler({ work: work.handler });
    await scheduler.start();
    const trigger = { type: 'interval', minutes: 1, startAt: new Date(START), maxRuns: 2 } as const;
    await scheduler.addTask({ id: 'twice', handler: 'work', args: ['x'], trigger });
    clock.advance(0);
    await settle();
    work.isBroken = false;
    clock.advance(60_000);
    await settle();
    expect(await scheduler.getTask('twice')).toBeNull();
    await scheduler.redriveRun(await onlyDeadRun(scheduler));
    await settle();
    expect(work.seen).toEqual(['x', 'x', 'x']);
    expect(await scheduler.getTask('twice')).toBeNull();
    expect(await deadRuns(scheduler)).toEqual([]);
    const { runs } = await store.runs({ taskId: 'twice' }, { limit: 9 });
    expect(runs.map(({ definition }) => definition)).toEqual([null, null, null]);
  });

  it('has it back without its schedule when somebody had deleted it', async () => {
    const work = new Work();
    const { scheduler, clock } = createScheduler({ work: work.handler });
    await scheduler.start();
    await scheduler.addTask({ id: 'a', handler: 'work', args: ['x'], trigger: HOURLY });
    await scheduler.runTask('a');
    await settle();
    await scheduler.deleteTask('a');
    work.isBroken = false;
    await scheduler.redriveRun(await onlyDeadRun(scheduler));
    await settle();
    clock.advance(7_200_000);
    await settle();
    expect(work.seen).toEqual(['x', 'x']);
    expect(await scheduler.getTask('a')).toBeNull();
  });

  it('does not bring back what the code no longer declares', async () => {
    const { scheduler } = createScheduler({ work: new Work().handler });
    scheduler.declareTasks([{ id: 'a', handler: 'work', trigger: HOURLY }]);
    await scheduler.start();
    await scheduler.runTask('a');
    await settle();
    const id = await onlyDeadRun(scheduler);
    await scheduler.deleteTask('a');
    await expect(scheduler.redriveRun(id)).rejects.toThrow(TaskNotFoundError);
    expect(await scheduler.getTask('a')).toBeNull();
  });

  it('does not run what has its id now, unless that is the same', async () => {
    const cluster = new MemoryCluster();
    const work = new Work();
    const scheduler = await cluster.join('a', { work: work.handler, other: () => {} });
    await scheduler.addTask({ id: 'mail', handler: 'work', args: [{ to: 'old', at: new Date(5) }] });
    await settle();
    const id = await onlyDeadRun(scheduler);
    cluster.clock.advance(1);
    const replace = async (handler: string, argument: object) => {
      await scheduler.deleteTask('mail').catch(() => {});
      await scheduler.addTask({ id: 'mail', handler, args: [argument], trigger: HOURLY });
    };
    await replace('work', { to: 'new', at: new Date(5) });
    await expect(scheduler.redriveRun(id)).rejects.toThrow(TaskReplacedError);
    await replace('other', { to: 'old', at: new Date(5) });
    await expect(scheduler.redriveRun(id)).rejects.toThrow(TaskReplacedError);
    expect(await onlyDeadRun(scheduler)).toBe(id);
    expect(await scheduler.getTaskInfo('mail')).toMatchObject({ live: [] });
    await replace('work', { to: 'old', at: new Date(5) });
    await scheduler.redriveRun(id);
    await settle();
    const old = { to: 'old', at: new Date(5) };
    expect(work.seen).toEqual([old, old]);
  });

  it('runs what its task was edited to while that is there', async () => {
    const cluster = new MemoryCluster();
    const work = new Work();
    const scheduler = await cluster.join('a', { work: work.handler });
    await scheduler.addTask({ id: 'mail', handler: 'work', args: ['wrong'], trigger: HOURLY });
    cluster.clock.advance(1_000);
    await scheduler.runTask('mail');
    await settle();
    await scheduler.updateTask('mail', { args: ['mended'] });
    await scheduler.redriveRun(await onlyDeadRun(scheduler));
    await settle();
    expect(work.seen).toEqual(['wrong', 'mended']);
  });
});

describe('a dead run when something cannot be read', () => {
  const OLD = 'the first secret of sixteen bytes';
  const NEW = 'the second secret, longer still';

  it('says that its task cannot', async () => {
    const cluster = new MemoryCluster();
    const scheduler = await cluster.join('a', { work: new Work().handler });
    await scheduler.addTask({ id: 'a', handler: 'work', trigger: HOURLY });
    const id = await scheduler.runTask('a');
    await settle();
    const row = JSON.parse(cluster.disk.rows.get('a')!) as { definition: string };
    cluster.disk.rows.set('a', JSON.stringify({ ...row, definition: row.definition.slice(0, -9) }));
    await expect(scheduler.redriveRun(id)).rejects.toThrow(TaskUnreadableError);
  });

  it('says that itself cannot, where that is needed', async () => {
    const cluster = new MemoryCluster();
    const first = await cluster.join('first', { work: new Work().handler }, { encryption: { keys: [OLD] } });
    await first.addTask({ id: 'once', handler: 'work' });
    await settle();
    const id = await onlyDeadRun(first);
    await first.shutdown(0);
    const after = await cluster.join('after', { work: new Work().handler }, { encryption: { keys: [NEW] } });
    await expect(after.redriveRun(id)).rejects.toThrow(RunUnreadableError);
    expect(cluster.disk.rows.has('once')).toBe(false);
    cluster.clock.advance(1);
    await after.addTask({ id: 'once', handler: 'work', trigger: HOURLY });
    await expect(after.redriveRun(id)).rejects.toThrow(RunUnreadableError);
  });
});
