import { Catch, Injectable, UseFilters, UseGuards, UseInterceptors, UsePipes } from '@nestjs/common';
import type { ArgumentsHost, ExceptionFilter } from '@nestjs/common';
import { throwError } from 'rxjs';
import { beforeEach, describe, expect, it } from 'vitest';
import { AsynczExecutionContext, TaskHandler } from 'nestjs-asyncz';
import { boot, runOnce } from './nest.application.js';

const seen: unknown[] = [];
beforeEach(() => void (seen.length = 0));

describe('an exception filter', () => {
  const answers: Record<string, (error: unknown) => unknown> = {
    nothing: () => {},
    'a number': () => 1,
    'a promise of nothing': async () => {},
    'an error': () => new RangeError('given'),
    'a promise of an error': async () => new RangeError('given'),
    'an Observable that fails': () => throwError(() => new RangeError('given')),
    'nothing, since it throws': () => {
      throw new RangeError('given');
    },
  };

  it.each(Object.keys(answers))('that gives %s leaves the run failed', async (answer) => {
    @Catch(TypeError)
    class Tell implements ExceptionFilter {
      catch(error: unknown, host: ArgumentsHost) {
        seen.push(AsynczExecutionContext.create(host).getTaskContext().attempt);
        return answers[answer]!(error);
      }
    }
    @Injectable()
    class Jobs {
      @UseFilters(Tell)
      @TaskHandler('job')
      job() {
        throw new TypeError('of the handler');
      }
    }
    const { scheduler } = await boot([Jobs]);
    const { run } = await runOnce(scheduler, 'job', [], { retry: { attempts: 2, delay: 0 } });
    const message = /error|throws|fails/.test(answer) ? 'given' : 'of the handler';
    expect(run).toMatchObject({ status: 'failed', attempt: 2, error: { message } });
    expect(seen).toEqual([1, 2]);
  });

  it('that knows HTTP alone fails, and the error that it was to tell of is kept as the cause of that', async () => {
    @Catch()
    class HttpFilter implements ExceptionFilter {
      catch(_error: Error, host: ArgumentsHost) {
        host.switchToHttp().getResponse<{ status(code: number): void }>().status(500);
      }
    }
    @UseFilters(HttpFilter)
    @Injectable()
    class Jobs {
      @TaskHandler('job')
      job() {
        throw new Error('of the handler');
      }
    }
    const { scheduler } = await boot([Jobs]);
    expect(await runOnce(scheduler, 'job')).toMatchObject({
      run: { status: 'failed', error: { name: 'TypeError', cause: { message: 'of the handler' } } },
    });
  });

  it('gets the errors of guards, interceptors and pipes too, the one of the method before that of the class', async () => {
    const filter = (name: string) => {
      @Catch(TypeError)
      class Filter implements ExceptionFilter {
        catch = (error: TypeError) => void seen.push(`${name}: ${error.message}`);
      }
      return Filter;
    };
    const fail = (message: string) => () => {
      throw new TypeError(message);
    };
    @UseFilters(filter('class'))
    @Injectable()
    class Jobs {
      @UseGuards({ canActivate: fail('guard') })
      @TaskHandler('guard')
      guard() {}
      @UseInterceptors({ intercept: fail('interceptor') })
      @TaskHandler('interceptor')
      interceptor() {}
      @UseFilters(filter('method'))
      @UsePipes({ transform: fail('pipe') })
      @TaskHandler('pipe')
      pipe(_value: string) {}
    }
    const { scheduler } = await boot([Jobs]);
    for (const handler of ['guard', 'interceptor', 'pipe']) {
      expect(await runOnce(scheduler, handler, ['x'])).toMatchObject({
        run: { status: 'failed', error: { message: handler } },
      });
    }
    expect(seen).toEqual(['class: guard', 'class: interceptor', 'method: pipe']);
  });
});
