import { Injectable } from '@nestjs/common';
import type { OnModuleInit } from '@nestjs/common';
import { describe, expect, it, vi } from 'vitest';
import { SchedulerService, TaskContext, TaskHandler } from 'nestjs-asyncz';
import { boot } from './nest.application.js';

describe('handlers', () => {
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
    ];
    expect(wrong).toBeTypeOf('function');
  });
});
