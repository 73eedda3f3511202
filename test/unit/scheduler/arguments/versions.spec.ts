import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { ArgumentsRefusedError, VersionConflictError } from 'nestjs-asyncz';
import type { HandlerOptions, Scheduler, StandardSchema, TaskProblem } from 'nestjs-asyncz';
import { nextEvent } from '../../../support/events.js';
import { MemoryCluster, TakingClusterStore } from '../../../support/memory.cluster.js';
import { createRunning, settle } from '../../../support/scheduler.factory.js';
import { HOURLY } from '../../../support/task.factory.js';

/** Gives back what it was called with, under the name of its code. */
const register = (scheduler: Scheduler, options: HandlerOptions = {}): void =>
  scheduler.registerHandler('report', (args) => ({ by: scheduler.identity, args }), options);

const withReport = (options: HandlerOptions) => ({ setUp: (scheduler: Scheduler) => register(scheduler, options) });

const second: HandlerOptions = {
  schema: z.object({ customers: z.array(z.string()) }),
  schemaVersion: 2,
  upcast: { 1: ({ customer }: { customer: string }) => ({ customers: [customer] }) },
};

const third: HandlerOptions = {
  schema: z.object({ customers: z.array(z.string()), month: z.number() }),
  schemaVersion: 3,
  upcast: { ...second.upcast, 2: async (data: object) => Promise.resolve({ ...data, month: 1 }) },
};

describe('arguments that older code has stored', () => {
  it('are brought to what the handler takes now, version by version, and stay stored as they are', async () => {
    const cluster = new MemoryCluster();
    const first = await cluster.join('first');
    register(first);
    await first.addTask({ id: 'old', handler: 'report', data: { customer: 'ann' }, trigger: HOURLY });
    await first.shutdown();
    const now = await cluster.join('third');
    register(now, third);
    expect((await now.runTask('old', { wait: true })).result).toEqual({
      by: 'third',
      args: [{ customers: ['ann'], month: 1 }],
    });
    expect((await now.getTask('old'))?.info).toMatchObject({ data: { customer: 'ann' }, schemaVersion: null });
    // Given anew, they are of the version of now.
    const task = await now.updateTask('old', { data: { customers: ['bob'], month: 2 } });
    expect(task.info.schemaVersion).toBe(3);
    expect((await now.runTask('old', { wait: true })).result).toMatchObject({
      args: [{ customers: ['bob'], month: 2 }],
    });
  });

  it('may become data where they were a list, and a list where they were data', async () => {
    const { scheduler, store } = await createRunning();
    register(scheduler, {
      schemaVersion: 3,
      upcast: { 1: ([customer]: [string]) => ({ customer }), 2: ({ customer }: { customer: string }) => [customer, 1] },
    });
    const { id } = await scheduler.addTask({ handler: 'report', args: ['ann'], trigger: HOURLY });
    const stored = await store.lookupTask(id);
    if (stored === null || 'unreadable' in stored) throw new Error('gone');
    await store.updateTask({ ...stored, definition: { ...stored.definition, schemaVersion: 1 }, version: 2 }, 1);
    expect((await scheduler.runTask(id, { wait: true })).result).toMatchObject({ args: ['ann', 1] });
  });

  it('are refused where they are older than any upcast, and the run is dead', async () => {
    const cluster = new MemoryCluster();
    const first = await cluster.join('first');
    register(first);
    await first.addTask({ id: 'old', handler: 'report', data: {}, trigger: HOURLY, retry: 3 });
    await first.shutdown();
    const now = await cluster.join('now');
    register(now, { schemaVersion: 3, upcast: { 2: (data: object) => data } });
    const run = await now.runTask('old', { wait: true });
    expect(run).toMatchObject({ dead: true, attempt: 1, error: { code: 'ASYNCZ_ARGUMENTS_REFUSED' } });
    expect(run.error?.message).toMatch(/they are of version 1 \(schemaVersion\), for which there is no "upcast"/);
  });

  it('fail the run where an upcast fails', async () => {
    const cluster = new MemoryCluster();
    const first = await cluster.join('first');
    register(first);
    await first.addTask({ id: 'old', handler: 'report', data: {}, trigger: HOURLY });
    await first.shutdown();
    const now = await cluster.join('now');
    register(now, { ...second, upcast: { 1: (data: { list: string[] }) => data.list.length } });
    const run = await now.runTask('old', { wait: true });
    expect(run).toMatchObject({
      status: 'failed',
      error: { code: 'ASYNCZ_SCHEMA_FAILED', cause: { name: 'TypeError' } },
    });
  });
});

