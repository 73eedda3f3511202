import type { TaskInput } from '../model/definition.js';
import type { HandlerInputSchema } from '../model/json.schema.js';
import type { Logger } from '../model/logger.js';
import type { Awaitable } from '../stores/store.interface.js';
import type { TaskContext } from './task-context.js';

/**
 * Calls the code behind a handler's name: the task's arguments, and the context of the run.
 *
 * @publicApi
 */
export type HandlerCall = (args: readonly unknown[], context: TaskContext) => unknown;

/**
 * One attempt that an executor is to execute.
 *
 * @publicApi
 */
export interface ExecutorJob {
  readonly context: TaskContext;
  readonly handler: string;
  readonly args: readonly unknown[];
  /** How the arguments of the task were given: `args` as such, or its `data`. */
  readonly input: TaskInput;
  /** The version of the arguments of the task; null where it says none, which counts as 1. */
  readonly schemaVersion: number | null;
  /**
   * Emits `run.started`, calls the handler in this process, and returns what that returns. To be called once.
   *
   * @param call Called in place of the handler, by executors that have it elsewhere, such as in another process.
   * @throws LeaseLostError When it is too late: the lease of the run may be over. Whatever else the handler throws.
   */
  readonly invoke: (call?: HandlerCall) => unknown;
}

/**
 * What an executor is told at its start.
 *
 * @publicApi
 */
export interface ExecutorContext {
  /** What the scheduler calls it. */
  readonly alias: string;
  /** The name of the scheduler. */
  readonly scheduler: string;
  readonly logger: Logger;
  /** How long a handler has to end once its signal was aborted, in milliseconds; then its run ends without it. */
  readonly abortGraceMs: number;
  /** How long the start of the scheduler may take in all, in milliseconds. */
  readonly startTimeoutMs: number;
  /** The largest result that is stored, in bytes. */
  readonly maxResultBytes: number;
  /** Whether this process checks the arguments of a handler: it has that with its schema. Otherwise who calls it elsewhere does. */
  readonly checksArguments: (name: string) => boolean;
  /** To be called when it has more room, or other handlers, without the end of a job. */
  readonly changed: () => void;
}

/**
 * Executes runs. A claim takes no more runs than its executors have room for; two stores that share an executor claim at the same
 * time, so it may get more than it has room for, and lets those wait.
 *
 * @publicApi
 */
export interface Executor {
  /**
   * How many more jobs it takes now. The engine reads this before every claim. If it throws or is no number, the executor gets no
   * jobs, which is told of, until it is one again.
   */
  readonly room: number;
  /**
   * The handlers that it has elsewhere, such as in another process: it gets jobs of these only. Left out by an executor that
   * calls the handlers of this process. Read after the start, and after each `changed`.
   */
  readonly handlers?: readonly string[];
  /**
   * What those of them take whose arguments are checked there. Clients check by it when a task is added. Read together with `handlers`.
   */
  readonly inputs?: ReadonlyMap<string, HandlerInputSchema>;
  /** Called once, before the first job. */
  start?(context: ExecutorContext): Awaitable<void>;
  /** Returns the handler's result or throws its error, or gives a promise of that: what it returns is always awaited. */
  execute(job: ExecutorJob): unknown;
  /** Called once, when no job is left. */
  shutdown?(): Awaitable<void>;
}
