import 'reflect-metadata';
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { NestFactory } from '@nestjs/core';
import { SchedulerService } from 'nestjs-asyncz';
import { AppModule } from './app.module.js';
import { OrdersService } from './orders.service.js';

mkdirSync(dirname(process.env.DATABASE ?? './var/steps.db'), { recursive: true });
const app = await NestFactory.createApplicationContext(AppModule, { logger: ['error'] });
app.enableShutdownHooks();
const scheduler = app.get(SchedulerService);
const ended = new Promise<void>((resolve) => {
  scheduler.addListener(({ run }) => {
    console.log(`${run.taskId}: ${String(run.result)}`);
    resolve();
  }, 'run.succeeded');
});
scheduler.addListener(({ taskId }) => console.log(`${taskId} sleeps`), 'run.suspended');

const orders = app.get(OrdersService);
if (await orders.isEmpty()) await orders.place('tea');
await ended;
await app.close();
