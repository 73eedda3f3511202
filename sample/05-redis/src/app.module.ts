import { Injectable, Module } from '@nestjs/common';
import type { OnApplicationShutdown } from '@nestjs/common';
import { Redis } from 'ioredis';
import { AsynczModule, TaskHandler } from 'nestjs-asyncz';
import { redisStore } from 'nestjs-asyncz/redis';

/** The application's own connection, which others use as well. */
@Injectable()
export class RedisConnection extends Redis implements OnApplicationShutdown {
  constructor() {
    super(process.env.REDIS_URL ?? 'redis://127.0.0.1:6379');
  }

  async onApplicationShutdown(): Promise<void> {
    await this.quit();
  }
}

@Module({ providers: [RedisConnection], exports: [RedisConnection] })
export class RedisModule {}

@Injectable()
export class Mailer {
  @TaskHandler('mail.send')
  send(to: string, subject: string): string {
    return `sent "${subject}" to ${to}`;
  }
}

const prefix = process.env.PREFIX ?? 'asyncz-sample';

@Module({
  imports: [
    RedisModule,
    AsynczModule.forRoot({
      // The module that provides the connection is not global, so it is named here.
      imports: [RedisModule],
      stores: {
        default: redisStore({
          useExisting: RedisConnection,
          tasksKey: `${prefix}.tasks`,
          runTimesKey: `${prefix}.run_times`,
        }),
      },
    }),
  ],
  providers: [Mailer],
})
export class AppModule {}
