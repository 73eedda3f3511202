import type { Awaitable } from '../stores/store.interface.js';
import type { TaskContext } from './task-context.js';

/**
 * One attempt, ready to be carried out.
 *
 * @publicApi
 */
export interface ExecutorJob {
  readonly context: TaskContext;
  readonly handler: string;
  readonly args: readonly unknown[];
  /** Calls the handler in this process. */
  invoke(): unknown;
}

/**
 * Where runs are carried out. The engine claims no more than its executors have room for.
 *
 * @publicApi
 */
export interface Executor {
  /** How many more jobs it takes now. The engine asks before every claim. */
  readonly room: number;
  /** Called once, before the first job. */
  start?(): Awaitable<void>;
  /** Resolves with the handler's result or rejects with its error. Whatever it returns is awaited, however it looks. */
  execute(job: ExecutorJob): Promise<unknown>;
  /** Called once, when no job is left. */
  shutdown?(): Awaitable<void>;
}
