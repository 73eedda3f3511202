import { join } from 'node:path';
import { Module } from '@nestjs/common';
import { AsynczModule } from 'nestjs-asyncz';
import { AccessLogDigest, DIRECTORY } from './access-log.digest.js';
import { RemindersController } from './reminders.controller.js';
import { SummaryWriter } from './summary.writer.js';

@Module({
  imports: [
    // Last of the imports, so that it starts after the application's own providers and stops before them.
    AsynczModule.forRoot({
      stores: { default: { type: 'file', directory: join(DIRECTORY, 'tasks') } },
      // How long after a kill the run that was under way counts as lost.
      lease: '5s',
    }),
  ],
  controllers: [RemindersController],
  providers: [AccessLogDigest, SummaryWriter],
})
export class AppModule {}
