import { TaskContext } from '../../executors/task-context.js';
import type { TaskContextSource } from '../../executors/task-context.js';
import type { Executor, ExecutorJob, HandlerCall } from '../../executors/executor.interface.js';
import { TaskLog } from '../../executors/task-log.js';
import { MACHINE } from '../../model/clock.js';
import { SILENT_LOGGER } from '../../model/logger.js';
import type { Awaitable } from '../../stores/store.interface.js';
import { until } from '../until.js';
import { executorProbes } from './executor.probes.js';
import { createTestSteps } from '../task.steps.js';

/** How long one test may take unless an option says otherwise, in milliseconds. */
export const EXECUTOR_TIMEOUT_MS = 60_000;

/** A job of the kit, and what became known of it. */
export interface ProbeJob extends ExecutorJob {
  readonly source: TaskContextSource;
  /** How often `invoke` was called. */
  readonly invoked: () => number;
  /** What the handler has told, in order: progress, and log lines as `level: text`, the run in front. */
  readonly told: readonly unknown[];
  readonly abort: (reason: Error) => void;
}

/** What one rule of the kit works with: an executor that is started, and is shut down at the end. */
export class ExecutorBench {
  executor!: Executor;
  #jobs = 0;
  #isClosed = false;

  constructor(
    private readonly create: () => Awaitable<Executor>,
    private readonly timeoutMs: number,
  ) {}

  async open(): Promise<void> {
    this.executor = await this.create();
    await this.executor.start?.({
      alias: 'kit',
      scheduler: 'default',
      logger: SILENT_LOGGER,
      abortGraceMs: this.timeoutMs,
      startTimeoutMs: this.timeoutMs,
      maxResultBytes: 1_048_576,
      checksArguments: () => false,
      changed: () => {},
    });
  }

  /** Shuts the executor down, once. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.executor.shutdown?.();
  }

  /**
   * A job that is not executed yet.
   *
   * @param refusal What `invoke` throws in place of the call.
   */
  job(handler: keyof typeof executorProbes, args: readonly unknown[] = [], refusal?: Error): ProbeJob {
    const controller = new AbortController();
    const told: unknown[] = [];
    const line = (level: string) => (text: string) => void told.push(`${level}: ${text}`);
    this.#jobs += 1;
    const runId = `kit-task@${this.#jobs}`;
    const logger = { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') };
    const source: TaskContextSource = {
      task: { id: 'kit-task', name: 'the task of the kit', handler, tags: ['one', 'two'] },
      store: 'default',
      scheduler: 'kit-scheduler',
      runId,
      traceparent: null,
      scheduledTime: 1_577_880_000_123,
      startedAt: 1_577_880_000_456,
      deadline: 1_577_880_060_000,
      attempt: 3,
      isLastAttempt: true,
      lastRun: { id: 'kit-task@0', status: 'succeeded', startedAt: 1_577_879_000_000, endedAt: 1_577_879_000_500 },
      previousResult: () => Promise.resolve({ at: new Date(7) }),
      token: 17,
      source: 'schedule',
      coalesced: 2,
      signal: controller.signal,
      log: new TaskLog({ runId, attempt: 3 }, logger, MACHINE),
      progress: (value) => void told.push(value),
      steps: createTestSteps({ runId, signal: controller.signal, clock: MACHINE }, {}),
    };
    const context = new TaskContext(source);
    let invoked = 0;
    const invoke = (call?: HandlerCall): unknown => {
      invoked += 1;
      if (refusal) throw refusal;
      if (call) return call(args, context);
      return (executorProbes[handler] as (...all: unknown[]) => unknown)(...args, context);
    };
    return {
      context,
      handler,
      args,
      input: 'args',
      schemaVersion: null,
      invoke,
      source,
      invoked: () => invoked,
      told,
      abort: (reason) => controller.abort(reason),
    };
  }

  /** Executes a job as the engine does: what is thrown at once is a rejection as well. */
  async execute(job: ExecutorJob): Promise<unknown> {
    return this.executor.execute(job);
  }

  until<T>(condition: () => Awaitable<T>, what: string): Promise<NonNullable<T>> {
    return until(condition, { what, timeoutMs: this.timeoutMs / 2 });
  }
}
