import { Injectable, Module } from '@nestjs/common';
import { MongooseModule } from '@nestjs/mongoose';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AsynczModule, InjectStore, TaskHandler } from 'nestjs-asyncz';
import type { Store, TaskContext } from 'nestjs-asyncz';
import { mongooseStore } from 'nestjs-asyncz/mongoose';
import { redisStore } from 'nestjs-asyncz/redis';
import { typeormStore } from 'nestjs-asyncz/typeorm';

@Injectable()
export class Work {
  constructor(@InjectStore('cache') readonly cache: Store) {}

  @TaskHandler('work')
  work(context: TaskContext): string {
    return `from ${context.store}`;
  }
}

const prefix = process.env.PREFIX ?? 'asyncz_several';

@Module({
  imports: [
    TypeOrmModule.forRoot({
      type: 'postgres',
      url: process.env.DATABASE_URL ?? 'postgres://postgres@127.0.0.1:5432/test',
    }),
    MongooseModule.forRoot(process.env.MONGODB_URL ?? 'mongodb://127.0.0.1:27017', { dbName: prefix }),
    AsynczModule.forRoot({
      stores: {
        default: typeormStore({ tableName: prefix }),
        cache: redisStore({
          url: process.env.REDIS_URL ?? 'redis://127.0.0.1:6379',
          tasksKey: `${prefix}.tasks`,
          runTimesKey: `${prefix}.run_times`,
        }),
        docs: mongooseStore(),
        files: { type: 'file', directory: process.env.DIRECTORY ?? './var/several' },
      },
    }),
  ],
  providers: [Work],
})
export class AppModule {}
