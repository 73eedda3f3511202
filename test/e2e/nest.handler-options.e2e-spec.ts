import { Injectable } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import { DeclarationError, ScheduledTask, TaskHandler } from 'nestjs-asyncz';
import { nextEvent } from '../support/events.js';
import { boot } from './nest.application.js';

const HOURLY = { trigger: 'interval', hours: 1 } as const;

describe('the options of a handler in decorators', () => {
  it('belong to the method, whichever decorator has them and whichever task runs', async () => {
    @Injectable()
    class Mail {
      @TaskHandler('mail.send', { abortOn: [TypeError] })
      @ScheduledTask({ ...HOURLY, id: 'nightly', retry: 3, backoff: () => 1 })
      @ScheduledTask({ ...HOURLY, id: 'daily', retry: 3 })
      send() {
        throw new RangeError('busy');
      }

      @ScheduledTask({ ...HOURLY, id: 'choosy', retry: 3, retryOn: [TypeError] })
      choosy() {
        throw new RangeError('busy');
      }
    }
    const { scheduler } = await boot([Mail]);
    for (const id of ['nightly', 'daily']) {
      expect(await scheduler.runTask(id, { wait: true })).toMatchObject({ attempt: 3, dead: true });
    }
    expect(await scheduler.runTask('choosy', { wait: true })).toMatchObject({ attempt: 1, dead: true });
    const failed = nextEvent(scheduler, 'run.failed');
    await scheduler.addTask({ handler: 'mail.send', retry: 2 });
    expect(await failed).toMatchObject({ willRetry: true });
  });

  it('are refused where they are no options, at the decorator', () => {
    expect(() => TaskHandler('x', { backoff: 5 as never })(Object.prototype, 'toString', { value: () => {} })).toThrow(
      DeclarationError,
    );
    const wrong = { ...HOURLY, retryOn: 'TypeError' as never };
    expect(() => ScheduledTask(wrong)(Object.prototype, 'toString', { value: () => {} })).toThrow(/Invalid retryOn/);
  });

  it('stop the bootstrap where two decorators of a method say different things', async () => {
    @Injectable()
    class Mail {
      @TaskHandler('mail.send', { backoff: () => 1 })
      @ScheduledTask({ ...HOURLY, id: 'nightly', backoff: () => 2 })
      send() {}
    }
    await expect(boot([Mail])).rejects.toThrow(/Mail\.send \(id "nightly"\): two decorators give it another "backoff"/);
  });
});
