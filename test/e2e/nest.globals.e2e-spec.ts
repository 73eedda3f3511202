import { Catch, Inject, Injectable, Module, Scope } from '@nestjs/common';
import type {
  CallHandler,
  CanActivate,
  ExceptionFilter,
  ExecutionContext,
  NestInterceptor,
  Type,
} from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_INTERCEPTOR, REQUEST } from '@nestjs/core';
import { beforeEach, describe, expect, it } from 'vitest';
import { AsynczExceptionFilter, AsynczModule, TaskContext, TaskHandler, TaskNotFoundError } from 'nestjs-asyncz';
import type { GlobalEnhancers } from 'nestjs-asyncz';
import { boot, runOnce, warnings } from './nest.application.js';

const seen: unknown[] = [];
beforeEach(() => {
  seen.length = 0;
  warnings.mockClear();
});

/** Knows nothing but HTTP. */
@Injectable()
class TokenGuard implements CanActivate {
  canActivate(context: ExecutionContext) {
    return context.switchToHttp().getRequest<{ headers: object }>().headers !== undefined;
  }
}
@Injectable()
class Timing implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler) {
    seen.push('interceptor');
    return next.handle();
  }
}
@Catch()
class Report implements ExceptionFilter {
  catch(error: Error) {
    seen.push(error.message);
  }
}

@Injectable()
class Jobs {
  @TaskHandler('job')
  job(word: string) {
    seen.push(word);
    if (word === 'bad') throw new Error('of the handler');
  }
}

function moduleOf(...providers: { provide: string; useClass: Type; scope?: Scope }[]): Type {
  @Module({ providers })
  class Globals {}
  return Globals;
}

const bootWith = (globalEnhancers: GlobalEnhancers | undefined, modules: Type[]) =>
  boot([Jobs], globalEnhancers === undefined ? {} : { globalEnhancers }, { modules });

describe('global enhancers', () => {
  const httpGlobals = () =>
    moduleOf(
      { provide: APP_GUARD, useClass: TokenGuard },
      { provide: APP_INTERCEPTOR, useClass: Timing },
      { provide: APP_FILTER, useClass: Report },
    );

  it('are left out unless the application decides, and named in one warning at the start', async () => {
    const { scheduler } = await bootWith(undefined, [httpGlobals()]);
    expect(await runOnce(scheduler, 'job', ['good'])).toMatchObject({ run: { status: 'succeeded' } });
    expect(seen).toEqual(['good']);
    expect(warnings.mock.calls.map(([message]) => message)).toEqual([
      expect.stringMatching(
        /go without the global guards \(TokenGuard\), interceptors \(Timing\), filters \(Report\)\..*"globalEnhancers"/,
      ),
    ]);
  });

  it('are left out without a word when the application says so', async () => {
    const { scheduler } = await bootWith(false, [httpGlobals()]);
    await runOnce(scheduler, 'job', ['good']);
    expect(seen).toEqual(['good']);
    expect(warnings).not.toHaveBeenCalled();
  });

  it('are applied when the application says so: a guard that knows HTTP alone fails the runs', async () => {
    const { scheduler } = await bootWith(true, [httpGlobals()]);
    expect(await runOnce(scheduler, 'job', ['good'])).toMatchObject({
      run: { status: 'failed', error: { code: 'ASYNCZ_GUARD_REJECTED' } },
    });
    expect(seen).toEqual([expect.stringContaining('The guard TokenGuard did not let the run')]);
  });

  it('of some kinds are applied: a filter that reports errors gets each once, without the guard for HTTP', async () => {
    const { scheduler } = await bootWith(['filters', 'interceptors'], [httpGlobals()]);
    expect(await runOnce(scheduler, 'job', ['bad'])).toMatchObject({ run: { error: { message: 'of the handler' } } });
    expect(seen).toEqual(['interceptor', 'bad', 'of the handler']);
    expect(warnings).not.toHaveBeenCalled();
  });

  it('that are request-scoped are made for each run', async () => {
    let made = 0;
    @Injectable({ scope: Scope.REQUEST })
    class PerRun implements CanActivate {
      constructor(@Inject(REQUEST) private readonly context: TaskContext) {
        made += 1;
      }
      canActivate() {
        seen.push(this.context instanceof TaskContext);
        return true;
      }
    }
    const globals = moduleOf({ provide: APP_GUARD, useClass: PerRun });
    const { scheduler } = await bootWith(true, [globals]);
    await runOnce(scheduler, 'job', ['one']);
    await runOnce(scheduler, 'job', ['two']);
    expect(seen).toEqual([true, 'one', true, 'two']);
    expect(made).toBe(2);
    seen.length = 0;
    const without = await bootWith(undefined, [moduleOf({ provide: APP_GUARD, useClass: PerRun })]);
    await runOnce(without.scheduler, 'job', ['three']);
    expect(seen).toEqual(['three']);
    expect(warnings).toHaveBeenCalledExactlyOnceWith(expect.stringContaining('guards (PerRun)'), 'Asyncz');
  });

  it('are not named where nothing runs, nor is the filter of this library', async () => {
    await boot([], {}, { modules: [httpGlobals()] });
    await boot([Jobs], { role: 'client' }, { modules: [httpGlobals()] });
    await bootWith(undefined, [moduleOf({ provide: APP_FILTER, useClass: AsynczExceptionFilter })]);
    expect(warnings).not.toHaveBeenCalled();
  });

  it('of this library leave the error of a run as it is', async () => {
    @Injectable()
    class Fails {
      @TaskHandler('fails')
      fails() {
        throw new TaskNotFoundError('x');
      }
    }
    const modules = [moduleOf({ provide: APP_FILTER, useClass: AsynczExceptionFilter })];
    const { scheduler } = await boot([Fails], { globalEnhancers: true }, { modules });
    const { errors } = await runOnce(scheduler, 'fails');
    expect(errors).toEqual([expect.any(TaskNotFoundError)]);
  });

  it('are refused with a name when the option is none of what is allowed', async () => {
    const wrong = ['guard'] as never;
    expect(() => AsynczModule.forRoot({ globalEnhancers: wrong })).toThrow(/globalEnhancers: \["guard"\]\..*"guards"/);
    await expect(boot([Jobs], { useFactory: () => ({ globalEnhancers: wrong }) })).rejects.toThrow(/globalEnhancers/);
  });
});
