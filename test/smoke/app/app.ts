// What a user writes, compiled against the packed types in both module systems: one typed task, run to its end.
import 'reflect-metadata';
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { AsynczModule, ScheduledTask, SchedulerService, TaskHandler } from 'nestjs-asyncz';
import type { TaskContext } from 'nestjs-asyncz';

declare module 'nestjs-asyncz' {
  interface TaskHandlers {
    'greetings.greet': Greetings['greet'];
  }
}

@Injectable()
export class Greetings {
  @ScheduledTask({ trigger: 'cron', expression: '0 2 * * *', timezone: 'Europe/Lisbon' })
  nightly(): void {}

  @TaskHandler('greetings.greet')
  greet(name: string, times: number, context: TaskContext): string {
    return `hello ${name} ${times}, attempt ${context.attempt}`;
  }
}

@Module({ imports: [AsynczModule.forRoot()], providers: [Greetings] })
export class AppModule {}

export async function misuse(scheduler: SchedulerService): Promise<void> {
  // @ts-expect-error a handler that nobody declared
  await scheduler.addTask({ handler: 'greetings.grete', args: ['packed', 1] });
  // @ts-expect-error arguments of the wrong type
  await scheduler.addTask({ handler: 'greetings.greet', args: [1, 'packed'] });
  // @ts-expect-error arguments left out
  await scheduler.addTask({ handler: 'greetings.greet' });
}

async function main(): Promise<void> {
  const app = await NestFactory.createApplicationContext(AppModule, { logger: ['error', 'warn'] });
  const scheduler = app.get(SchedulerService);
  const ended = new Promise((resolve) => scheduler.addListener(({ run }) => resolve(run.result), 'run.succeeded'));
  await scheduler.addTask({ handler: 'greetings.greet', args: ['packed', 1] });
  console.log(await ended);
  await app.close();
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
