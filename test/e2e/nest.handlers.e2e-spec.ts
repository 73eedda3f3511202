import { Injectable } from '@nestjs/common';
import type { OnModuleInit } from '@nestjs/common';
import { EMPTY, of, tap, throwError } from 'rxjs';
import { describe, expect, it, vi } from 'vitest';
import { SchedulerService, TaskContext, TaskHandler } from 'nestjs-asyncz';
import { boot, runOnce } from './nest.application.js';

describe('handlers', () => {
  it('that give an Observable end with its last value, or with its error', async () => {
    const done = vi.fn<() => void>();
    @Injectable()
    class Streams {
      @TaskHandler('values')
      values() {
        return of(1, 2, 3).pipe(tap(done));
      }

      @TaskHandler('nothing')
      nothing() {
        return EMPTY;
      }

      @TaskHandler('error')
      error() {
        return throwError(() => new Error('of the stream'));
      }
    }
    const { scheduler } = await boot([Streams]);
    expect((await runOnce(scheduler, 'values')).run).toMatchObject({ status: 'succeeded', result: 3 });
    expect(done).toHaveBeenCalledTimes(3);
    expect((await runOnce(scheduler, 'nothing')).run).toMatchObject({ status: 'succeeded', result: undefined });
    expect((await runOnce(scheduler, 'error')).run).toMatchObject({
      status: 'failed',
      error: { message: 'of the stream' },
    });
  });

  it('run tasks that are added at run time, from onModuleInit on', async () => {
    const seen: unknown[] = [];
    @Injectable()
    class Mail {
      @TaskHandler('mail.send')
      send(to: string, context: TaskContext) {
        seen.push(to, context.task.id);
      }
    }
    @Injectable()
    class Early implements OnModuleInit {
      constructor(private readonly scheduler: SchedulerService) {}
      async onModuleInit() {
        await this.scheduler.addTask({ id: 'early', handler: 'mail.send', args: ['ann'] });
      }
    }
    await boot([Mail, Early]);
    await vi.waitFor(() => expect(seen).toEqual(['ann', 'early']));
  });

  it('get the context at its place when the task has too few arguments', async () => {
    const seen: Record<string, unknown[]> = {};
    const shown = (args: unknown[]) => args.map((one) => (one instanceof TaskContext ? 'context' : one));
    @Injectable()
    class Mail {
      @TaskHandler('last')
      last(to: string, copies: number, context: TaskContext) {
        seen.last = shown([to, copies, context]);
      }
      @TaskHandler('default')
      default(to: string, copies = 1, context?: TaskContext) {
        seen.default = shown([to, copies, context]);
      }
      @TaskHandler('none')
      none(to: string, subject?: string) {
        seen.none = shown([to, subject]);
      }
      @TaskHandler('rest')
      rest(...all: unknown[]) {
        seen.rest = shown(all);
      }
    }
    const { scheduler } = await boot([Mail]);
    for (const handler of ['last', 'default', 'none', 'rest']) {
      for (const args of [[], ['ann'], ['ann', 2], ['ann', 2, 'more']]) {
        const { id } = await scheduler.addTask({ handler, args, trigger: { type: 'interval', hours: 1 } });
        expect(await scheduler.runTask(id, { wait: true })).toMatchObject({ status: 'succeeded' });
        const context = args.length > 2 ? 'more' : 'context';
        const [to, second] = args;
        if (handler === 'last') expect(seen.last).toEqual([to, second, context]);
        if (handler === 'default') expect(seen.default).toEqual([to, second ?? 1, context]);
        if (handler === 'none') expect(seen.none).toEqual([to, second]);
        if (handler === 'rest') expect(seen.rest).toEqual([...args, 'context']);
      }
    }
  });

  it('stop the bootstrap when two have one name', async () => {
    @Injectable()
    class Twins {
      @TaskHandler('same')
      one() {}
      @TaskHandler('same')
      two() {}
    }
    await expect(boot([Twins])).rejects.toThrow(/"same"/);
  });
});

describe('typed handlers', () => {
  interface Mail {
    send(to: string, copies: number, context: TaskContext): Promise<void>;
    ping(): void;
  }
  interface Handlers {
    'mail.send': Mail['send'];
    'mail.ping': Mail['ping'];
  }

  it('are checked by the compiler, and at run time where it does not look', async () => {
    @Injectable()
    class MailService implements Mail {
      @TaskHandler('mail.send')
      async send(_to: string, _copies: number, _context: TaskContext) {}
      @TaskHandler('mail.ping')
      ping() {}
    }
    const { app } = await boot([MailService]);
    const scheduler = app.get<SchedulerService<Handlers>>(SchedulerService, { strict: false });
    await scheduler.addTask({ handler: 'mail.send', args: ['ann', 2] });
    await scheduler.addTask({ handler: 'mail.ping' });
    // @ts-expect-error -- there is no such handler
    await expect(scheduler.addTask({ handler: 'mail.sned', args: ['ann', 2] })).rejects.toThrow(
      /"mail\.sned".*"mail\.send"/s,
    );
    const wrong = () => [
      // @ts-expect-error -- an argument of the wrong type
      scheduler.addTask({ handler: 'mail.send', args: ['ann', 'two'] }),
      // @ts-expect-error -- an argument is missing
      scheduler.addTask({ handler: 'mail.send', args: ['ann'] }),
      // @ts-expect-error -- arguments are needed
      scheduler.addTask({ handler: 'mail.send' }),
      // @ts-expect-error -- it takes none
      scheduler.addTask({ handler: 'mail.ping', args: [1] }),
      // @ts-expect-error -- the arguments of another one of the list
      scheduler.addTasks([{ handler: 'mail.ping' }, { handler: 'mail.ping', args: ['ann', 2] }]),
    ];
    expect(
      await scheduler.addTasks([{ handler: 'mail.ping' }, { handler: 'mail.send', args: ['ann', 2] }]),
    ).toMatchObject({ existing: [] });
    expect(wrong).toBeTypeOf('function');
  });
});
