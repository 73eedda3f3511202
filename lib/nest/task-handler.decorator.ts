import { InvalidOptionError } from '../errors/input.errors.js';
import { TASK_HANDLER_METADATA } from './tokens.js';

/** What `@TaskHandler` leaves on a method. */
export interface TaskHandlerMetadata {
  /** The name; the class and the method when null. */
  readonly name: string | null;
  /** The scheduler that it is for; every one when null. */
  readonly scheduler: string | null;
}

/**
 * Makes a provider's method the code behind a name, for tasks that are added at run time. The method gets the task's
 * arguments, and after them the `TaskContext`.
 *
 * ```ts
 * @TaskHandler('reports.generate')
 * async generate(reportId: string, context: TaskContext) {}
 * ```
 *
 * @param name Stable: stored tasks name it, so renaming it orphans them. The class and the method when left out.
 * @param options `scheduler`: the name of the one scheduler that it is for; every one when left out.
 * @throws InvalidOptionError When the name is empty.
 * @publicApi
 */
export function TaskHandler(name?: string, options: { readonly scheduler?: string } = {}): MethodDecorator {
  if (name !== undefined && (typeof name !== 'string' || name.trim() === '')) {
    throw new InvalidOptionError('handler', name, 'a text that is not empty');
  }
  return (_target, _key, descriptor: PropertyDescriptor) => {
    const metadata: TaskHandlerMetadata = { name: name ?? null, scheduler: options.scheduler ?? null };
    Reflect.defineMetadata(TASK_HANDLER_METADATA, metadata, descriptor.value as object);
  };
}
