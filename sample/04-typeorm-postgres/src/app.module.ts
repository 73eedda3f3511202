import { Injectable, Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AsynczModule, ScheduledTask } from 'nestjs-asyncz';
import type { TaskContext } from 'nestjs-asyncz';
import { typeormStore } from 'nestjs-asyncz/typeorm';

@Injectable()
export class Heartbeat {
  /** Declared by every replica, and run by one of them each second. */
  @ScheduledTask({ id: 'heartbeat', trigger: 'interval', seconds: 1 })
  beat(context: TaskContext): string {
    return context.scheduledTime.toISOString();
  }
}

@Module({
  imports: [
    TypeOrmModule.forRoot({
      type: 'postgres',
      url: process.env.DATABASE_URL ?? 'postgres://postgres@127.0.0.1:5432/test',
    }),
    AsynczModule.forRoot({
      stores: { default: typeormStore({ tableName: process.env.TABLES ?? 'asyncz_sample' }) },
      ...(process.env.IDENTITY !== undefined && { identity: process.env.IDENTITY }),
    }),
  ],
  providers: [Heartbeat],
})
export class AppModule {}
