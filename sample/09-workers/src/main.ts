import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { SchedulerService } from 'nestjs-asyncz';
import { AppModule } from './app.module.js';

const app = await NestFactory.createApplicationContext(AppModule, { logger: false });
app.enableShutdownHooks();
const scheduler = app.get(SchedulerService);
scheduler.addListener(({ value }) => console.log(`primes: ${Number(value) * 100} %`), 'run.progress');

/** Adds a task, runs it, and says how that ended. */
async function run(handler: string, executor: string, args: unknown[], timeout: string): Promise<void> {
  const id = [handler, ...args].join(' ');
  await scheduler.addTask({ id, handler, executor, args, timeout, trigger: { type: 'interval', hours: 1 } });
  const { status, result, error } = await scheduler.runTask(id, { wait: true });
  console.log(`${id}: ${status}, ${error ? error.name : String(result)}`);
}

let turns = 0;
const ticking = setInterval(() => (turns += 1), 10);
await run('primes.count', 'cpu', [2_000_000], '5m');
clearInterval(ticking);
console.log(`the event loop of the application went on: ${turns > 10}`);

await run('resize', 'images', ['cat.png'], '1m');
await run('resize', 'images', ['broken.png'], '1m');
await run('resize', 'images', ['dog.png'], '1m');
await run('spin', 'images', [], '100ms');
await app.close();
