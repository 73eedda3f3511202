import {
  Catch,
  Controller,
  Injectable,
  Module,
  ParseIntPipe,
  UseFilters,
  UseGuards,
  UseInterceptors,
  UsePipes,
} from '@nestjs/common';
import type { CanActivate, ExceptionFilter, NestInterceptor } from '@nestjs/common';
import { beforeEach, describe, expect, it } from 'vitest';
import { ScheduledTask, TaskHandler } from 'nestjs-asyncz';
import { boot, EVERY_HOUR, warnings } from './nest.application.js';

@Injectable()
class RolesGuard implements CanActivate {
  canActivate = () => true;
}
@Injectable()
class LogInterceptor implements NestInterceptor {
  intercept: NestInterceptor['intercept'] = (_context, next) => next.handle();
}
@Catch()
class EatAll implements ExceptionFilter {
  catch() {}
}

const said = () => warnings.mock.calls.map(([message]) => message).filter((message) => message.includes('without'));

beforeEach(() => void warnings.mockClear());

describe('a guard, an interceptor, a filter or a pipe on a scheduled method', () => {
  it('is named in a warning at the start, with the class and the method', async () => {
    @Injectable()
    class Billing {
      @UseGuards(RolesGuard)
      @UseInterceptors(new LogInterceptor())
      @ScheduledTask(EVERY_HOUR)
      charge() {}
      @TaskHandler('billing.remind')
      @UseFilters(EatAll)
      @UsePipes(new ParseIntPipe())
      remind() {}
      @ScheduledTask(EVERY_HOUR)
      plain() {}
    }
    await boot([Billing]);
    expect(said()).toEqual([
      expect.stringContaining('Billing.charge runs without its guards (RolesGuard), interceptors (LogInterceptor)'),
      expect.stringContaining('Billing.remind runs without its pipes (ParseIntPipe), exception filters (EatAll)'),
    ]);
  });

  it('is named where the class carries it, also an inherited one, and not where the method is not scheduled', async () => {
    @UseGuards(RolesGuard)
    @Controller('reports')
    class Reports {
      @ScheduledTask(EVERY_HOUR)
      nightly() {}
      list() {}
    }
    @Controller('other')
    class Other extends Reports {}
    @UseGuards(RolesGuard)
    @Controller('plain')
    class Plain {
      list() {}
    }
    @Module({ controllers: [Reports, Other, Plain] })
    class Feature {}
    await boot([], {}, { modules: [Feature] });
    expect(said()).toEqual([
      expect.stringContaining('Reports.nightly runs without its guards (RolesGuard):'),
      expect.stringContaining('Other.nightly runs without its guards (RolesGuard):'),
    ]);
  });
});
