import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Catch, Controller, Inject, Injectable, Module, Scope, UseFilters, UseGuards } from '@nestjs/common';
import type { CanActivate, ExceptionFilter } from '@nestjs/common';
import { ContextIdFactory, ModuleRef, REQUEST } from '@nestjs/core';
import type { ContextId, ContextIdStrategy, HostComponentInfo } from '@nestjs/core';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { RunScopeError, ScheduledTask, TaskContext, TaskHandler } from 'nestjs-asyncz';
import { boot, EVERY_HOUR, runOnce, warnings } from './nest.application.js';

const seen: unknown[] = [];
beforeEach(() => {
  seen.length = 0;
  warnings.mockClear();
});

let count = 0;
const numbered = () => (count += 1);

describe('a request-scoped provider', () => {
  @Injectable({ scope: Scope.REQUEST })
  class Connection {
    readonly number = numbered();
    constructor(@Inject(REQUEST) readonly context: TaskContext) {}
  }

  it('is made anew for each run, once for all that inject it, and REQUEST is the context of the run', async () => {
    @Injectable()
    class Repository {
      constructor(readonly connection: Connection) {}
    }
    @Injectable()
    class Jobs {
      constructor(
        private readonly repository: Repository,
        private readonly connection: Connection,
      ) {}
      @TaskHandler('job')
      job(word: string, context: TaskContext) {
        const { connection } = this.repository;
        seen.push([word, connection.number, connection === this.connection, connection.context === context]);
      }
    }
    const { scheduler } = await boot([Connection, Repository, Jobs]);
    await runOnce(scheduler, 'job', ['one']);
    await runOnce(scheduler, 'job', ['two']);
    const [[, first], [, second]] = seen as [string, number][] as [[string, number], [string, number]];
    expect(second).toBe(first + 1);
    expect(seen).toEqual([
      ['one', first, true, true],
      ['two', second, true, true],
    ]);
    expect(warnings).not.toHaveBeenCalled();
  });

  it('is made for scheduled methods and for controllers too, and anew for each attempt', async () => {
    @Controller('reports')
    class Reports {
      constructor(private readonly connection: Connection) {}
      @ScheduledTask({ ...EVERY_HOUR, id: 'nightly', retry: { attempts: 2, delay: 0 } })
      nightly(context: TaskContext) {
        seen.push(this.connection.number);
        if (context.attempt === 1) throw new Error('again');
      }
    }
    @Module({ controllers: [Reports], providers: [Connection] })
    class Feature {}
    const { scheduler } = await boot([], {}, { modules: [Feature] });
    expect(await scheduler.runTask('nightly', { wait: true })).toMatchObject({ status: 'succeeded', attempt: 2 });
    expect(new Set(seen).size).toBe(2);
  });

  it('is found by the code of the run, which asks the container for it', async () => {
    @Injectable()
    class Jobs {
      constructor(
        private readonly moduleRef: ModuleRef,
        private readonly connection: Connection,
      ) {}
      @TaskHandler('job')
      async job(context: TaskContext) {
        const contextId = ContextIdFactory.getByRequest(context);
        seen.push((await this.moduleRef.resolve(Connection, contextId)) === this.connection);
      }
    }
    const { scheduler } = await boot([Connection, Jobs]);
    await runOnce(scheduler, 'job');
    expect(seen).toEqual([true]);
  });

  it('may be a guard: the handler that has it is made for each run with it', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class OneTenant implements CanActivate {
      constructor(@Inject(REQUEST) private readonly context: TaskContext) {}
      canActivate = () => this.context.task.tags.includes('acme');
    }
    @Injectable()
    class Jobs {
      @UseGuards(OneTenant)
      @TaskHandler('job')
      job() {}
    }
    const { scheduler } = await boot([Jobs]);
    expect(await runOnce(scheduler, 'job', [], { tags: ['acme'] })).toMatchObject({ run: { status: 'succeeded' } });
    expect(await runOnce(scheduler, 'job', [], { tags: ['other'] })).toMatchObject({
      run: { status: 'failed', error: { code: 'ASYNCZ_GUARD_REJECTED' } },
    });
  });

  it('that cannot be made fails the run with a typed error, which filters get, and the next run is made again', async () => {
    let isDown = true;
    @Injectable({ scope: Scope.REQUEST })
    class Handle {
      constructor() {
        if (isDown) throw new TypeError('no connection');
      }
    }
    @Catch(RunScopeError)
    class Alert implements ExceptionFilter {
      catch = (error: RunScopeError) => void seen.push(error.cause);
    }
    @Injectable()
    class Jobs {
      constructor(readonly handle: Handle) {}
      @UseFilters(Alert)
      @TaskHandler('job')
      job() {
        return this.handle instanceof Handle;
      }
    }
    const { scheduler } = await boot([Handle, Jobs]);
    const { run, errors } = await runOnce(scheduler, 'job');
    expect(run).toMatchObject({ status: 'failed', error: { code: 'ASYNCZ_RUN_SCOPE' } });
    expect(errors).toEqual([expect.any(RunScopeError)]);
    expect(errors[0]).toMatchObject({ method: 'Jobs.job', runId: run.id, cause: { message: 'no connection' } });
    expect(seen).toEqual([expect.any(TypeError)]);
    isDown = false;
    expect(await runOnce(scheduler, 'job')).toMatchObject({ run: { result: true } });
  });
});

