import { Injectable, SetMetadata, UseFilters, UseGuards, UseInterceptors, UsePipes } from '@nestjs/common';
import type { CallHandler, CanActivate, ExecutionContext, NestInterceptor, PipeTransform } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { EMPTY, map, of, retry, tap, timeout } from 'rxjs';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { GuardRejectedError, SchedulerService, ScheduledTask, TaskContext, TaskHandler } from 'nestjs-asyncz';
import { boot, EVERY_HOUR, runOnce, warnings } from './nest.application.js';

const seen: unknown[] = [];
beforeEach(() => {
  seen.length = 0;
  warnings.mockClear();
});

/** An enhancer of each kind that says when it was asked. */
function noting(name: string) {
  @Injectable()
  class Guard implements CanActivate {
    canActivate() {
      seen.push(`${name} guard`);
      return true;
    }
  }
  @Injectable()
  class Interceptor implements NestInterceptor {
    intercept(_context: ExecutionContext, next: CallHandler) {
      seen.push(`${name} before`);
      return next.handle().pipe(tap(() => seen.push(`${name} after`)));
    }
  }
  @Injectable()
  class Pipe implements PipeTransform {
    transform(value: unknown) {
      seen.push(`${name} pipe of ${String(value)}`);
      return value;
    }
  }
  return { Guard, Interceptor, Pipe };
}

describe('guards, interceptors and pipes of a handler', () => {
  const ofClass = noting('class');
  const ofMethod = noting('method');

  @UseGuards(ofClass.Guard)
  @UseInterceptors(ofClass.Interceptor)
  @UsePipes(ofClass.Pipe)
  @Injectable()
  class Billing {
    @UseGuards(ofMethod.Guard)
    @UseInterceptors(ofMethod.Interceptor)
    @UsePipes(ofMethod.Pipe)
    @TaskHandler('charge')
    async charge(account: string, context: TaskContext) {
      seen.push(`charge ${account} in ${context.task.handler}`, TaskContext.current() === context);
      return 'charged';
    }

    @ScheduledTask({ ...EVERY_HOUR, id: 'nightly' })
    nightly() {
      seen.push('nightly');
    }
  }

  it('are applied in the order of NestJS, those of the class first, and the context is left alone by pipes', async () => {
    const { scheduler } = await boot([Billing]);
    expect(await runOnce(scheduler, 'charge', ['ann'])).toMatchObject({
      run: { status: 'succeeded', result: 'charged' },
    });
    expect(seen).toEqual([
      'class guard',
      'method guard',
      'class before',
      'method before',
      'class pipe of ann',
      'method pipe of ann',
      'charge ann in charge',
      true,
      'method after',
      'class after',
    ]);
    expect(warnings).not.toHaveBeenCalled();
  });

  it('are applied to a scheduled method', async () => {
    const { scheduler } = await boot([Billing]);
    expect(await scheduler.runTask('nightly', { wait: true })).toMatchObject({ status: 'succeeded' });
    expect(seen).toEqual(['class guard', 'class before', 'nightly', 'class after']);
  });

  it('find the class, the method and what was set on it', async () => {
    class Roles implements CanActivate {
      constructor(private readonly reflector: Reflector) {}
      canActivate(context: ExecutionContext) {
        const handler = context.getHandler();
        seen.push(context.getClass().name, handler.name, this.reflector.get<string>('role', handler));
        seen.push(context.getType<string>(), context.getArgByIndex<TaskContext>(1).attempt);
        return true;
      }
    }
    @Injectable()
    class Jobs {
      @SetMetadata('role', 'operator')
      @UseGuards(new Roles(new Reflector()))
      @TaskHandler('job')
      job() {}
    }
    const { scheduler } = await boot([Jobs]);
    await runOnce(scheduler, 'job');
    expect(seen).toEqual(['Jobs', 'job', 'operator', 'asyncz', 1]);
  });

  it('leave a method without any to a direct call', async () => {
    const register = vi.spyOn(SchedulerService.prototype, 'registerHandler');
    @Injectable()
    class Jobs {
      @TaskHandler('plain')
      plain() {
        return 'at once';
      }
      @UseGuards(ofMethod.Guard)
      @TaskHandler('guarded')
      guarded() {}
    }
    await boot([Jobs]);
    const handlers = new Map(register.mock.calls.map(([name, handler]) => [name, handler]));
    register.mockRestore();
    const context = { signal: new AbortController().signal } as TaskContext;
    expect(handlers.get('plain')!([], context)).toBe('at once');
    expect(handlers.get('guarded')!([], context)).toBeInstanceOf(Promise);
  });
});

