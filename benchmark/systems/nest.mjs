// The library in an application of NestJS, by its public API only: a handler with more or less around it.
import { importEntry } from '../harness/library.mjs';
import { openStore } from './ours.mjs';
import { slices } from '../harness/ledger.mjs';

const ADD_SIZE = 10_000;

/** Puts enhancers around the handler, as decorators would. Returns those that the module has to provide. */
function decorate(target, { UseGuards, UseInterceptors, UsePipes, UseFilters, Injectable, Catch }, around) {
  if (around !== 'guard' && around !== 'all') return [];
  class Guard {
    canActivate() {
      return true;
    }
  }
  class Interceptor {
    intercept(_context, next) {
      return next.handle();
    }
  }
  class Pipe {
    transform(value) {
      return value;
    }
  }
  class Filter {
    catch(error) {
      return error;
    }
  }
  const descriptor = Object.getOwnPropertyDescriptor(target, 'work');
  const all = [
    [Guard, UseGuards],
    [Interceptor, UseInterceptors],
    [Pipe, UsePipes],
    [Filter, UseFilters],
  ];
  const used = around === 'guard' ? all.slice(0, 1) : all;
  for (const [enhancer, use] of used) {
    if (enhancer === Filter) Catch()(enhancer);
    else Injectable()(enhancer);
    use(enhancer)(target, 'work', descriptor);
  }
  return used.map(([enhancer]) => enhancer);
}

async function open(site, handler) {
  const { library, place, settings } = site;
  const { around, concurrency, history } = settings;
  await import('reflect-metadata');
  const common = await import('@nestjs/common');
  const { NestFactory } = await import('@nestjs/core');
  const { AsyncExecutor, AsynczModule, SchedulerService, TaskHandler } = await importEntry(library, '.');
  const { Injectable, Module, Scope } = common;

  class Work {
    async work(id) {
      handler(id);
    }
  }
  Injectable(around === 'scoped' ? { scope: Scope.REQUEST } : {})(Work);
  const enhancers = decorate(Work.prototype, common, around);
  TaskHandler('work')(Work.prototype, 'work', Object.getOwnPropertyDescriptor(Work.prototype, 'work'));

  const App = function App() {};
  const asyncz = AsynczModule.forRoot({
    stores: { default: await openStore(library, place) },
    executors: { default: new AsyncExecutor({ concurrency }) },
    startPaused: true,
    retention: { count: null },
    ...(history !== 'all' && { taskDefaults: { history } }),
  });
  Module({ imports: [asyncz], providers: [Work, ...enhancers] })(App);
  const app = await NestFactory.createApplicationContext(App, { logger: false });
  const scheduler = app.get(SchedulerService, { strict: false });
  return {
    async add(count, { from = 0 } = {}) {
      for (const ids of slices(count, ADD_SIZE, from)) {
        await scheduler.addTasks(ids.map((id) => ({ handler: 'work', args: [id] })));
      }
    },
    go: () => scheduler.resume(),
    left: async () => (await scheduler.getTaskInfos({ handler: 'work', limit: 1 })).total,
    kept: async () => null,
    mostKept: 0,
    close: () => app.close(),
  };
}

const IN_WORDS = {
  nothing: 'a plain method',
  guard: 'a guard',
  all: 'guard, interceptor, pipe and filter',
  scoped: 'request-scoped',
};

export const adapter = {
  packages: ['@nestjs/core'],
  // Not a peer: it runs without them.
  isLibrary: true,
  build: (system) => (system === 'nest-other' ? 'other' : 'ours'),
  settings: { concurrency: 1_000, history: 'none', around: 'nothing' },
  describe: ({ around, concurrency, history }) => `${IN_WORDS[around]}, concurrency ${concurrency}, history ${history}`,
  open,
};