describe('other scopes', () => {
  it('a transient handler is made for each run; what is transient in a singleton is not', async () => {
    @Injectable({ scope: Scope.TRANSIENT })
    class Part {
      readonly number = numbered();
    }
    @Injectable({ scope: Scope.TRANSIENT })
    class Each {
      constructor(private readonly part: Part) {}
      @TaskHandler('each')
      each() {
        seen.push(this.part.number);
      }
    }
    @Injectable()
    class One {
      constructor(private readonly part: Part) {}
      @TaskHandler('one')
      one() {
        seen.push(this.part.number);
      }
    }
    const { scheduler } = await boot([Part, Each, One]);
    for (const handler of ['each', 'each', 'one', 'one']) await runOnce(scheduler, handler);
    expect(new Set(seen.slice(0, 2)).size).toBe(2);
    expect(new Set(seen.slice(2)).size).toBe(1);
  });

  it('a transient guard is made once for a handler that is a singleton', async () => {
    @Injectable({ scope: Scope.TRANSIENT })
    class Counted implements CanActivate {
      readonly number = numbered();
      canActivate() {
        seen.push(this.number);
        return true;
      }
    }
    @Injectable()
    class Jobs {
      @UseGuards(Counted)
      @TaskHandler('job')
      job() {}
    }
    const { scheduler } = await boot([Jobs]);
    await runOnce(scheduler, 'job');
    await runOnce(scheduler, 'job');
    expect(seen).toEqual([expect.any(Number), seen[0]]);
  });

  it('a durable provider is shared by the runs that the strategy of the application puts together', async () => {
    const tenants = new Map<string, ContextId>();
    const strategy: ContextIdStrategy<TaskContext> = {
      attach(contextId, { task }) {
        const [tenant = ''] = task.tags;
        if (!tenants.has(tenant)) tenants.set(tenant, ContextIdFactory.create());
        const shared = tenants.get(tenant)!;
        return {
          resolve: ({ isTreeDurable }: HostComponentInfo) => (isTreeDurable ? shared : contextId),
          payload: { tenant },
        };
      },
    };
    ContextIdFactory.apply(strategy);
    onTestFinished(() => ContextIdFactory.apply(undefined as never));
    @Injectable({ scope: Scope.REQUEST, durable: true })
    class Pool {
      readonly number = numbered();
      constructor(@Inject(REQUEST) readonly payload: { tenant: string }) {}
    }
    @Injectable()
    class Jobs {
      constructor(private readonly pool: Pool) {}
      @TaskHandler('job')
      job() {
        seen.push([this.pool.payload.tenant, this.pool.number]);
      }
    }
    const { scheduler } = await boot([Pool, Jobs]);
    for (const tenant of ['acme', 'other', 'acme']) await runOnce(scheduler, 'job', [], { tags: [tenant] });
    const [[, first], [, second], again] = seen as [[string, number], [string, number], unknown];
    expect(second).not.toBe(first);
    expect(seen).toEqual([['acme', first], ['other', second], again]);
    expect(again).toEqual(['acme', first]);
  });
});

describe('what was made for a run', () => {
  it('is let go after it', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const RUNS = 2_000;
    const alive = new Set<number>();
    const gone = new FinalizationRegistry<number>((number) => void alive.delete(number));
    @Injectable({ scope: Scope.REQUEST })
    class Handle {
      readonly bytes = new Uint8Array(10_000);
      constructor(@Inject(REQUEST) readonly context: TaskContext) {
        const number = numbered();
        alive.add(number);
        gone.register(this, number);
      }
    }
    @Injectable({ scope: Scope.TRANSIENT })
    class Part {
      constructor(readonly handle: Handle) {}
    }
    @Injectable({ scope: Scope.REQUEST })
    class Open implements CanActivate {
      constructor(readonly handle: Handle) {}
      canActivate = () => true;
    }
    @Injectable()
    class Jobs {
      constructor(readonly part: Part) {}
      @UseGuards(Open)
      @TaskHandler('job')
      job() {
        return this.part.handle.bytes.length;
      }
    }
    const { scheduler } = await boot([Handle, Part, Jobs]);
    const due = Date.now();
    const tasks = Array.from({ length: RUNS }, (_, index) => ({
      id: `job-${index}`,
      handler: 'job',
      trigger: { type: 'date', runAt: due } as const,
    }));
    let ended = 0;
    const all = new Promise<void>((resolve) => {
      scheduler.addListener(() => {
        ended += 1;
        if (ended === RUNS) resolve();
      }, 'run.succeeded');
    });
    await scheduler.addTasks(tasks);
    await all;
    expect(count).toBeGreaterThanOrEqual(RUNS);
    // The collector is asked until it is done, and each time calls back in a later turn of the event loop.
    for (let turn = 0; turn < 50 && alive.size > 10; turn += 1) {
      collect();
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(alive.size).toBeLessThanOrEqual(10);
  });
});
