import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { SchedulerService } from 'nestjs-asyncz';
import { AppModule } from './app.module.js';

const app = await NestFactory.createApplicationContext(AppModule, { logger: ['warn', 'error'] });
app.enableShutdownHooks();
const scheduler = app.get(SchedulerService);
console.log(`${scheduler.identity} is ready`);
scheduler.addListener(
  ({ run }) => console.log(`${scheduler.identity} ran ${run.taskId} of ${String(run.result)}`),
  'run.succeeded',
);
