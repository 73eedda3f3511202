import { describe, expect, it } from 'vitest';
import { BaseExecutor } from 'nestjs-asyncz';
import type { ExecutorContext, ExecutorJob } from 'nestjs-asyncz';
import { nextEvent } from '../../../support/events.js';
import { createScheduler } from '../../../support/scheduler.factory.js';

const HOURLY = { type: 'interval', hours: 1 } as const;

/** Has its handlers elsewhere, and gets to know them when it is told to. */
class ElsewhereExecutor extends BaseExecutor {
  handlers: readonly string[] = [];
  #context!: ExecutorContext;

  constructor() {
    super(1);
  }

  start(context: ExecutorContext): void {
    this.#context = context;
  }

  knows(...handlers: string[]): void {
    this.handlers = handlers;
    this.#context.changed();
  }

  protected run({ invoke, handler }: ExecutorJob): unknown {
    return invoke((args) => `${handler} elsewhere with ${args.join()}`);
  }
}

async function create() {
  const cpu = new ElsewhereExecutor();
  const { scheduler } = createScheduler({ here: () => 'here' }, { executors: { cpu } });
  await scheduler.start();
  return { cpu, scheduler };
}

describe('handlers that an executor has elsewhere', () => {
  it('are called there, and are among those of the scheduler', async () => {
    const { cpu, scheduler } = await create();
    cpu.knows('there');
    expect((await scheduler.getSchedulerInfo()).handlers).toEqual(['here', 'there']);
    await scheduler.addTask({ id: 'a', handler: 'there', args: [1, 2], executor: 'cpu', trigger: HOURLY });
    expect((await scheduler.runTask('a', { wait: true })).result).toBe('there elsewhere with 1,2');
  });

  it('are not known before the executor knows them: a task of them waits', async () => {
    const { cpu, scheduler } = await create();
    await scheduler.addTask({ id: 'a', handler: 'there', executor: 'cpu', trigger: HOURLY });
    const ended = nextEvent(scheduler, 'run.succeeded');
    await scheduler.runTask('a');
    cpu.knows('there');
    expect((await ended).run.result).toBe('there elsewhere with ');
  });

  it('are refused where they are not: a new task, and a changed one', async () => {
    const { cpu, scheduler } = await create();
    cpu.knows('there');
    const task = { id: 'a', trigger: HOURLY } as const;
    await expect(scheduler.addTask({ ...task, handler: 'there' })).rejects.toThrow(
      'Unknown handler "there". Known: "here". It is in the module of executor "cpu": give the task that executor.',
    );
    await expect(scheduler.addTask({ ...task, handler: 'here', executor: 'cpu' })).rejects.toThrow(
      'Unknown handler "here". Known: "there". It is not in the module of executor "cpu".',
    );
    await scheduler.addTask({ ...task, handler: 'here' });
    await expect(scheduler.updateTask('a', { handler: 'there' })).rejects.toThrow('Unknown handler "there"');
    await scheduler.updateTask('a', { handler: 'there', executor: 'cpu' });
    expect((await scheduler.runTask('a', { wait: true })).result).toBe('there elsewhere with ');
  });

  it('are not known any more when their executor is removed', async () => {
    const { cpu, scheduler } = await create();
    cpu.knows('there');
    await scheduler.removeExecutor('cpu');
    expect((await scheduler.getSchedulerInfo()).handlers).toEqual(['here']);
  });
});
