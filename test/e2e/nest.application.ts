import { Module } from '@nestjs/common';
import type { INestApplicationContext, Type } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { onTestFinished, vi } from 'vitest';
import { AsynczModule, SchedulerService } from 'nestjs-asyncz';
import type { AsynczModuleAsyncOptions, AsynczModuleOptions, TaskPolicyOptions } from 'nestjs-asyncz';

export const EVERY_HOUR = { trigger: 'interval', hours: 1 } as const;

/** The warnings of all applications that were booted. */
export const warnings = vi.fn<(message: string) => void>();

export function closeAfterTest(app: INestApplicationContext): void {
  onTestFinished(() => app.close());
}

/** An application with the module and these providers; it is closed after the test. */
export async function boot(
  providers: Type[],
  options: AsynczModuleOptions | AsynczModuleAsyncOptions = {},
  { controllers = [], modules = [] }: { controllers?: Type[]; modules?: Type[] } = {},
) {
  const asyncz =
    'useFactory' in options || 'useClass' in options || 'useExisting' in options
      ? AsynczModule.forRootAsync(options)
      : AsynczModule.forRoot(options);
  @Module({ imports: [...modules, asyncz], providers, controllers })
  class AppModule {}
  const testing = Test.createTestingModule({ imports: [AppModule] });
  testing.setLogger({ log() {}, error() {}, warn: warnings, debug() {}, verbose() {}, fatal() {} });
  const app = await testing.compile();
  await app.init();
  closeAfterTest(app);
  return { app, scheduler: app.get<SchedulerService>(SchedulerService, { strict: false }) };
}

export async function idsOf(scheduler: SchedulerService): Promise<string[]> {
  return (await scheduler.getTaskInfos({ sortBy: 'id' })).tasks.map(({ id }) => id);
}

/** What became of one run: its record, and what was thrown in each attempt. */
export async function runOnce(
  scheduler: SchedulerService,
  handler: string,
  args: unknown[] = [],
  options: TaskPolicyOptions & { readonly tags?: string[] } = {},
) {
  const errors: unknown[] = [];
  const listen = ({ error }: { readonly error: unknown }) => void errors.push(error);
  scheduler.addListener(listen, 'run.failed');
  const { id } = await scheduler.addTask({ handler, args, trigger: { type: 'interval', hours: 1 }, ...options });
  const run = await scheduler.runTask(id, { wait: true });
  scheduler.removeListener(listen);
  return { run, errors };
}
