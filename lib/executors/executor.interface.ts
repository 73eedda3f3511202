import type { Awaitable } from '../stores/store.interface.js';
import type { TaskContext } from './task-context.js';

/**
 * One attempt that an executor is to execute.
 *
 * @publicApi
 */
export interface ExecutorJob {
  readonly context: TaskContext;
  readonly handler: string;
  readonly args: readonly unknown[];
  /**
   * Calls the handler in this process, and returns what that returns.
   *
   * @throws LeaseLostError When it is too late: the lease of the run may be over. Whatever else the handler throws.
   */
  readonly invoke: () => unknown;
}

/**
 * Executes runs. The engine claims no more runs than its executors have room for.
 *
 * @publicApi
 */
export interface Executor {
  /**
   * How many more jobs it takes now. The engine reads this before every claim. If it throws or is no number, the executor gets no
   * jobs, which is told of, until it is one again.
   */
  readonly room: number;
  /** Called once, before the first job. */
  start?(): Awaitable<void>;
  /** Returns the handler's result or throws its error, or gives a promise of that: what it returns is always awaited. */
  execute(job: ExecutorJob): unknown;
  /** Called once, when no job is left. */
  shutdown?(): Awaitable<void>;
}