describe.each([
  ['decides in the store', false],
  ['takes tasks first', true],
])('arguments of newer code, where a claim %s', (_name, takes) => {
  it('are left to newer code, and everything else runs', async () => {
    const cluster = new MemoryCluster();
    const store = () => (takes ? { store: new TakingClusterStore(cluster.disk) } : {});
    const old = await cluster.join('old', { other: () => 'done' }, { ...store(), ...withReport(second) });
    const added = await cluster.join('new', {}, { ...store(), role: 'client', ...withReport(third) });
    await added.addTask({ id: 'newer', handler: 'report', data: { customers: [], month: 1 } });
    const other = nextEvent(old, 'run.succeeded', ({ taskId }) => taskId === 'other');
    await added.addTask({ id: 'other', handler: 'other' });
    await other;
    await settle();
    expect((await old.getRuns({ taskId: 'newer' })).runs).toEqual([]);
    const runs: unknown[] = [];
    const setUp = (scheduler: Scheduler) => {
      register(scheduler, third);
      scheduler.addListener(({ run }) => runs.push([run.taskId, run.attempt, run.result]), 'run.succeeded');
    };
    await cluster.join('worker', {}, { ...store(), setUp });
    await passing(cluster, () => runs.length > 0);
    expect(runs).toEqual([['newer', 1, { by: 'worker', args: [{ customers: [], month: 1 }] }]]);
  });

  it('are reported as a problem of the task where nobody takes them, and run when somebody can', async () => {
    const cluster = new MemoryCluster();
    const store = () => (takes ? { store: new TakingClusterStore(cluster.disk) } : {});
    const added = await cluster.join('new', {}, { ...store(), role: 'client', ...withReport(third) });
    await added.addTask({ id: 'newer', handler: 'report', data: { customers: [], month: 1 } });
    cluster.clock.advance(10_001);
    const problems: TaskProblem[] = [];
    const setUp = (scheduler: Scheduler) => {
      register(scheduler, second);
      scheduler.addListener(({ problem }) => problems.push(problem), 'task.problem');
    };
    await cluster.join('old', {}, { ...store(), setUp });
    await passing(cluster, () => problems.length > 0);
    expect(problems[0]).toMatchObject({ code: 'ASYNCZ_SCHEMA_NEWER', count: 1 });
    expect(problems[0]!.message).toContain(
      'version 3 (schemaVersion) of handler "report", and this scheduler has version 2',
    );
    const worker = await cluster.join('worker', {}, { ...store(), ...withReport(third) });
    let hasRun = false;
    worker.addListener(() => (hasRun = true), 'run.succeeded');
    await passing(cluster, () => hasRun);
    expect((await worker.getRuns({ taskId: 'newer' })).runs).toMatchObject([{ status: 'succeeded', attempt: 1 }]);
  });
});

/** Lets time pass until something has come true, half a minute at most. */
async function passing(cluster: MemoryCluster, isTrue: () => boolean): Promise<void> {
  for (let step = 0; step < 300 && !isTrue(); step += 1) {
    cluster.clock.advance(100);
    await settle();
  }
  expect(isTrue()).toBe(true);
}

