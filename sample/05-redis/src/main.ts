import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { SchedulerService } from 'nestjs-asyncz';
import { AppModule } from './app.module.js';

const app = await NestFactory.createApplicationContext(AppModule, { logger: ['warn', 'error'] });
app.enableShutdownHooks();
const scheduler = app.get(SchedulerService);
scheduler.addListener(({ run }) => console.log(`${run.taskId}: ${String(run.result)}`), 'run.succeeded');

for (const [index, to] of ['ann', 'bob', 'eve'].entries()) {
  await scheduler.addTask({
    id: `mail-to-${to}`,
    handler: 'mail.send',
    args: [to, 'hello'],
    trigger: { type: 'date', runAt: Date.now() + (index + 1) * 500 },
    replaceExisting: true,
  });
}
const { tasks } = await scheduler.getTaskInfos();
console.log(`waiting: ${tasks.map(({ id }) => id).join(', ')}`);
await new Promise((resolve) => {
  scheduler.addListener(({ taskId }) => taskId === 'mail-to-eve' && resolve(taskId), 'task.removed');
});
await app.close();
