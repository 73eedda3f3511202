import { Body, createParamDecorator, Injectable, ParseIntPipe, UsePipes, ValidationPipe } from '@nestjs/common';
import type { ArgumentMetadata, ExecutionContext, PipeTransform } from '@nestjs/common';
import { IsInt } from 'class-validator';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  Args,
  AsynczExecutionContext,
  Context,
  DeclarationError,
  Payload,
  TaskContext,
  TaskHandler,
} from 'nestjs-asyncz';
import { boot, runOnce } from './nest.application.js';

const seen: unknown[] = [];
beforeEach(() => void (seen.length = 0));

const TaskId = createParamDecorator(
  (prefix: string, context: ExecutionContext) =>
    prefix + AsynczExecutionContext.create(context).getTaskContext().task.handler,
);
const Later = createParamDecorator(async () => 'later');

class Mail {
  constructor(
    readonly to: string,
    readonly copies: string,
  ) {}
}

/** Says what pipes are told of a parameter. */
class Noting implements PipeTransform {
  transform(value: unknown, { type, metatype, data }: ArgumentMetadata) {
    seen.push([type, metatype?.name, data]);
    return value;
  }
}

describe('parameter decorators', () => {
  it('give the payload, a field of it, an argument, all arguments, the context, and what the application defines', async () => {
    @Injectable()
    class Mails {
      @TaskHandler('send')
      send(
        @Payload() mail: Mail,
        @Payload('copies', ParseIntPipe) copies: number,
        @Args(1) second: string,
        @Args() all: unknown[],
        @TaskId('of ') handler: string,
        @Later() later: string,
        @Context() context: TaskContext,
      ) {
        return [mail.to, copies, second, all.length, handler, later, context instanceof TaskContext];
      }
    }
    const { scheduler } = await boot([Mails]);
    const { run } = await runOnce(scheduler, 'send', [{ to: 'ann', copies: '2' }, 'x']);
    expect(run.result).toEqual(['ann', 2, 'x', 2, 'of send', 'later', true]);
  });

  it('need none beside them for the context, and leave a default to the method', async () => {
    @Injectable()
    class Mails {
      @TaskHandler('send')
      send(@Args(0) to: string, context: TaskContext, copies = 1) {
        return [to, context.attempt, copies];
      }
    }
    const { scheduler } = await boot([Mails]);
    expect((await runOnce(scheduler, 'send', ['ann', 5])).run.result).toEqual(['ann', 1, 1]);
  });

  it('give undefined for what a task does not have', async () => {
    @Injectable()
    class Mails {
      @TaskHandler('send')
      send(@Payload() payload: unknown, @Payload('to') to: unknown, @Args(3) fourth: unknown) {
        return [payload, to, fourth].every((one) => one === undefined);
      }
    }
    const { scheduler } = await boot([Mails]);
    expect((await runOnce(scheduler, 'send')).run.result).toBe(true);
  });

  it('tell pipes of the class of the parameter, and say that what the application defines is custom', async () => {
    @Injectable()
    class Mails {
      @UsePipes(Noting)
      @TaskHandler('named')
      named(@Payload() _mail: Mail, @Payload('to') _to: string, @TaskId('x') _id: string, @Context() _c: TaskContext) {}
      @UsePipes(Noting)
      @TaskHandler('in order')
      inOrder(_mail: Mail, _copies: number, _context: TaskContext) {}
    }
    const { scheduler } = await boot([Mails]);
    await runOnce(scheduler, 'named', [{}]);
    expect(seen).toEqual([
      ['body', 'Mail', undefined],
      ['body', 'String', 'to'],
      ['custom', 'String', 'x'],
    ]);
    seen.length = 0;
    await runOnce(scheduler, 'in order', [{}]);
    expect(seen).toEqual([
      ['body', 'Mail', undefined],
      ['body', 'Number', undefined],
    ]);
  });

  it('are checked by ValidationPipe against the class of the parameter, and the context is left alone', async () => {
    class Invoice {
      @IsInt()
      cents!: number;
      get isLarge() {
        return this.cents > 100;
      }
    }
    @UsePipes(new ValidationPipe({ transform: true, whitelist: true }))
    @Injectable()
    class Invoices {
      @TaskHandler('named')
      named(@Payload() invoice: Invoice, @Context() context: TaskContext) {
        return [invoice.isLarge, Object.keys(invoice), context instanceof TaskContext];
      }
      @TaskHandler('in order')
      inOrder(invoice: Invoice, context: TaskContext) {
        return [invoice.isLarge, Object.keys(invoice), context instanceof TaskContext];
      }
    }
    const { scheduler } = await boot([Invoices]);
    for (const handler of ['named', 'in order']) {
      const { run } = await runOnce(scheduler, handler, [{ cents: 250, more: true }]);
      expect(run.result).toEqual([true, ['cents'], true]);
      expect(await runOnce(scheduler, handler, [{ cents: 'many' }])).toMatchObject({
        run: { status: 'failed', error: { name: 'BadRequestException' } },
      });
    }
  });

  it('fail the run when a pipe refuses', async () => {
    @Injectable()
    class Mails {
      @TaskHandler('count')
      count(@Args(0, ParseIntPipe) _copies: number) {
        seen.push('called');
      }
    }
    const { scheduler } = await boot([Mails]);
    expect(await runOnce(scheduler, 'count', ['many'])).toMatchObject({
      run: { status: 'failed', error: { message: 'Validation failed (numeric string is expected)' } },
    });
    expect(seen).toEqual([]);
  });

  it('of an override take the place of those that it inherits', async () => {
    class Base {
      @TaskHandler('base')
      send(@Args(0) first: string, @Args(1) second: string) {
        return [first, second];
      }
    }
    @Injectable()
    class Own extends Base {
      @TaskHandler('own')
      override send(@Args(1) first: string, @Payload() second: string) {
        return super.send(first, second);
      }
    }
    @Injectable()
    class Inherits extends Base {}
    const { scheduler } = await boot([Own, Inherits]);
    expect((await runOnce(scheduler, 'own', ['a', 'b'])).run.result).toEqual(['b', 'a']);
    expect((await runOnce(scheduler, 'base', ['a', 'b'])).run.result).toEqual(['a', 'b']);
  });
});

