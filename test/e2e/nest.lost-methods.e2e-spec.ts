import { Inject, Injectable, Module } from '@nestjs/common';
import type { OnModuleDestroy } from '@nestjs/common';
import { LazyModuleLoader } from '@nestjs/core';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { DeclarationError, OnTaskEvent, ScheduledTask, SchedulerService, TaskHandler } from 'nestjs-asyncz';
import { boot, EVERY_HOUR, idsOf, warnings } from './nest.application.js';

const said = (name: string) => warnings.mock.calls.map(([message]) => message).filter((one) => one.includes(name));

/** Puts a function of its own in the place of the method, and takes no metadata along. */
const Wrap: MethodDecorator = (_target, _key, descriptor: PropertyDescriptor) => {
  const inner = descriptor.value as (...args: unknown[]) => unknown;
  descriptor.value = function (this: unknown, ...args: unknown[]) {
    return ['wrapped', inner.apply(this, args)];
  };
};

/** Puts an accessor in the place of the method, which binds it. */
const Bind = (_target: object, _key: string, descriptor: PropertyDescriptor): PropertyDescriptor => ({
  configurable: true,
  get() {
    return (descriptor.value as () => void).bind(this);
  },
});

@Injectable()
class Sender {
  @TaskHandler('send')
  send() {}
}

beforeEach(() => void warnings.mockClear());

describe('a scheduled method', () => {
  it('runs through another decorator that replaced its function', async () => {
    const NIGHTLY = Symbol('nightly');
    @Injectable()
    class Reports {
      readonly name = 'reports';
      @Wrap
      @ScheduledTask({ trigger: 'date' })
      wrapped() {
        return this.name;
      }
      @Bind
      @TaskHandler('bound')
      bound() {
        return this.name;
      }
      @ScheduledTask({ ...EVERY_HOUR, id: 'by-symbol' })
      [NIGHTLY]() {
        return this.name;
      }
    }
    const { scheduler } = await boot([Reports]);
    const run = await scheduler.runTask('by-symbol', { wait: true });
    expect(run).toMatchObject({ status: 'succeeded', result: 'reports', handler: 'Reports.Symbol(nightly)' });
    await vi.waitFor(async () => {
      const { runs } = await scheduler.getRuns({ taskId: 'Reports.wrapped' });
      expect(runs[0]).toMatchObject({ status: 'succeeded', result: ['wrapped', 'reports'] });
    });
    const { id } = await scheduler.addTask({ handler: 'bound', trigger: { type: 'interval', hours: 1 } });
    expect(await scheduler.runTask(id, { wait: true })).toMatchObject({ result: 'reports' });
  });

  it('of a class that no module provides is named at the start', async () => {
    class NobodyHasMe {
      @ScheduledTask(EVERY_HOUR)
      work() {}
      @TaskHandler()
      other() {}
    }
    abstract class Base {
      @ScheduledTask(EVERY_HOUR)
      inherited() {}
    }
    @Injectable()
    class Derived extends Base {}
    await boot([Derived]);
    expect(NobodyHasMe).toBeDefined();
    expect(said('NobodyHasMe.work, NobodyHasMe.other')).toHaveLength(1);
    expect(said('NobodyHasMe')[0]).toContain('Not scheduled');
    expect(said('Base.inherited')).toEqual([]);
    expect(said('Derived.inherited')).toEqual([]);
  });

  it('that is overridden without the decorator is named at the start', async () => {
    class Base {
      @ScheduledTask(EVERY_HOUR)
      sweep() {}
      @ScheduledTask(EVERY_HOUR)
      again() {}
    }
    @Injectable()
    class Derived extends Base {
      override sweep() {}
      @ScheduledTask(EVERY_HOUR)
      override again() {}
    }
    const { scheduler } = await boot([Derived]);
    expect(await idsOf(scheduler)).toEqual(['Derived.again']);
    expect(said('Derived.sweep is not scheduled: it overrides')).toHaveLength(1);
    expect(said('Derived.again')).toEqual([]);
  });

  it('of a lazily loaded module is named: at the start, or when its class is loaded later', async () => {
    @Injectable()
    class KnownEarly {
      @ScheduledTask(EVERY_HOUR)
      work() {}
    }
    @Module({ providers: [KnownEarly] })
    class Lazy {}
    const { app, scheduler } = await boot([]);
    expect(said('KnownEarly.work')[0]).toContain('lazily loaded modules are not searched');
    await app.get(LazyModuleLoader).load(() => Lazy);
    expect(await idsOf(scheduler)).toEqual([]);
    // As the module of a dynamic import does.
    class LoadedLate {
      @TaskHandler('late')
      work() {}
    }
    expect(LoadedLate).toBeDefined();
    expect(
      said('LoadedLate.work is not scheduled: its class was loaded when the application had started'),
    ).toHaveLength(1);
  });

  it('that cannot be one is refused where it is decorated, with the class, the method and what to do', () => {
    const cases: [string, () => unknown, RegExp][] = [
      [
        'a static method',
        () => {
          class Billing {
            @ScheduledTask(EVERY_HOUR)
            static charge() {}
            other() {}
          }
          return Billing;
        },
        /^@ScheduledTask on Billing\.charge: a static method belongs to no provider/,
      ],
      [
        'a property with an arrow function',
        () => {
          class Billing {
            // @ts-expect-error -- where the compiler looks, it refuses this too
            @ScheduledTask(EVERY_HOUR)
            charge = () => {};
          }
          return Billing;
        },
        /^@ScheduledTask on Billing\.charge: it is a property/,
      ],
      [
        'an accessor',
        () => {
          class Billing {
            @TaskHandler('charge')
            get charge() {
              return () => {};
            }
          }
          return Billing;
        },
        /^@TaskHandler on Billing\.charge: it is an accessor/,
      ],
      [
        'a generator',
        () => {
          class Billing {
            @TaskHandler('charge')
            *charge() {
              yield 1;
            }
          }
          return Billing;
        },
        /^@TaskHandler on Billing\.charge: it is a generator/,
      ],
      [
        'an async generator',
        () => {
          class Billing {
            @OnTaskEvent('run.failed')
            async *charge() {
              yield 1;
            }
          }
          return Billing;
        },
        /^@OnTaskEvent on Billing\.charge: it is a generator/,
      ],
      [
        'a standard decorator',
        () =>
          (ScheduledTask(EVERY_HOUR) as unknown as (method: unknown, context: unknown) => void)(() => {}, {
            kind: 'method',
            name: 'charge',
          }),
        /^@ScheduledTask on the method charge: .*TC39.*"experimentalDecorators": true/,
      ],
    ];
    for (const [what, decorate, message] of cases) {
      expect(decorate, what).toThrow(message);
      expect(decorate, what).toThrow(DeclarationError);
    }
  });

  it('that gives what nobody can look into succeeds all the same', async () => {
    @Injectable()
    class Odd {
      @ScheduledTask({ ...EVERY_HOUR, id: 'odd' })
      work() {
        const { proxy, revoke } = Proxy.revocable({}, {});
        revoke();
        return proxy;
      }
    }
    const { scheduler } = await boot([Odd]);
    expect(await scheduler.runTask('odd', { wait: true })).toMatchObject({ status: 'succeeded' });
  });
});

