import { Injectable, Module } from '@nestjs/common';
import { MongooseModule } from '@nestjs/mongoose';
import { AsynczModule, TaskHandler } from 'nestjs-asyncz';
import type { TaskContext } from 'nestjs-asyncz';
import { mongooseStore } from 'nestjs-asyncz/mongoose';

@Injectable()
export class Reports {
  /** Fails at first, to show that it is tried again. */
  @TaskHandler('reports.generate')
  generate(month: Date, context: TaskContext): string {
    if (context.attempt === 1) throw new Error('the figures are not there yet');
    return `report of ${month.toISOString().slice(0, 7)}, attempt ${context.attempt}`;
  }
}

@Module({
  imports: [
    MongooseModule.forRoot(process.env.MONGODB_URL ?? 'mongodb://127.0.0.1:27017', {
      dbName: process.env.DATABASE ?? 'asyncz_sample',
    }),
    AsynczModule.forRoot({ stores: { default: mongooseStore({ collection: 'asyncz_tasks' }) } }),
  ],
  providers: [Reports],
})
export class AppModule {}
