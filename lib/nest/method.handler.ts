import { lastValueFrom, Observable } from 'rxjs';
import { isErrorOf } from '../errors/foreign.js';
import { isGenerator } from '../executors/generator.js';
import { TaskContext } from '../executors/task-context.js';
import type { HandlerGenerator } from '../executors/task-context.js';
import type { Handler } from '../scheduler/loop/handler.registry.js';
import type { DecoratedMethod } from './method.finder.js';
import type { MethodKey } from './method.marks.js';

type Methods = Record<MethodKey, (...args: unknown[]) => unknown>;

/**
 * Makes a handler of a method. The context stands where the method declares its last parameter, or behind the arguments of
 * the task if these are more: with too few arguments the missing ones are undefined, and the context is not taken for one.
 * Nobody but the library would subscribe to an Observable that it gives, so that nothing of it would be done.
 */
export function createHandler(instance: object, prototype: object, method: DecoratedMethod): Handler {
  const { key } = method;
  const place = placeOfContext(prototype, method);
  return (args, context) => {
    const missing = Math.max(0, place - args.length);
    const result = resultOf((instance as Methods)[key]!(...args, ...Array<undefined>(missing), context), context);
    return isErrorOf(result, Observable) ? lastValueFrom(result, { defaultValue: undefined }) : result;
  };
}

/** Calls a method as its object has it. Throws whatever the method throws. */
export function callMethod(
  instance: object,
  { key }: DecoratedMethod,
  args: readonly unknown[],
  context: TaskContext,
): unknown {
  return resultOf((instance as Methods)[key]!(...args), context);
}

/** What a handler comes to. None of the lines of a generator has run: this run is a tick of it. */
export function resultOf(result: unknown, context: TaskContext): unknown {
  return isGenerator(result) ? context.tick(result as HandlerGenerator) : result;
}

/** How many parameters stand before the context. */
export function placeOfContext(prototype: object, { key, functions }: DecoratedMethod): number {
  const types = Reflect.getMetadata('design:paramtypes', prototype, key) as readonly unknown[] | undefined;
  // Without the types of the compiler: parameters from the first default on do not count.
  if (!types) return Math.max(0, Math.max(...functions.map((one) => (one as { length: number }).length)) - 1);
  const hasOwnPlace = types.length > 0 && (mayBeContext(types.at(-1)) || functions.some(endsInRest));
  return hasOwnPlace ? types.length - 1 : types.length;
}

/** A type of which nothing is left at run time, such as an interface or an `import type`, may be that of the context. */
function mayBeContext(type: unknown): boolean {
  return type === undefined || type === Object || type === Function || isTaskContextType(type);
}

/** Whether a type that the compiler has left is that of the context. By name: two copies of this package may be installed. */
export function isTaskContextType(type: unknown): boolean {
  return type === TaskContext || (typeof type === 'function' && type.name === TaskContext.name);
}

/** Whether the last parameter takes all further arguments, of which there may be none: `...ids`. */
function endsInRest(method: object): boolean {
  return /^[^{]*\.\.\.[\w$]+\s*\)/.test(Function.prototype.toString.call(method));
}
