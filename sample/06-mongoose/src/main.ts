import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { SchedulerService } from 'nestjs-asyncz';
import { AppModule } from './app.module.js';

// The failure of the first attempt is expected, and printed below.
const app = await NestFactory.createApplicationContext(AppModule, { logger: false });
app.enableShutdownHooks();
const scheduler = app.get(SchedulerService);
scheduler.addListener(({ run, willRetry }) => console.log(`${run.error?.message}; again: ${willRetry}`), 'run.failed');
scheduler.addListener(({ run }) => console.log(String(run.result)), 'run.succeeded');

const removed = new Promise((resolve) => {
  scheduler.addListener(resolve, 'task.removed');
});
await scheduler.addTask({
  handler: 'reports.generate',
  // A Date is a Date again when the handler gets it, also from the database.
  args: [new Date('2026-10-01T00:00:00Z')],
  retry: { attempts: 3, backoff: 'fixed', delay: '500ms' },
});
await removed;
await app.close();
