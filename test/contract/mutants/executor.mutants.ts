import { BaseExecutor } from '../../../lib/executors/base.executor.js';
import type { Executor, ExecutorJob } from '../../../lib/executors/executor.interface.js';
import { runInTaskContext, TaskContext } from '../../../lib/executors/task-context.js';
import type { TaskContextSource } from '../../../lib/executors/task-context.js';
import type { ProbeJob } from '../../../lib/testing/executor/executor.bench.js';
import { executorProbes } from '../../../lib/testing/executor/executor.probes.js';

/** An executor with one fault. */
interface ExecutorMutant {
  readonly fault: string;
  readonly create: () => Executor;
  /** The rules of the kit that must find it. */
  readonly caughtBy: readonly string[];
}

/** A sound executor that has its handlers elsewhere: it gives them a context of its own making. */
export class ElsewhereExecutor extends BaseExecutor {
  constructor(concurrency = 4) {
    super(concurrency);
  }

  protected run(job: ExecutorJob): unknown {
    return job.invoke((args) => this.call(job as ProbeJob, args));
  }

  protected call({ handler, source }: ProbeJob, args: readonly unknown[]): unknown {
    const context = new TaskContext(this.sourceOf(source));
    const probe = executorProbes[handler as keyof typeof executorProbes] as (...all: unknown[]) => unknown;
    return this.within(context, () => probe(...args, context));
  }

  protected sourceOf(source: TaskContextSource): TaskContextSource {
    return { ...source };
  }

  protected within(context: TaskContext, work: () => unknown): unknown {
    return runInTaskContext(context, work);
  }
}

