import { monitorEventLoopDelay } from 'node:perf_hooks';
import { describe, expect, it, vi } from 'vitest';
import { InvalidOptionError } from 'nestjs-asyncz';
import type { ExecutorConfig, RunInfo, SchedulerService } from 'nestjs-asyncz';
import { nextEvent } from '../support/events.js';
import { workerModule } from '../support/worker.modules.js';
import { boot } from './nest.application.js';

vi.mock('../../lib/executors/pool/worker.file.js', async () => {
  const { builtWorkerFile } = await import('../support/worker.modules.js');
  return builtWorkerFile();
});

/** How long the handler computes, in milliseconds. */
const COMPUTES_MS = 2_000;

let count = 0;

async function add(scheduler: SchedulerService, handler: string, args: readonly unknown[], options: object = {}) {
  count += 1;
  const id = `${handler}-${count}`;
  await scheduler.addTask({ id, handler, args, executor: 'cpu', trigger: { type: 'interval', hours: 1 }, ...options });
  return id;
}

async function run(scheduler: SchedulerService, ...task: [string, readonly unknown[], object?]): Promise<RunInfo> {
  return await scheduler.runTask(await add(scheduler, ...task), { wait: true, timeout: '90s' });
}

const module = await workerModule('nest');

const CONFIGS: readonly (readonly [string, ExecutorConfig])[] = [
  ['worker', { type: 'worker', module, threads: 1 }],
  ['process', { type: 'process', module, processes: 1 }],
];

describe.each(CONFIGS)('the handlers of a Nest module on an executor of type %s', (type, config) => {
  it('are methods of providers, with what they inject, in a context that is booted once and closed at the end', async () => {
    const { app, scheduler } = await boot([], { executors: { cpu: config } });
    const first = (await run(scheduler, 'reports.greet', ['ann'])).result as { pid: number };
    expect(first).toMatchObject({ text: 'hello ann', runs: 1, isCurrent: true });
    expect(first.pid === process.pid).toBe(type === 'worker');
    expect((await run(scheduler, 'reports.greet', ['bob'])).result).toMatchObject({ text: 'hello bob', runs: 2 });
    await app.close();
  });

  it('stand beside exported functions', async () => {
    const { scheduler } = await boot([], { executors: { cpu: config } });
    expect((await scheduler.getSchedulerInfo()).handlers).toEqual([
      'double',
      'reports.greet',
      'reports.flaky',
      'reports.compute',
    ]);
    expect((await run(scheduler, 'double', [21])).result).toBe(42);
  });

  it('have their say about retries, by the classes of their own errors', async () => {
    const { scheduler } = await boot([], { executors: { cpu: config } });
    const retry = { attempts: 9, delay: '1h' };
    const ended = await run(scheduler, 'reports.flaky', [3], { retry });
    expect(ended).toMatchObject({ attempt: 3, dead: true, error: { message: 'for good' } });
  });
});

describe('a handler that computes on an executor of type worker', () => {
  it('leaves the event loop of the application alone', async () => {
    const config = { type: 'worker', module, threads: 1 } as const;
    const { scheduler } = await boot([], { executors: { cpu: config } });
    const id = await add(scheduler, 'reports.compute', [COMPUTES_MS]);
    const ended = nextEvent(scheduler, 'run.succeeded', ({ taskId }) => taskId === id);
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    await scheduler.runTask(id);
    await ended;
    delay.disable();
    const p99 = delay.percentile(99) / 1e6;
    console.log(`delay of the event loop while a worker computed: ${p99.toFixed(1)} ms at the 99th percentile`);
    // In this process it would be as long as the handler computes. The machine of a test may be busy with others.
    expect(p99).toBeLessThan(COMPUTES_MS / 4);
  });
});

describe('an executor', () => {
  it('does not take the module of an application for that of its workers: it would claim tasks in each', async () => {
    const application = await workerModule('asyncz');
    const { scheduler } = await boot([], { executors: { cpu: { type: 'worker', module: application, threads: 1 } } });
    expect((await scheduler.getSchedulerInfo()).executors[0]).toMatchObject({ alias: 'cpu', room: 0 });
  });

  it.each([
    [{ type: 'worker' }, 'Invalid module: undefined. Allowed: () => import('],
    [{ type: 'worker', module: './worker.js' }, 'Invalid module: "./worker.js". Allowed: '],
    [{ type: 'worker', module: () => 1 }, 'Allowed: () => import('],
    [{ type: 'worker', module, threads: 0 }, 'Invalid threads: 0. Allowed: a whole number from 1.'],
    [{ type: 'process', module, processes: 1.5 }, 'Invalid processes: 1.5.'],
    [{ type: 'process', module, threads: 1 }, 'Unknown option "threads" of the process executor. Allowed: "module", '],
    [{ type: 'worker', module, bootTimeout: 'soon' }, 'Invalid bootTimeout: "soon".'],
  ])('is refused at the bootstrap with %j', async (config, message) => {
    await expect(boot([], { executors: { cpu: config as ExecutorConfig } })).rejects.toThrow(message);
  });

  it('is refused with an error of the library', async () => {
    const config = { type: 'pool', module: 7 } as unknown as ExecutorConfig;
    await expect(boot([], { executors: { cpu: config } })).rejects.toBeInstanceOf(InvalidOptionError);
  });
});
