import { InvalidOptionError, rejectUnknownOptions } from '../errors/input.errors.js';
import { checkHandlerOptions, HANDLER_OPTIONS } from '../scheduler/loop/handler.registry.js';
import type { HandlerOptions } from '../scheduler/loop/handler.registry.js';
import { createMethodDecorator, declarationError, nameOfMethod } from './method.marks.js';
import { TASK_HANDLER_METADATA } from './tokens.js';

/** The decorator in messages. */
export const TASK_HANDLER = '@TaskHandler';

/**
 * Options of `@TaskHandler`.
 *
 * @publicApi
 */
export interface TaskHandlerOptions extends HandlerOptions {
  /** The name of the only scheduler that knows it; by default all do. */
  readonly scheduler?: string;
}

const OPTIONS: readonly (keyof TaskHandlerOptions)[] = ['scheduler', ...HANDLER_OPTIONS];

/** What `@TaskHandler` leaves on a method. */
export interface TaskHandlerMetadata {
  /** The name; the class and the method when null. */
  readonly name: string | null;
  /** The scheduler that it is for; every one when null. */
  readonly scheduler: string | null;
  readonly options: HandlerOptions;
}

/**
 * Makes a provider's method a handler with a name, for tasks that are added at run time. The method gets the task's
 * arguments, and after them the `TaskContext`.
 *
 * ```ts
 * @TaskHandler('reports.generate')
 * async generate(reportId: string, context: TaskContext) {}
 * ```
 *
 * @param name Stored tasks have this name, so renaming it orphans them. By default `Class.method`.
 * @throws DeclarationError When the name is empty, an option is refused, or it stands on what is no method of an instance.
 * @publicApi
 */
export function TaskHandler(name?: string, options: TaskHandlerOptions = {}): MethodDecorator {
  return createMethodDecorator(TASK_HANDLER, ({ target, key, method }) => {
    try {
      if (name !== undefined && (typeof name !== 'string' || name.trim() === '')) {
        throw new InvalidOptionError('handler', name, 'a text that is not empty');
      }
      rejectUnknownOptions(TASK_HANDLER, options, OPTIONS);
      checkHandlerOptions(options);
    } catch (error) {
      throw declarationError(TASK_HANDLER, nameOfMethod(target.constructor.name, key), error);
    }
    const { scheduler = null, ...rest } = options;
    const metadata: TaskHandlerMetadata = { name: name ?? null, scheduler, options: rest };
    Reflect.defineMetadata(TASK_HANDLER_METADATA, metadata, method);
  });
}
