import { Injectable, Logger, Module } from '@nestjs/common';
import type { OnApplicationBootstrap } from '@nestjs/common';
import { AsynczModule, ScheduledTask, SchedulerService, TaskHandler } from 'nestjs-asyncz';
import type { TaskContext } from 'nestjs-asyncz';
import { JsonStore } from './json.store.js';

@Injectable()
class Notes implements OnApplicationBootstrap {
  readonly #logger = new Logger('Notes');

  constructor(private readonly scheduler: SchedulerService<{ 'notes.read': Notes['read'] }>) {}

  @ScheduledTask({ id: 'notes.tick', trigger: 'interval', seconds: 2 })
  tick({ scheduledTime }: TaskContext): void {
    this.#logger.log(`Tick of ${scheduledTime.toISOString()}`);
  }

  @TaskHandler('notes.read')
  read(text: string): void {
    this.#logger.log(`A note from the document: ${text}`);
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.scheduler.addTask({
      id: 'notes.first',
      handler: 'notes.read',
      args: ['hello from a JSON file'],
      trigger: { type: 'date', runAt: new Date(Date.now() + 5_000) },
      replaceExisting: true,
    });
  }
}

@Module({
  providers: [Notes],
  imports: [AsynczModule.forRoot({ stores: { default: { useClass: JsonStore } } })],
})
export class AppModule {}
