import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { SchedulerService } from 'nestjs-asyncz';
import { AppModule, Work } from './app.module.js';

const app = await NestFactory.createApplicationContext(AppModule, { logger: ['warn', 'error'] });
app.enableShutdownHooks();
const scheduler = app.get(SchedulerService);
const stores = ['default', 'cache', 'docs', 'files'];

const left = new Set(stores);
const done = new Promise<void>((resolve) => {
  scheduler.addListener(({ run, store }) => {
    console.log(`${run.taskId} ran ${String(run.result)}`);
    left.delete(store);
    if (left.size === 0) resolve();
  }, 'run.succeeded');
});
for (const store of stores) await scheduler.addTask({ id: `task-in-${store}`, handler: 'work', store });
await done;

const { stores: infos } = await scheduler.getSchedulerInfo();
for (const info of infos) console.log(`${info.store}: ${info.coordination}, wake-ups ${info.wakeUp}, ${info.state}`);
console.log(`injected: ${app.get(Work).cache.capabilities.wakeUp}`);
await app.close();
