// What a user writes, compiled against the packed types in both module systems: one typed task, run to its end.
import 'reflect-metadata';
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { AsynczModule, ScheduledTask, SchedulerService, TaskHandler } from 'nestjs-asyncz';
import type { TaskContext } from 'nestjs-asyncz';
import { BaseStore } from 'nestjs-asyncz/store';
import { BaseTrigger } from 'nestjs-asyncz/triggers';
import type { TriggerData } from 'nestjs-asyncz/triggers';

declare module 'nestjs-asyncz' {
  interface TaskHandlers {
    'greetings.greet': Greetings['greet'];
  }
  interface TriggerOptionsMap {
    hourly: { readonly minute: number };
  }
}

/** A trigger of the application's own, with the options that are declared above. */
class HourlyTrigger extends BaseTrigger {
  readonly type = 'hourly';

  constructor(private readonly data: TriggerData) {
    super();
  }

  override nextTime(previous: number | null, now: number): number {
    const minute = Number(this.data.minute) * 60_000;
    return (Math.floor(((previous ?? now) - minute) / 3_600_000) + 1) * 3_600_000 + minute;
  }

  override describe(): string {
    return 'every hour';
  }

  override toJSON(): TriggerData {
    return this.data;
  }
}

/** A store of the application's own, as far as the types go. */
export abstract class OwnStore extends BaseStore {
  countOf(): Promise<number> {
    return this.exclusive(async () => (await this.getAllTasks()).length);
  }
}

@Injectable()
export class Greetings {
  @ScheduledTask({ trigger: 'cron', expression: '0 2 * * *', timezone: 'Europe/Lisbon' })
  nightly(): void {}

  @ScheduledTask({ trigger: 'hourly', minute: 5 })
  hourly(): void {}

  @TaskHandler('greetings.greet')
  greet(name: string, times: number, context: TaskContext): string {
    return `hello ${name} ${times}, attempt ${context.attempt}`;
  }
}

@Module({ imports: [AsynczModule.forRoot({ triggers: { hourly: HourlyTrigger } })], providers: [Greetings] })
export class AppModule {}

export async function misuse(scheduler: SchedulerService): Promise<void> {
  // @ts-expect-error a handler that nobody declared
  await scheduler.addTask({ handler: 'greetings.grete', args: ['packed', 1] });
  // @ts-expect-error arguments of the wrong type
  await scheduler.addTask({ handler: 'greetings.greet', args: [1, 'packed'] });
  // @ts-expect-error an option of the wrong type for a trigger of the application's own
  await scheduler.rescheduleTask('greetings.hourly', { type: 'hourly', minute: '5' });
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
