import { Injectable, Module, Scope } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { EventEmitter2, EventEmitterModule, OnEvent } from '@nestjs/event-emitter';
import { describe, expect, expectTypeOf, it, onTestFinished, vi } from 'vitest';
import {
  AsynczModule,
  DeclarationError,
  getSchedulerToken,
  InvalidOptionError,
  MissingDependencyError,
  OnTaskEvent,
  SchedulerService,
  TaskHandler,
} from 'nestjs-asyncz';
import type { SchedulerEvent } from 'nestjs-asyncz';
import { nextEvent } from '../support/events.js';
import { boot, EVERY_HOUR, warnings } from './nest.application.js';

@Injectable()
class Reports {
  @TaskHandler('reports.make')
  make(): string {
    return 'made';
  }

  @TaskHandler('reports.fail')
  fail(): never {
    throw new Error('no paper');
  }
}

const TRIGGER = { type: EVERY_HOUR.trigger, hours: EVERY_HOUR.hours } as const;

async function runAll(scheduler: SchedulerService): Promise<void> {
  const tasks = [
    { id: 'reports.daily', handler: 'reports.fail', tags: ['eu'] },
    { id: 'reports.weekly', handler: 'reports.make', tags: ['us'] },
    { id: 'other', handler: 'reports.fail', tags: ['us'] },
  ];
  for (const task of tasks) {
    await scheduler.addTask({ ...task, trigger: TRIGGER });
    await scheduler.runTask(task.id, { wait: true });
  }
}

describe('@OnTaskEvent', () => {
  it('calls a method of the provider for the events that fit, and no others', async () => {
    const heard: string[] = [];
    @Injectable()
    class Alarms {
      readonly name = 'alarms';
      @OnTaskEvent('run.failed', { task: 'reports.*' })
      alert({ taskId, run }: SchedulerEvent<'run.failed'>) {
        heard.push(`${this.name} ${taskId}: ${run.error?.message}`);
      }
      @OnTaskEvent(['run.succeeded', 'run.failed'], { tag: 'us', scheduler: 'default' })
      @OnTaskEvent('scheduler.started')
      async note(event: SchedulerEvent<'run.succeeded' | 'run.failed' | 'scheduler.started'>) {
        await Promise.resolve();
        heard.push(`${event.name} ${'taskId' in event ? event.taskId : ''}`);
      }
      @OnTaskEvent('run.failed', { scheduler: 'billing' })
      never() {
        heard.push('never');
      }
    }
    const { scheduler } = await boot([Reports, Alarms]);
    await runAll(scheduler);
    await scheduler.shutdown();
    expect(heard).toEqual([
      'scheduler.started ',
      'alarms reports.daily: no paper',
      'run.succeeded reports.weekly',
      'run.failed other',
    ]);
  });

  it('calls what a subclass has put in its place, and what a test has', async () => {
    const heard: string[] = [];
    class Base {
      @OnTaskEvent('scheduler.paused')
      paused() {
        heard.push('base');
      }
    }
    @Injectable()
    class Derived extends Base {
      @OnTaskEvent('scheduler.paused')
      override paused() {
        heard.push('derived');
      }
    }
    const { app, scheduler } = await boot([Derived]);
    scheduler.pause();
    vi.spyOn(app.get(Derived), 'paused').mockImplementation(() => heard.push('spy'));
    scheduler.resume();
    scheduler.pause();
    expect(heard).toEqual(['derived', 'spy']);
  });

  it('hears of the schedulers that it names, or of all', async () => {
    const heard: string[] = [];
    @Injectable()
    class Listener {
      @OnTaskEvent('scheduler.paused', { scheduler: 'billing' })
      one({ scheduler }: SchedulerEvent<'scheduler.paused'>) {
        heard.push(`billing: ${scheduler}`);
      }
      @OnTaskEvent('scheduler.paused')
      all({ scheduler }: SchedulerEvent<'scheduler.paused'>) {
        heard.push(scheduler);
      }
    }
    @Module({
      imports: [AsynczModule.forRoot({ identity: 'a' }), AsynczModule.forRoot({ name: 'billing', identity: 'b' })],
      providers: [Listener],
    })
    class AppModule {}
    const app = await Test.createTestingModule({ imports: [AppModule] }).compile();
    app.useLogger(false);
    await app.init();
    onTestFinished(() => app.close());
    app.get<SchedulerService>(getSchedulerToken()).pause();
    app.get<SchedulerService>(getSchedulerToken('billing')).pause();
    expect(heard.toSorted()).toEqual(['a', 'b', 'billing: b']);
  });

  it('says which listener has failed, and calls the others', async () => {
    const errors: string[] = [];
    @Injectable()
    class Failing {
      @OnTaskEvent('run.succeeded')
      first() {
        throw new Error('first');
      }
      @OnTaskEvent('run.succeeded')
      async second() {
        await Promise.resolve();
        throw new Error('second');
      }
    }
    const { app, scheduler } = await boot([Reports, Failing]);
    app.useLogger({ log() {}, warn() {}, error: (line: string) => errors.push(line) });
    await scheduler.addTask({ id: 'r', handler: 'reports.make', trigger: TRIGGER });
    await scheduler.runTask('r', { wait: true });
    await scheduler.shutdown();
    expect(errors).toEqual([
      'The listener "Failing.first" of "run.succeeded" failed: first',
      'The listener "Failing.second" of "run.succeeded" failed: second',
    ]);
  });

  it('warns of a provider that is made anew for each request', async () => {
    warnings.mockClear();
    @Injectable({ scope: Scope.REQUEST })
    class PerRequest {
      @OnTaskEvent('run.failed')
      alert() {}
    }
    await boot([PerRequest]);
    expect(warnings.mock.calls.map(([line]) => line)).toEqual([
      expect.stringMatching(/^PerRequest\.alert does not listen: PerRequest .* request-scoped or transient/),
    ]);
  });

  it('is refused where it stands if its event or its filter is wrong', () => {
    const wrong = (decorator: unknown) => () => {
      class Wrong {
        @(decorator as MethodDecorator)
        method() {}
      }
      return Wrong;
    };
    expect(wrong(OnTaskEvent('run.failde' as never))).toThrow(DeclarationError);
    expect(wrong(OnTaskEvent('run.failde' as never))).toThrow(
      /@OnTaskEvent on Wrong\.method: .*run\.failde.*run\.failed/,
    );
    expect(wrong(OnTaskEvent('task.added', { tag: 'x' } as never))).toThrow(/@OnTaskEvent on Wrong\.method: .*tag/);
    expect(wrong(OnTaskEvent('task.added', { tasks: 'x' } as never))).toThrow(/tasks/);
    expect(wrong(OnTaskEvent(null as never))).toThrow(/@OnTaskEvent on Wrong\.method: Invalid event: null/);
    expect(wrong(OnTaskEvent('task.added', null as never))).toThrow(
      /@OnTaskEvent on Wrong\.method: Invalid options: null/,
    );
    for (const scheduler of [5, '', null]) {
      expect(wrong(OnTaskEvent('task.added', { scheduler } as never))).toThrow(/Invalid scheduler/);
    }
  });

  it('takes methods that take its events, by their types', () => {
    const failed = OnTaskEvent('run.failed', { task: 'reports.*', status: 'failed' });
    type Taken = Parameters<typeof failed<(event: SchedulerEvent<'run.failed'>) => Promise<void>>>[2];
    expectTypeOf<TypedPropertyDescriptor<(event: SchedulerEvent<'run.failed'>) => Promise<void>>>().toExtend<Taken>();
    class Typed {
      @OnTaskEvent('run.failed')
      fits(event: { readonly taskId: string }) {
        return event.taskId;
      }
      @OnTaskEvent()
      every({ name }: SchedulerEvent) {
        return name;
      }
      // @ts-expect-error Its parameter is another event.
      @OnTaskEvent('run.failed')
      other({ token }: SchedulerEvent<'run.started'>) {
        return token;
      }
    }
    expectTypeOf(Typed).toBeConstructibleWith();
    // @ts-expect-error There is no such event.
    expect(() => OnTaskEvent('run.failde')).not.toThrow();
    // @ts-expect-error A start has no task.
    expect(() => OnTaskEvent('scheduler.started', { task: 'a' })).not.toThrow();
  });
});

