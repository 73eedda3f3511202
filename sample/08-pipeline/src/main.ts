import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { SchedulerService } from 'nestjs-asyncz';
import { AppModule } from './app.module.js';

// The failures are expected, and the filter prints them.
const app = await NestFactory.createApplicationContext(AppModule, { logger: false });
app.enableShutdownHooks();
const scheduler = app.get(SchedulerService);
scheduler.addListener(({ run }) => console.log(`${run.taskId}: ${String(run.result)}`), 'run.succeeded');

/** Runs a task, and waits for its end. */
async function run(id: string, handler: string, tenant: string, ...args: unknown[]): Promise<void> {
  await scheduler.addTask({ id, handler, args, tags: [tenant], trigger: { type: 'interval', hours: 1 }, retry: 2 });
  await scheduler.runTask(id, { wait: true });
}

await run('tea', 'invoices.book', 'acme', { cents: '250' });
await run('nothing', 'invoices.book', 'acme', { cents: '0' });
await run('stolen', 'invoices.book', 'other', { cents: '9000' });
await run('acme-total', 'reports.total', 'acme');
await run('other-total', 'reports.total', 'other');
await app.close();
