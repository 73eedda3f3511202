import { Injectable } from '@nestjs/common';
import { describe, expect, it, vi } from 'vitest';
import { ArgumentsRefusedError, OnTaskEvent, ScheduledTask } from 'nestjs-asyncz';
import type { ExecutorConfig, SchedulerService } from 'nestjs-asyncz';
import { until } from 'nestjs-asyncz/testing';
import { workerModule } from '../support/worker.modules.js';
import { boot, warnings } from './nest.application.js';

vi.mock('../../lib/executors/pool/worker.file.js', async () => {
  const { builtWorkerFile } = await import('../support/worker.modules.js');
  return builtWorkerFile();
});

const module = await workerModule('checked');

const CONFIGS: readonly (readonly [string, ExecutorConfig])[] = [
  ['worker', { type: 'worker', module, threads: 1 }],
  ['process', { type: 'process', module, processes: 1 }],
];

const TASK = { id: 'a', handler: 'orders.ship', executor: 'cpu', trigger: { type: 'interval', hours: 1 } } as const;

const run = (scheduler: SchedulerService, id = 'a') => scheduler.runTask(id, { wait: true, timeout: '90s' });

describe.each(CONFIGS)('a schema in the module of an executor of type %s', (_, config) => {
  it('makes the arguments of each run there, upcast and checked', async () => {
    const { scheduler } = await boot([], { executors: { cpu: config } });
    await scheduler.addTask({ ...TASK, data: { to: ' eve ', copies: '3' } });
    expect((await run(scheduler)).result).toEqual({ order: { to: 'eve', copies: 3 }, shipped: 1 });
    await scheduler.addTask({ ...TASK, id: 'b', args: ['bob'], schemaVersion: 1 });
    expect((await run(scheduler, 'b')).result).toEqual({ order: { to: 'bob', copies: 2 }, shipped: 2 });
    expect((await scheduler.getTask('a'))?.data).toEqual({ to: ' eve ', copies: '3' });
  });

  it('refuses there, before the handler is called: the run is dead, whatever retry says', async () => {
    const { scheduler } = await boot([], { executors: { cpu: config } });
    const retry = { attempts: 5, delay: '1ms' };
    await scheduler.addTask({ ...TASK, handler: 'orders.secret', args: [5], retry });
    expect(await run(scheduler)).toMatchObject({
      status: 'failed',
      attempt: 1,
      error: {
        name: 'ArgumentsRefusedError',
        code: 'ASYNCZ_ARGUMENTS_REFUSED',
        message: 'The arguments are refused by the schema of handler "orders.secret": args[0]: is not 7.',
      },
    });
    await scheduler.addTask({ ...TASK, id: 'b', handler: 'orders.secret', args: [7] });
    expect((await run(scheduler, 'b')).result).toBe(8);
  });

  it('is asked by the application when a task is added or changed, and told to clients', async () => {
    const { scheduler } = await boot([], { executors: { cpu: config } });
    await expect(scheduler.addTask({ ...TASK, data: { to: 5 } })).rejects.toThrow(ArgumentsRefusedError);
    await scheduler.addTask({ ...TASK, data: { to: 'eve' } });
    await expect(scheduler.updateTask('a', { data: { to: 5 } })).rejects.toThrow(
      'The arguments are refused by the schema of handler "orders.ship": data.to: Type "number" is invalid. Expected "string". (type).',
    );
    // The heartbeat of the start may have been before the module had booted.
    await until(async () => {
      const handlers = await scheduler.getHandlers();
      return handlers.some(({ schema, schemaVersion }) => schema !== null && schemaVersion === 2);
    });
  });
});

@Injectable()
class Orders {
  @ScheduledTask({ id: 'orders.nightly', trigger: 'cron', expression: '0 2 * * *', executor: 'cpu' })
  nightly(): void {}

  @OnTaskEvent('run.failed')
  onFailed(): void {}
}

describe('what of the module of an executor has no effect there', () => {
  const told = () =>
    warnings.mock.calls.map(([message]) => message).filter((line) => line.includes('In the module of'));

  it('is told at the start: listeners, and tasks that the application does not declare', async () => {
    warnings.mockClear();
    await boot([], { executors: { cpu: { type: 'worker', module, threads: 2 } } });
    expect(told()).toEqual([
      'In the module of executor "cpu" the listener Orders.onFailed is never called: events come in the application. Provide its class there',
      'In the module of executor "cpu" the task "orders.nightly" is not scheduled: the application declares tasks. Provide its class there, too',
    ]);
  });

  it('is not told where the application has the same', async () => {
    warnings.mockClear();
    await boot([Orders], { executors: { cpu: { type: 'worker', module, threads: 1 } } });
    expect(told()).toEqual([]);
  });
});