export const EXECUTOR_MUTANTS: readonly ExecutorMutant[] = [
  {
    fault: 'an executor never has room',
    create: () =>
      new (class extends ElsewhereExecutor {
        override get room(): number {
          return 0;
        }
      })(),
    caughtBy: ['has room for a job once it is started', 'has one place less while a job is under way'],
  },
  {
    fault: 'results lose what JSON does not have',
    create: () =>
      new (class extends ElsewhereExecutor {
        protected override async run(job: ExecutorJob): Promise<unknown> {
          const result: unknown = await super.run(job);
          return JSON.parse(JSON.stringify(result ?? null, (_, one) => (typeof one === 'bigint' ? Number(one) : one)));
        }
      })(),
    caughtBy: ['gives what the handler returns, at once or later, with the arguments as they are'],
  },
  {
    fault: 'errors lose their cause',
    create: () =>
      new (class extends ElsewhereExecutor {
        protected override async run(job: ExecutorJob): Promise<unknown> {
          try {
            return await super.run(job);
          } catch (error) {
            if (error instanceof TypeError) throw Object.assign(new TypeError(error.message), { code: 'E_PROBE' });
            throw error;
          }
        }
      })(),
    caughtBy: ['rejects with what the handler throws, at once or later: name, message, code and cause'],
  },
  {
    fault: 'a job takes no place',
    create: () =>
      new (class extends ElsewhereExecutor {
        override get room(): number {
          return 4;
        }
      })(),
    caughtBy: ['has one place less while a job is under way'],
  },
  {
    fault: 'a job that fails keeps its place',
    create: () =>
      new (class extends ElsewhereExecutor {
        #lost = 0;
        override get room(): number {
          return super.room - this.#lost;
        }
        protected override async run(job: ExecutorJob): Promise<unknown> {
          try {
            return await super.run(job);
          } catch (error) {
            this.#lost += 1;
            throw error;
          }
        }
      })(8),
    caughtBy: ['gets a place back when its job ends, however that ends'],
  },
  {
    fault: 'jobs wait for each other although there is room',
    create: () =>
      new (class extends ElsewhereExecutor {
        #last: Promise<unknown> = Promise.resolve();
        protected override run(job: ExecutorJob): unknown {
          const done = this.#last.then(() => super.run(job));
          this.#last = done.catch(() => {});
          return done;
        }
      })(),
    caughtBy: ['executes as many jobs beside each other as it had room for'],
  },
  {
    fault: 'a handler is called without invoke',
    create: () =>
      new (class extends ElsewhereExecutor {
        protected override run(job: ExecutorJob): unknown {
          return this.call(job as ProbeJob, job.args);
        }
      })(),
    caughtBy: ['calls invoke once for each job', 'rejects with what invoke throws, and calls no handler then'],
  },
  {
    fault: 'a handler is called although invoke has refused',
    create: () =>
      new (class extends ElsewhereExecutor {
        protected override run(job: ExecutorJob): unknown {
          void this.call(job as ProbeJob, job.args);
          return super.run(job);
        }
      })(),
    caughtBy: [
      'rejects with what invoke throws, and calls no handler then',
      'takes progress and log lines to the context, in order and before the job ends',
    ],
  },
  {
    fault: 'the context lacks the number of the attempt',
    create: () =>
      new (class extends ElsewhereExecutor {
        protected override sourceOf(source: TaskContextSource): TaskContextSource {
          return { ...source, attempt: 1 };
        }
      })(),
    caughtBy: ['gives the handler the context of its run'],
  },
  {
    fault: 'code below the handler finds no context',
    create: () =>
      new (class extends ElsewhereExecutor {
        protected override within(_context: TaskContext, work: () => unknown): unknown {
          return work();
        }
      })(),
    caughtBy: ['lets code below the handler ask for the context'],
  },
  {
    fault: 'steps are not stored with the run',
    create: () =>
      new (class extends ElsewhereExecutor {
        protected override sourceOf(source: TaskContextSource): TaskContextSource {
          return { ...source, steps: { ...source.steps, step: async (_name, work) => work() } };
        }
      })(),
    caughtBy: ['has steps stored with the run, and their work done where the handler is'],
  },
  {
    fault: 'progress comes after the end of its job',
    create: () =>
      new (class extends ElsewhereExecutor {
        protected override sourceOf(source: TaskContextSource): TaskContextSource {
          return { ...source, progress: (value) => void setImmediate(() => source.progress(value)) };
        }
      })(),
    caughtBy: ['takes progress and log lines to the context, in order and before the job ends'],
  },
  {
    fault: 'the signal is aborted with a reason of its own',
    create: () =>
      new (class extends ElsewhereExecutor {
        protected override sourceOf(source: TaskContextSource): TaskContextSource {
          const own = new AbortController();
          const abort = () => own.abort(new Error('aborted'));
          if (source.signal.aborted) own.abort(source.signal.reason);
          else source.signal.addEventListener('abort', abort, { once: true });
          return { ...source, signal: own.signal };
        }
      })(),
    caughtBy: ['aborts the signal of the handler with the reason of the run'],
  },
  {
    fault: 'an abort before the start does not reach the handler',
    create: () =>
      new (class extends ElsewhereExecutor {
        protected override sourceOf(source: TaskContextSource): TaskContextSource {
          const own = new AbortController();
          // One that was aborted before emits nothing more.
          if (source.signal.aborted) setImmediate(() => own.abort(source.signal.reason));
          else source.signal.addEventListener('abort', () => own.abort(source.signal.reason), { once: true });
          return { ...source, signal: own.signal };
        }
      })(),
    caughtBy: ['begins with an aborted signal where the run was aborted before'],
  },
  {
    fault: 'a job begins for which there is no place',
    create: () =>
      new (class extends ElsewhereExecutor {
        override execute(job: ExecutorJob): unknown {
          return this.running < this.concurrency ? super.execute(job) : this.run(job);
        }
      })(),
    caughtBy: ['lets a job wait for which there is no place, and not once it is aborted'],
  },
  {
    fault: 'an executor is of no use after three failures',
    create: () =>
      new (class extends ElsewhereExecutor {
        #failures = 0;
        protected override async run(job: ExecutorJob): Promise<unknown> {
          if (this.#failures >= 3) throw new Error('worn out');
          try {
            return await super.run(job);
          } catch (error) {
            this.#failures += 1;
            throw error;
          }
        }
      })(),
    caughtBy: ['goes on after jobs that failed'],
  },
  {
    fault: 'a shutdown fails after a job',
    create: () =>
      new (class extends ElsewhereExecutor {
        shutdown(): void {
          throw new Error('it cannot be closed');
        }
      })(),
    caughtBy: ['can be shut down as soon as no job is left'],
  },
];