describe('the events in the emitter of the application', () => {
  it('come as asyncz.*, in their order, to @OnEvent and to whoever has the emitter', async () => {
    const heard: string[] = [];
    @Injectable()
    class Listener {
      @OnEvent('asyncz.run.failed')
      failed({ taskId }: SchedulerEvent<'run.failed'>) {
        heard.push(`failed ${taskId}`);
      }
      @OnEvent('asyncz.scheduler.*')
      ofScheduler({ name }: SchedulerEvent) {
        heard.push(name);
      }
    }
    const modules = [EventEmitterModule.forRoot({ wildcard: true }) as never];
    const { app, scheduler } = await boot([Reports, Listener], { eventEmitter: true }, { modules });
    app.get(EventEmitter2).on('asyncz.run.started', ({ taskId }: SchedulerEvent<'run.started'>) => {
      heard.push(`started ${taskId}`);
    });
    await scheduler.addTask({ id: 'r', handler: 'reports.fail', trigger: TRIGGER });
    await scheduler.runTask('r', { wait: true });
    await app.close();
    expect(heard).toEqual(['scheduler.started', 'started r', 'failed r', 'scheduler.shutdown']);
  });

  it('stop nothing when a listener of the emitter throws or rejects', async () => {
    const modules = [EventEmitterModule.forRoot() as never];
    const { app, scheduler } = await boot([Reports], { eventEmitter: true }, { modules });
    const errors: string[] = [];
    app.useLogger({ log() {}, warn() {}, error: (line: string) => errors.push(line) });
    const emitter = app.get(EventEmitter2);
    const rejecting: () => unknown = () => Promise.reject(new Error('later'));
    emitter.on('asyncz.run.started', rejecting);
    emitter.on('asyncz.run.succeeded', () => {
      throw new Error('at once');
    });
    await scheduler.addTask({ id: 'r', handler: 'reports.make', trigger: TRIGGER });
    const succeeded = nextEvent(scheduler, 'run.succeeded');
    expect(await scheduler.runTask('r', { wait: true })).toMatchObject({ status: 'succeeded' });
    await succeeded;
    await vi.waitFor(() => expect(errors).toHaveLength(2));
    expect(errors).toEqual([
      'A listener of "asyncz.run.started" failed: later',
      'The listener "forward" of "run.succeeded" failed: at once',
    ]);
  });

  it('are not emitted unless the application asks for them', async () => {
    const modules = [EventEmitterModule.forRoot() as never];
    const { app, scheduler } = await boot([], {}, { modules });
    const heard = vi.fn<() => void>();
    app.get(EventEmitter2).onAny(heard);
    scheduler.pause();
    expect(heard).not.toHaveBeenCalled();
  });

  it('need an emitter: without one the application does not start, and the error says what to do', async () => {
    const start = () => boot([], { eventEmitter: true });
    await expect(start()).rejects.toThrow(MissingDependencyError);
    await expect(start()).rejects.toThrow(/EventEmitter2.*EventEmitterModule\.forRoot\(\)/);
    expect(() => AsynczModule.forRoot({ eventEmitter: 'yes' as never })).toThrow(InvalidOptionError);
  });
});
