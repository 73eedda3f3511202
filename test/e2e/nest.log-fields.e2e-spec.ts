import { ConsoleLogger } from '@nestjs/common';
import type { LoggerService } from '@nestjs/common';
import { Injectable, Logger, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { AsynczModule, SchedulerService, TaskContext, TaskHandler } from 'nestjs-asyncz';
import type { LogFieldsMode } from 'nestjs-asyncz';
import { closeAfterTest } from './nest.application.js';

@Injectable()
class Work {
  @TaskHandler('work')
  work(context: TaskContext) {
    context.log.log('halfway');
    throw new TypeError('broken');
  }
}

async function runWith(logger: LoggerService, logFields?: LogFieldsMode) {
  @Module({ imports: [AsynczModule.forRoot({ ...(logFields && { logFields }) })], providers: [Work] })
  class AppModule {}
  const app = await NestFactory.create(AppModule, { logger });
  onTestFinished(() => Logger.overrideLogger(new ConsoleLogger()));
  closeAfterTest(app);
  await app.init();
  const scheduler = app.get<SchedulerService>(SchedulerService);
  await scheduler.addTask({ id: 'mine', handler: 'work', trigger: { type: 'interval', hours: 1 } });
  return scheduler.runTask('mine', { wait: true });
}

/** The lines of JSON that an application prints. */
function printed(): () => Record<string, unknown>[] {
  const lines: string[] = [];
  const take = (text: unknown) => {
    lines.push(...String(text).split('\n'));
    return true;
  };
  const spies = [vi.spyOn(process.stdout, 'write'), vi.spyOn(process.stderr, 'write')];
  for (const spy of spies) spy.mockImplementation(take);
  onTestFinished(() => spies.forEach((spy) => spy.mockRestore()));
  return () => lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe('the log of an application in JSON', () => {
  it('has task, run, handler, attempt and store as fields, as the ConsoleLogger of NestJS 12 writes them', async () => {
    const lines = printed();
    const { id: run } = await runWith(new ConsoleLogger({ json: true }), 'params');
    const params = { task: 'mine', run, handler: 'work', attempt: 1, store: 'default' };
    expect(lines()).toContainEqual(
      expect.objectContaining({ level: 'log', message: 'halfway', context: 'Asyncz', params }),
    );
    const failed = lines().find(({ level }) => level === 'error')!;
    expect(failed).toMatchObject({
      message: `The run "${run}" of handler "work" failed: broken`,
      context: 'Asyncz',
      params,
    });
    expect(failed.stack).toMatch(/^TypeError: broken\n/);
  });

  it('has them in one object with the message, as nestjs-pino takes it', async () => {
    const lines: unknown[][] = [];
    const record = (...line: unknown[]) => void lines.push(line);
    const pino: LoggerService = {
      log: record,
      error: record,
      warn: record,
      debug: record,
      verbose: record,
      fatal: record,
    };
    const { id: run } = await runWith(pino, 'object');
    const fields = { task: 'mine', run, handler: 'work', attempt: 1, store: 'default' };
    expect(lines).toContainEqual([{ msg: 'halfway', ...fields }, 'Asyncz']);
    const stack = expect.stringMatching(/^TypeError: broken\n/) as string;
    const msg = `The run "${run}" of handler "work" failed: broken`;
    expect(lines).toContainEqual([
      { msg, ...fields, err: { type: 'TypeError', message: 'broken', stack } },
      undefined,
      'Asyncz',
    ]);
    // What is about no task is a text, as ever.
    expect(lines.some(([line]) => typeof line === 'string' && line.startsWith('Scheduler "default"'))).toBe(true);
  });

  it('has all of it in the message alone where nobody has asked for fields', async () => {
    const lines: unknown[][] = [];
    const record = (...line: unknown[]) => void lines.push(line);
    const plain: LoggerService = { log: record, error: record, warn: record };
    const { id: run } = await runWith(plain);
    expect(lines).toContainEqual([`[${run}, attempt 1] halfway`, 'Asyncz']);
    for (const line of lines) expect(line.every((part) => typeof part === 'string')).toBe(true);
  });

  it('refuses a way that there is none of', () => {
    expect(() => AsynczModule.forRoot({ logFields: 'json' as never })).toThrow(/"params" or "object"/);
  });
});
