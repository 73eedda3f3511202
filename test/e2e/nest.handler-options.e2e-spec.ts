import { Injectable } from '@nestjs/common';
import { type } from 'arktype';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { DeclarationError, MemoryStore, ScheduledTask, TaskContext, TaskHandler } from 'nestjs-asyncz';
import { nextEvent } from '../support/events.js';
import { boot } from './nest.application.js';

const HOUR = { type: 'interval', hours: 1 } as const;
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

describe('the schema of a decorated method', () => {
  it('checks what the code declares and what is added, and the method gets what it makes of that', async () => {
    const seen: unknown[] = [];
    @Injectable()
    class Reports {
      @TaskHandler('reports.generate', { schema: z.object({ customer: z.string().trim() }) })
      generate(data: object, context: TaskContext) {
        seen.push(data, context.task.id);
      }

      // A schema of arktype is a function, and no option that is made of injected providers.
      @ScheduledTask({ ...HOURLY, id: 'nightly', schema: type({ pages: 'number = 3' }), data: {} })
      nightly(data: object) {
        seen.push(data);
      }
    }
    const { scheduler } = await boot([Reports]);
    await scheduler.addTask({ id: 'a', handler: 'reports.generate', data: { customer: ' ann ' }, trigger: HOUR });
    await scheduler.runTask('a', { wait: true });
    await scheduler.runTask('nightly', { wait: true });
    expect(seen).toEqual([{ customer: 'ann' }, 'a', { pages: 3 }]);
    await expect(scheduler.addTask({ handler: 'reports.generate', data: { customer: 7 } })).rejects.toThrow(
      /handler "reports\.generate": data\.customer: /,
    );
  });

  it('stops the bootstrap where it refuses what the code declares, and nothing is stored', async () => {
    const store = new MemoryStore();
    @Injectable()
    class Reports {
      @ScheduledTask({ ...HOURLY, id: 'fine' })
      fine() {}

      @ScheduledTask({ ...HOURLY, id: 'nightly', schema: z.object({ pages: z.number() }), data: { pages: 'many' } })
      nightly() {}
    }
    await expect(boot([Reports], { stores: { default: store } })).rejects.toThrow(
      /@ScheduledTask on Reports\.nightly \(id "nightly"\).*data\.pages: .*\(invalid_type\)/,
    );
    expect(await store.lookupTask('fine')).toBeNull();
  });
});
