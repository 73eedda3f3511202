import { markedOn, nameOfMethod } from './method.marks.js';
import type { MethodKey } from './method.marks.js';
import type { OnTaskEventMetadata } from './on-task-event.decorator.js';
import type { ScheduledTaskMetadata } from './scheduled-task.decorator.js';
import type { TaskHandlerMetadata } from './task-handler.decorator.js';
import { ON_TASK_EVENT_METADATA, SCHEDULED_TASK_METADATA, TASK_HANDLER_METADATA } from './tokens.js';

/** A method that carries a decorator of this package. */
export interface DecoratedMethod {
  readonly key: MethodKey;
  /** The class and the method: the name of what is given none. */
  readonly name: string;
  readonly tasks: ScheduledTaskMetadata;
  readonly handler: TaskHandlerMetadata | null;
  readonly listeners: OnTaskEventMetadata;
  /** The functions that carry metadata of this method: that of the class now, and that which was decorated. */
  readonly functions: readonly object[];
}

/** What a class has of decorated methods. */
export interface DecoratedMethods {
  readonly found: readonly DecoratedMethod[];
  /** The names of the methods that stand in front of an inherited decorated one and have no decorator. */
  readonly overrides: readonly string[];
}

/**
 * Finds the decorated methods of a class, its own and those that it inherits, without calling anything of it.
 *
 * @param className Its name, for messages and ids.
 */
export function findDecorated(prototype: object, className: string): DecoratedMethods {
  const found: DecoratedMethod[] = [];
  const overrides: string[] = [];
  const plain = new Set<MethodKey>();
  const decorated = new Set<MethodKey>();
  for (const owner of chainOf(prototype)) {
    const marked = markedOn(owner);
    for (const key of Reflect.ownKeys(owner)) {
      if (decorated.has(key)) continue;
      const now: unknown = Object.getOwnPropertyDescriptor(owner, key)?.value;
      const functions = functionsOf(now, marked?.get(key));
      // Another decorator may have put its own function, or an accessor, in the place of the one that was decorated.
      const marks = functions
        .map(marksOf)
        .find(({ tasks, handler, listeners }) => tasks.length > 0 || handler !== null || listeners.length > 0);
      if (plain.has(key)) {
        if (marks) overrides.push(nameOfMethod(className, key));
      } else if (marks) {
        decorated.add(key);
        found.push({ key, name: nameOfMethod(className, key), functions, ...marks });
      } else if (key !== 'constructor') plain.add(key);
    }
  }
  return { found, overrides: [...new Set(overrides)] };
}

/** The prototypes of a class, its own first, up to that of all objects. */
export function* chainOf(prototype: object): Iterable<object> {
  for (
    let owner: object | null = prototype;
    owner !== null && owner !== Object.prototype;
    owner = Reflect.getPrototypeOf(owner)
  ) {
    yield owner;
  }
}

/** Each once: most methods are still the function that was decorated, and every question about metadata costs. */
function functionsOf(now: unknown, decorated: object | undefined): object[] {
  const functions = decorated === undefined || decorated === now ? [now] : [now, decorated];
  return functions.filter((one) => typeof one === 'function');
}

function marksOf(method: object): Pick<DecoratedMethod, 'tasks' | 'handler' | 'listeners'> {
  return {
    tasks: (Reflect.getMetadata(SCHEDULED_TASK_METADATA, method) ?? []) as ScheduledTaskMetadata,
    handler: (Reflect.getMetadata(TASK_HANDLER_METADATA, method) ?? null) as TaskHandlerMetadata | null,
    listeners: (Reflect.getMetadata(ON_TASK_EVENT_METADATA, method) ?? []) as OnTaskEventMetadata,
  };
}
