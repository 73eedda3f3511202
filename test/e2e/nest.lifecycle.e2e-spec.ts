import { Inject, Injectable, Scope, UseGuards, UseInterceptors } from '@nestjs/common';
import type { CallHandler, CanActivate, ExecutionContext, NestInterceptor, OnModuleDestroy } from '@nestjs/common';
import { tap } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { DeclarationError, OnTaskEvent, ScheduledTask, TaskContext, TaskHandler } from 'nestjs-asyncz';
import { boot, EVERY_HOUR } from './nest.application.js';

const done: string[] = [];

@Injectable()
class Socket implements OnModuleDestroy {
  isOpen = true;
  onModuleDestroy() {
    this.isOpen = false;
  }
}

@Injectable()
class Around implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler) {
    done.push('before');
    return next.handle().pipe(tap((value) => done.push(`after ${String(value)}`)));
  }
}

@Injectable()
class Closed implements CanActivate {
  canActivate() {
    return false;
  }
}

@Injectable()
class Feeds {
  constructor(@Inject(Socket) private readonly socket: Socket) {}

  @ScheduledTask({ ...EVERY_HOUR, id: 'prices' })
  @UseInterceptors(Around)
  async *prices({ task }: TaskContext): AsyncGenerator<string, void, TaskContext> {
    done.push(`set up ${task.id}`);
    let ticks = 0;
    try {
      for (;;) {
        const { source } = yield `tick ${ticks}`;
        ticks += 1;
        done.push(`${source} tick`);
      }
    } finally {
      await Promise.resolve();
      done.push(`cleaned up, ${this.socket.isOpen ? 'open' : 'closed'}`);
    }
  }

  @ScheduledTask({ ...EVERY_HOUR, id: 'guarded' })
  @UseGuards(Closed)
  *guarded() {
    done.push('never');
    yield;
  }
}

describe('a lifecycle task', () => {
  it('lives in a provider, has the pipeline of NestJS round each tick, and cleans up while other providers are there', async () => {
    const { app, scheduler } = await boot([Socket, Feeds, Around]);
    for (const result of ['tick 1', 'tick 2']) {
      expect(await scheduler.runTask('prices', { wait: true })).toMatchObject({ status: 'succeeded', result });
    }
    expect(await scheduler.runTask('guarded', { wait: true })).toMatchObject({ status: 'failed' });
    await app.close();
    expect(done).toEqual([
      'before',
      'set up prices',
      'manual tick',
      'after tick 1',
      'before',
      'manual tick',
      'after tick 2',
      'cleaned up, open',
    ]);
  });

  it('is refused on a provider of which each run gets an object of its own', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class PerRun {
      @ScheduledTask({ ...EVERY_HOUR, id: 'feed' })
      *feed() {
        yield;
      }
    }
    await expect(boot([PerRun])).rejects.toThrow(DeclarationError);
    await expect(boot([PerRun])).rejects.toThrow(/@ScheduledTask on PerRun\.feed: it is a generator.*request-scoped/);
  });

  it.each([
    ['@TaskHandler', TaskHandler('feed')],
    ['@OnTaskEvent', OnTaskEvent('run.failed') as MethodDecorator],
  ])('is none with %s, which says so', (name, decorator) => {
    const declare = () => {
      class Feed {
        @decorator
        *feed() {
          yield;
        }
      }
      return Feed;
    };
    expect(declare).toThrow(`${name} on Feed.feed: it is a generator, which only @ScheduledTask runs.`);
  });
});