describe('a guard', () => {
  it('that says no fails the run, and the handler is not called', async () => {
    class No implements CanActivate {
      canActivate = () => of(false);
    }
    @Injectable()
    class Jobs {
      @UseGuards(new No())
      @TaskHandler('job')
      job() {
        seen.push('called');
      }
    }
    const { scheduler } = await boot([Jobs]);
    const { run, errors } = await runOnce(scheduler, 'job');
    expect(run).toMatchObject({ status: 'failed', error: { code: 'ASYNCZ_GUARD_REJECTED' } });
    expect(errors[0]).toBeInstanceOf(GuardRejectedError);
    expect(errors[0]).toMatchObject({ guard: 'No', method: 'Jobs.job', runId: run.id });
    expect(seen).toEqual([]);
  });

  it('that never answers is ended by the time limit, and the handler is not called when it answers at last', async () => {
    let answer!: (isFree: boolean) => void;
    const answered = new Promise<boolean>((resolve) => {
      answer = resolve;
    });
    class Slow implements CanActivate {
      canActivate = () => answered;
    }
    @Injectable()
    class Jobs {
      @UseGuards(new Slow())
      @TaskHandler('job')
      job() {
        seen.push('called');
      }
    }
    const { scheduler } = await boot([Jobs], { abortGrace: 10 });
    expect(await runOnce(scheduler, 'job', [], { timeout: 50 })).toMatchObject({
      run: { status: 'failed', error: { code: 'ASYNCZ_RUN_TIMEOUT' } },
    });
    answer(true);
    await vi.waitFor(async () => expect(await scheduler.getSchedulerInfo()).toMatchObject({ abandoned: [] }));
    expect(seen).toEqual([]);
  });
});

describe('an interceptor', () => {
  it('changes the result, calls the handler again, or ends the run without a call', async () => {
    class Double implements NestInterceptor {
      intercept = (_context: ExecutionContext, next: CallHandler<number>) => next.handle().pipe(map((one) => one * 2));
    }
    class Again implements NestInterceptor {
      intercept = (_context: ExecutionContext, next: CallHandler) => next.handle().pipe(retry(2));
    }
    class Never implements NestInterceptor {
      intercept = () => EMPTY;
    }
    @Injectable()
    class Jobs {
      @UseInterceptors(new Double())
      @TaskHandler('double')
      double(one: number) {
        return of(one);
      }
      @UseInterceptors(new Again())
      @TaskHandler('again')
      again(one: number) {
        seen.push(one);
        if (seen.length < 3) throw new Error('not yet');
        return 'at last';
      }
      @UseInterceptors(new Never())
      @TaskHandler('never')
      never() {
        seen.push('called');
      }
    }
    const { scheduler } = await boot([Jobs]);
    expect(await runOnce(scheduler, 'double', [21])).toMatchObject({ run: { result: 42 } });
    expect(await runOnce(scheduler, 'again', [7])).toMatchObject({ run: { result: 'at last', attempt: 1 } });
    expect(await runOnce(scheduler, 'never')).toMatchObject({ run: { status: 'succeeded', result: undefined } });
    expect(seen).toEqual([7, 7, 7]);
  });
});

describe('an interceptor that gives the handler up', () => {
  it('does not end the run before the handler has ended: no other run begins beside it', async () => {
    let release!: () => void;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    @Injectable()
    class Jobs {
      @UseInterceptors({ intercept: (_context, next) => next.handle().pipe(timeout(20), tap({ error: release })) })
      @UseFilters({ catch: (error: Error) => void seen.push(error.name) })
      @TaskHandler('job')
      async job() {
        seen.push('begun');
        await released;
        seen.push('ended');
        throw new Error('which nobody waits for any more');
      }
    }
    const { scheduler } = await boot([Jobs]);
    expect(await runOnce(scheduler, 'job')).toMatchObject({
      run: { status: 'failed', error: { name: 'TimeoutError' } },
    });
    expect(seen).toEqual(['begun', 'ended', 'TimeoutError']);
  });
});

describe('enhancers that leave rubbish as the arguments', () => {
  const leave = new Map<string, (host: ExecutionContext) => void>([
    ['4,000,000,000 of them', (host) => (host.getArgByIndex<unknown[]>(0).length = 4_000_000_000)],
    ['none', (host) => (host.getArgs<unknown[]>()[0] = null)],
    ['a text', (host) => (host.getArgs<unknown[]>()[0] = 'text')],
    ['something like a list', (host) => (host.getArgs<unknown[]>()[0] = { length: 4_000_000_000 })],
  ]);

  it.each([...leave.keys()])('fail the run, and nothing else: %s', async (name) => {
    @Injectable()
    class Jobs {
      @UseGuards({
        canActivate: (host: ExecutionContext) => {
          const left = host.getArgByIndex<unknown[]>(0)[0] as string;
          leave.get(left)!(host);
          return true;
        },
      })
      @TaskHandler('left')
      left(text: string) {
        seen.push(text);
      }
    }
    const { scheduler } = await boot([Jobs]);
    expect((await runOnce(scheduler, 'left', [name])).run).toMatchObject({
      status: 'failed',
      error: { code: 'ASYNCZ_INVALID_OPTION', message: expect.stringContaining('at most 100000 arguments') },
    });
    expect(seen).toEqual([]);
  });
});
