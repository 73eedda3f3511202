import type { ArgumentsHost, ExecutionContext, Type } from '@nestjs/common';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import { InvalidOptionError } from '../../errors/input.errors.js';
import type { TaskContext } from '../../executors/task-context.js';

/** What {@link AsynczContextType} is at run time. */
export const ASYNCZ: AsynczContextType = 'asyncz';

/**
 * The type of the execution context of a run: `context.getType<AsynczContextType>() === 'asyncz'`.
 *
 * @publicApi
 */
export type AsynczContextType = 'asyncz';

/** What the host of a run has as its arguments: those of the task, a copy that enhancers may change, and the context. */
export type HostArguments = [args: unknown[], context: TaskContext];

/**
 * What guards, interceptors and filters know of a run. They get it as NestJS's `ExecutionContext` or `ArgumentsHost`;
 * {@link AsynczExecutionContext.create} makes this of either.
 *
 * ```ts
 * canActivate(context: ExecutionContext): boolean {
 *   if (context.getType<AsynczContextType>() !== 'asyncz') return true;
 *   return AsynczExecutionContext.create(context).getTaskContext().task.tags.includes('acme');
 * }
 * ```
 *
 * @publicApi
 */
export class AsynczExecutionContext extends ExecutionContextHost {
  /**
   * @param host What a guard, an interceptor, a filter or a parameter decorator got.
   * @throws InvalidOptionError When it is not the host of a run: ask its `getType()` first.
   */
  static create(host: ArgumentsHost): AsynczExecutionContext {
    const type = host.getType<string>();
    if (type !== ASYNCZ) throw new InvalidOptionError('the type of the execution context', type, '"asyncz"');
    const { getClass, getHandler } = host as Partial<ExecutionContext>;
    return contextOf(host.getArgs<HostArguments>(), getClass?.call(host) ?? null, getHandler?.call(host) ?? null);
  }

  /** The context of the run. */
  getTaskContext(): TaskContext {
    return this.getArgByIndex<TaskContext>(1);
  }

  /** The arguments of the task: a copy, in which an interceptor or a guard may put others before the handler gets them. */
  getTaskArgs<T extends unknown[] = unknown[]>(): T {
    return this.getArgByIndex<T>(0);
  }

  /** The payload of the task: its `data`, or its first argument. */
  getPayload<T = unknown>(): T {
    return this.getTaskArgs()[0] as T;
  }
}

/** The execution context of a run. */
export function contextOf(
  args: HostArguments,
  classRef: Type | null,
  handler: ReturnType<ExecutionContext['getHandler']> | null,
): AsynczExecutionContext {
  const context = new AsynczExecutionContext(args, classRef, handler);
  context.setType(ASYNCZ);
  return context;
}
