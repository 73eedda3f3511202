import { Injectable, Module, UseGuards, UseInterceptors } from '@nestjs/common';
import type { CanActivate, NestInterceptor } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import { DeclarationError, TaskHandler } from 'nestjs-asyncz';
import { boot, runOnce } from './nest.application.js';

@Injectable()
class No implements CanActivate {
  canActivate = () => false;
}
@Injectable()
class Pass implements NestInterceptor {
  intercept: NestInterceptor['intercept'] = (_context, next) => next.handle();
}

class Jobs {
  @UseGuards(No)
  @UseInterceptors(new Pass())
  @TaskHandler('job')
  job() {}
}

/** Puts a function of its own in the place of the method, as many decorators do. */
const Wrapped: MethodDecorator = (_target, _key, descriptor: PropertyDescriptor) => {
  const method = descriptor.value as () => unknown;
  descriptor.value = function wrapped(this: object, ...args: []) {
    return method.apply(this, args);
  };
};

describe('a guard that NestJS would leave out without a word', () => {
  it('stops the bootstrap when it is a class, and the handler comes from a factory', async () => {
    @Module({ providers: [{ provide: 'jobs', useFactory: () => new Jobs() }] })
    class Feature {}
    const booting = boot([], {}, { modules: [Feature] });
    await expect(booting).rejects.toThrow(DeclarationError);
    await expect(booting).rejects.toThrow(/@TaskHandler on Jobs\.job: NestJS does not make its guards \(No\)/);
  });

  it('stops the bootstrap when a decorator above it has replaced the method', async () => {
    @Injectable()
    class Replaced {
      @Wrapped
      @UseGuards(new No())
      @TaskHandler('job')
      job() {}
    }
    await expect(boot([Replaced])).rejects.toThrow(
      /@TaskHandler on Replaced\.job: a decorator above its guards \(No\) .*Move them above that decorator/,
    );
  });

  it('stops the bootstrap when it is no guard', async () => {
    class Nothing {
      isFree = true;
    }
    @Injectable()
    class Guarded {
      @UseGuards(Nothing as never)
      @TaskHandler('job')
      job() {}
    }
    await expect(boot([Guarded])).rejects.toThrow(/Nothing/);
  });

  it('is applied when it stands above the decorator that replaces the method, or on the class', async () => {
    @Injectable()
    class Above {
      @UseGuards(No)
      @Wrapped
      @TaskHandler('above')
      above() {}
    }
    @UseGuards(No)
    @Injectable()
    class OnClass {
      @Wrapped
      @TaskHandler('on class')
      onClass() {}
    }
    const { scheduler } = await boot([Above, OnClass]);
    for (const handler of ['above', 'on class']) {
      expect(await runOnce(scheduler, handler)).toMatchObject({
        run: { status: 'failed', error: { code: 'ASYNCZ_GUARD_REJECTED' } },
      });
    }
  });
});

describe('an enhancer of a base class', () => {
  it('applies to the methods of the classes that extend it', async () => {
    class Base {
      @TaskHandler('base')
      work() {}
    }
    @UseGuards(No)
    @Injectable()
    class Guarded extends Base {}
    @Injectable()
    class Inherits extends Guarded {
      @TaskHandler('own')
      override work() {}
    }
    const { scheduler } = await boot([Guarded, Inherits]);
    for (const handler of ['base', 'own']) {
      expect(await runOnce(scheduler, handler)).toMatchObject({ run: { error: { code: 'ASYNCZ_GUARD_REJECTED' } } });
    }
  });
});
