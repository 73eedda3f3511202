import { DuplicateNameError } from '../errors/scheduler.errors.js';
import { InvalidOptionError, UnknownNameError } from '../errors/input.errors.js';
import type { TaskContext } from '../executors/task-context.js';

/**
 * The code behind a handler's name. The context of the run comes after the task's arguments.
 *
 * @publicApi
 */
export type Handler = (args: readonly unknown[], context: TaskContext) => unknown;

/** Handlers by their stable names: the only way from a stored task to code. */
export class HandlerRegistry {
  readonly #handlers = new Map<string, Handler>();
  #names: readonly string[] = [];

  /** @throws DuplicateNameError When the name is taken; two pieces of code cannot be behind one name. */
  register(name: string, handler: Handler): void {
    if (typeof name !== 'string' || name.trim() === '') {
      throw new InvalidOptionError('handler', name, 'a text that is not empty');
    }
    if (this.#handlers.has(name)) {
      throw new DuplicateNameError('handler', name, 'Give each handler a name of its own.');
    }
    this.#handlers.set(name, handler);
    this.#names = [...this.#handlers.keys()];
  }

  names(): readonly string[] {
    return this.#names;
  }

  has(name: string): boolean {
    return this.#handlers.has(name);
  }

  /** @throws UnknownNameError */
  get(name: string): Handler {
    const handler = this.#handlers.get(name);
    if (!handler) throw new UnknownNameError('handler', name, this.#names);
    return handler;
  }
}