describe('a handler without a decorator', () => {
  it('is refused when it is no function', async () => {
    const { scheduler } = await boot([]);
    for (const handler of [undefined, 'text']) {
      expect(() => scheduler.registerHandler('work', handler as never)).toThrow(/handler "work"/);
    }
    await expect(scheduler.addTask({ handler: 'work' })).rejects.toMatchObject({ code: 'ASYNCZ_UNKNOWN_HANDLER' });
  });
});

describe('a task that is added when the application has closed', () => {
  it('is refused, since nobody would ever run it', async () => {
    const { app, scheduler } = await boot([Sender]);
    const added = scheduler.addTask({ handler: 'send', trigger: { type: 'interval', hours: 1 } });
    await expect(added).resolves.toMatchObject({ state: 'scheduled' });
    await app.close();
    await expect(scheduler.addTask({ handler: 'send' })).rejects.toMatchObject({ code: 'ASYNCZ_NOT_RUNNING' });
  });

  it('is refused from the hooks of other modules, which close after the scheduler', async () => {
    const outcomes: unknown[] = [];
    @Injectable()
    class Late implements OnModuleDestroy {
      constructor(@Inject(SchedulerService) private readonly scheduler: SchedulerService) {}
      async onModuleDestroy() {
        const added = this.scheduler.addTask({ handler: 'send' });
        outcomes.push(
          await added.then(
            () => 'added',
            (error: unknown) => (error as { code: string }).code,
          ),
        );
      }
    }
    const { app } = await boot([Sender, Late]);
    await app.close();
    expect(outcomes).toEqual(['ASYNCZ_NOT_RUNNING']);
  });
});