describe('a process without the handler', () => {
  it('says for which version its arguments are, and the handler gets what becomes of them', async () => {
    const cluster = new MemoryCluster();
    const worker = await cluster.join('worker', {}, withReport(third));
    const client = await cluster.join('client', {}, { role: 'client' });
    const spec = { handler: 'report', trigger: HOURLY };
    await client.addTask({ ...spec, id: 'first', data: { customer: 'ann' } });
    await client.addTask({ ...spec, id: 'second', data: { customers: ['ann'] }, schemaVersion: 2 });
    await client.addTask({ ...spec, id: 'third', data: { customers: ['ann'], month: 1 }, schemaVersion: 3 });
    const results: unknown[] = [];
    for (const id of ['first', 'second', 'third']) {
      results.push((await worker.runTask(id, { wait: true })).result);
    }
    const same = { by: 'worker', args: [{ customers: ['ann'], month: 1 }] };
    expect(results).toEqual([same, same, same]);
    expect((await client.updateTask('third', { data: { customer: 'bob' }, schemaVersion: 1 })).info.schemaVersion).toBe(
      1,
    );
    expect((await worker.runTask('third', { wait: true })).result).toMatchObject({ args: [{ customers: ['bob'] }] });
  });

  it.each<[object, RegExp]>([
    [
      { data: {}, schemaVersion: 4 },
      /Invalid schemaVersion: 4\. Allowed: a whole number from 1 to 3, the version of handler "report" here/,
    ],
    [{ data: {}, schemaVersion: 0 }, /Invalid schemaVersion: 0/],
    [{ data: {}, schemaVersion: '2' }, /Invalid schemaVersion: "2"/],
  ])('is told by an error where it cannot be so: %o', async (input, message) => {
    const { scheduler } = await createRunning();
    register(scheduler, third);
    await expect(scheduler.addTask({ handler: 'report', ...input })).rejects.toThrow(message);
    const task = await scheduler.addTask({ handler: 'report', data: { customers: [], month: 1 }, trigger: HOURLY });
    await expect(task.update(input)).rejects.toThrow(message);
    await expect(task.update({ schemaVersion: 2 })).rejects.toThrow(/given with the arguments that it is of/);
    expect((await scheduler.getTask(task.id))?.info).toMatchObject({ version: 1, schemaVersion: 3 });
  });
});

/** A schema that takes everything, and does something while it looks at it. */
const meanwhile = (work: () => Promise<void>): StandardSchema => ({
  '~standard': { version: 1, vendor: 'own', validate: async (value) => work().then(() => ({ value })) },
});

describe('a change of a task whose handler has a schema', () => {
  it('is checked again where somebody gave the task another handler meanwhile', async () => {
    const { scheduler } = await createRunning();
    register(scheduler, second);
    let steals = false;
    const schema = meanwhile(async () => {
      if (!steals) return;
      steals = false;
      await scheduler.updateTask('a', { handler: 'report', data: { customers: [] } });
    });
    scheduler.registerHandler('slow', () => {}, { schema });
    await scheduler.addTask({ id: 'a', handler: 'slow', data: {}, trigger: HOURLY });
    steals = true;
    await expect(scheduler.updateTask('a', { data: { any: 1 } })).rejects.toThrow(ArgumentsRefusedError);
    expect((await scheduler.getTask('a'))?.info).toMatchObject({ handler: 'report', data: { customers: [] } });
  });

  it('gives up where that goes on for ever', async () => {
    const { scheduler } = await createRunning();
    let steals = false;
    for (const name of ['a', 'b']) {
      const schema = meanwhile(async () => {
        if (!steals) return;
        steals = false;
        const { handler } = (await scheduler.getTask('t'))!.info;
        await scheduler.updateTask('t', { handler: handler === 'a' ? 'b' : 'a', data: {} });
        steals = true;
      });
      scheduler.registerHandler(name, () => {}, { schema });
    }
    await scheduler.addTask({ id: 't', handler: 'a', data: {}, trigger: HOURLY });
    steals = true;
    await expect(scheduler.updateTask('t', { data: {} })).rejects.toThrow(VersionConflictError);
  });
});
