// Guards, interceptors, pipes, filters and scopes around runs, with the parts of this version of NestJS.
import 'reflect-metadata';
import assert from 'node:assert/strict';
import {
  Catch,
  createParamDecorator,
  Inject,
  Injectable,
  Module,
  ParseIntPipe,
  Scope,
  UseFilters,
  UseGuards,
  UseInterceptors,
} from '@nestjs/common';
import { APP_GUARD, APP_INTERCEPTOR, ContextIdFactory, NestFactory, REQUEST } from '@nestjs/core';
import {
  Args,
  AsynczExecutionContext,
  AsynczModule,
  Context,
  Payload,
  SchedulerService,
  TaskContext,
  TaskHandler,
} from 'nestjs-asyncz';
import { map } from 'rxjs';

/** Plain JavaScript has no decorators: the last one is applied first. */
function decorateMethod(target, key, ...decorators) {
  const descriptor = Object.getOwnPropertyDescriptor(target, key);
  for (const decorator of decorators.reverse()) decorator(target, key, descriptor);
}
function decorateClass(target, ...decorators) {
  for (const decorator of decorators.reverse()) decorator(target);
}

const seen = [];

class Passing {
  canActivate(context) {
    seen.push(`guard of ${AsynczExecutionContext.create(context).getTaskContext().task.handler}`);
    return true;
  }
}
decorateClass(Passing, Injectable());

/** Asked by Nest for each handler that has it. */
const asked = new Set();
class EachHandler {
  isMade = true;
  canActivate() {
    asked.add(this);
    return this.isMade;
  }
}
decorateClass(EachHandler, Injectable({ scope: Scope.TRANSIENT }));

class Tenant {
  constructor(context) {
    this.context = context;
  }
  canActivate() {
    return this.context instanceof TaskContext && !this.context.task.tags.includes('refused');
  }
}
decorateClass(Tenant, Injectable({ scope: Scope.REQUEST }));
Inject(REQUEST)(Tenant, undefined, 0);

class Shouting {
  intercept(_context, next) {
    return next.handle().pipe(map((result) => `${result}!`));
  }
}
decorateClass(Shouting, Injectable());

class Alert {
  catch(error) {
    seen.push(`alert: ${error.code ?? error.message}`);
  }
}
decorateClass(Alert, Catch());

const Attempt = createParamDecorator(
  (_data, context) => AsynczExecutionContext.create(context).getTaskContext().attempt,
);

class Jobs {
  book(cents, second, attempt, context) {
    if (cents === 0) throw new Error('nothing');
    return [cents + 1, second, attempt, context === TaskContext.current()].join();
  }
}
decorateMethod(Jobs.prototype, 'book', UseGuards(Passing, EachHandler), UseInterceptors(Shouting), TaskHandler('book'));
Payload('cents', ParseIntPipe)(Jobs.prototype, 'book', 0);
Args(1)(Jobs.prototype, 'book', 1);
Attempt()(Jobs.prototype, 'book', 2);
Context()(Jobs.prototype, 'book', 3);
decorateClass(Jobs, UseFilters(Alert), Injectable());

// oxlint-disable-next-line typescript/no-extraneous-class -- what the container gives it is looked at from outside
class Handle {
  constructor(context) {
    if (context.task.tags.includes('down')) throw new Error('no connection');
    this.context = context;
  }
}
decorateClass(Handle, Injectable({ scope: Scope.REQUEST }));
Inject(REQUEST)(Handle, undefined, 0);

class Scoped {
  constructor(handle) {
    this.handle = handle;
  }
  work(context) {
    return this.handle.context === context;
  }
}
decorateMethod(Scoped.prototype, 'work', UseGuards(Passing), TaskHandler('scoped'));
decorateClass(Scoped, UseFilters(Alert), Injectable());
Inject(Handle)(Scoped, undefined, 0);

// oxlint-disable-next-line typescript/no-extraneous-class -- what the container gives it is looked at from outside
class Pool {
  constructor(payload) {
    this.payload = payload;
  }
}
decorateClass(Pool, Injectable({ scope: Scope.REQUEST, durable: true }));
Inject(REQUEST)(Pool, undefined, 0);
class Durable {
  constructor(pool) {
    this.pool = pool;
  }
  work() {
    seen.push(this.pool);
    return this.pool.payload.tenant;
  }
}
decorateMethod(Durable.prototype, 'work', TaskHandler('durable'));
decorateClass(Durable, Injectable());
Inject(Pool)(Durable, undefined, 0);

async function start(globalEnhancers) {
  const providers = [
    Jobs,
    Handle,
    Scoped,
    Pool,
    Durable,
    { provide: APP_GUARD, scope: Scope.REQUEST, useClass: Tenant },
    { provide: APP_INTERCEPTOR, useClass: Shouting },
  ];
  // oxlint-disable-next-line typescript/no-extraneous-class -- a module; plain JavaScript has no decorators
  class AppModule {}
  Module({ imports: [AsynczModule.forRoot({ globalEnhancers })], providers })(AppModule);
  const app = await NestFactory.createApplicationContext(AppModule, { logger: false });
  const scheduler = app.get(SchedulerService);
  const run = async (handler, args, tags = []) => {
    const trigger = { type: 'interval', hours: 1 };
    const { id } = await scheduler.addTask({ handler, args, tags, trigger });
    const { result, error } = await scheduler.runTask(id, { wait: true });
    return error?.code ?? error?.message ?? result;
  };
  return { app, run };
}

{
  const { app, run } = await start(false);
  assert.equal(await run('book', [{ cents: '41' }, 'two']), '42,two,1,true!');
  assert.equal(await run('book', [{ cents: '0' }]), 'nothing');
  assert.match(await run('book', [{ cents: 'x' }]), /numeric string is expected/);
  assert.equal(await run('scoped', []), true);
  assert.equal(await run('scoped', [], ['down']), 'ASYNCZ_RUN_SCOPE');
  assert.equal(asked.size, 1);
  assert.deepEqual(seen, [
    'guard of book',
    'guard of book',
    'alert: nothing',
    'guard of book',
    'alert: Validation failed (numeric string is expected)',
    'guard of scoped',
    'alert: ASYNCZ_RUN_SCOPE',
  ]);
  await app.close();
}
{
  const { app, run } = await start(true);
  assert.equal(await run('book', [{ cents: '41' }, 'two']), '42,two,1,true!!');
  assert.equal(await run('scoped', []), 'true!');
  assert.equal(await run('scoped', [], ['refused']), 'ASYNCZ_GUARD_REJECTED');
  await app.close();
}
{
  const shared = new Map();
  ContextIdFactory.apply({
    attach(contextId, { task }) {
      const [tenant] = task.tags;
      if (!shared.has(tenant)) shared.set(tenant, ContextIdFactory.create());
      return { resolve: (info) => (info.isTreeDurable ? shared.get(tenant) : contextId), payload: { tenant } };
    },
  });
  const { app, run } = await start(false);
  seen.length = 0;
  for (const tenant of ['acme', 'other', 'acme']) assert.equal(await run('durable', [], [tenant]), tenant);
  assert.equal(seen[0], seen[2]);
  assert.notEqual(seen[0], seen[1]);
  await app.close();
}