describe('a parameter that cannot get anything', () => {
  it('stops the bootstrap when another one has a decorator, and it has none', async () => {
    @Injectable()
    class Mails {
      @TaskHandler('send')
      send(_to: string, @Args(1) _copies: number) {}
    }
    await expect(boot([Mails])).rejects.toThrow(/@TaskHandler on Mails\.send: its parameter 0 has no decorator/);
  });

  it('stops the bootstrap when its decorator is of another transport', async () => {
    @Injectable()
    class Mails {
      @TaskHandler('send')
      send(@Body() _mail: Mail) {}
    }
    await expect(boot([Mails])).rejects.toThrow(
      /@TaskHandler on Mails\.send: its parameter 0 has a decorator of another/,
    );
  });

  it('is refused where it is decorated when the option is none', () => {
    const decorate = (decorator: ParameterDecorator) => () => decorator(Mail.prototype, 'job', 0);
    expect(decorate(Args(-1))).toThrow(/@Args on Mail\.job: Invalid index: -1\..*whole number from 0/);
    expect(decorate(Args(1.5))).toThrow(DeclarationError);
    expect(decorate(Args('to' as never))).toThrow(DeclarationError);
    expect(decorate(Payload(1 as never))).toThrow(/@Payload on Mail\.job: Invalid field: 1\..*the name of a field/);
    expect(decorate(Args(0, {} as never))).toThrow(/a pipe, or its class/);
    expect(() => Context()(Mail, undefined, 0)).toThrow(/@Context on Mail\.constructor: it belongs to a parameter/);
  });
});

describe('the execution context', () => {
  it('of another transport is refused by name', () => {
    const host = { getType: () => 'http' } as ExecutionContext;
    expect(() => AsynczExecutionContext.create(host)).toThrow(/"http".*"asyncz"/);
  });
});
