import 'reflect-metadata';
import { Logger } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { SchedulerService } from 'nestjs-asyncz';
import { AppModule } from './app.module.js';

const port = Number(process.env.PORT ?? 3000);

const app = await NestFactory.create(AppModule, { abortOnError: false });
// Without this call a Ctrl-C kills the runs that are under way.
app.enableShutdownHooks();
printRuns(app.get(SchedulerService));
try {
  await app.listen(port, '127.0.0.1');
  new Logger('Quickstart').log(`Listening on http://127.0.0.1:${port} as process ${process.pid}; Ctrl-C stops it`);
} catch (error) {
  new Logger('Quickstart').error(`It did not start: ${(error as Error).message}. Another port: PORT=3001 npm start`);
  process.exitCode = 1;
  await app.close();
}

/** One line for each run that has ended, when the store knows of it. */
function printRuns(scheduler: SchedulerService): void {
  const logger = new Logger('Run');
  scheduler.addListener(({ run }) => logger.log(`${run.handler}: ${String(run.result)}`), 'run.succeeded');
  scheduler.addListener(
    ({ run }) => logger.warn(`${run.handler}: ${run.status}${run.error ? `, ${run.error.message}` : ''}`),
    ['run.failed', 'run.lost', 'run.missed', 'run.skipped', 'run.cancelled'],
  );
}
