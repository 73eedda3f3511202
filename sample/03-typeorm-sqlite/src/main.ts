import 'reflect-metadata';
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { NestFactory } from '@nestjs/core';
import { SchedulerService } from 'nestjs-asyncz';
import { AppModule } from './app.module.js';
import { OrdersService } from './orders.service.js';

mkdirSync(dirname(process.env.DATABASE ?? './var/orders.db'), { recursive: true });
const app = await NestFactory.createApplicationContext(AppModule, { logger: ['warn', 'error'] });
app.enableShutdownHooks();
const scheduler = app.get(SchedulerService);
scheduler.addListener(({ run }) => console.log(`${run.taskId}: ${String(run.result)}`), 'run.succeeded');

const orders = app.get(OrdersService);
const confirmed = new Promise((resolve) => {
  scheduler.addListener(resolve, 'run.succeeded');
});
const order = await orders.place('tea', new Date(Date.now() + 1_000));
console.log(`order ${order.id} placed`);
await orders.place('', new Date()).catch((error: Error) => console.log(`rolled back: ${error.message}`));
const { total } = await scheduler.getTaskInfos();
console.log(`tasks waiting: ${total}`);
await confirmed;
await app.close();
