import { DuplicateNameError } from '../../errors/scheduler.errors.js';
import { InvalidOptionError, UnknownNameError } from '../../errors/input.errors.js';
import { isGenerator } from '../../executors/generator.js';
import type { TaskContext } from '../../executors/task-context.js';
import { checkPolicy } from './handler.policy.js';
import type { HandlerPolicy } from './handler.policy.js';

/**
 * The code behind a handler's name. The context of the run comes after the task's arguments.
 *
 * @publicApi
 */
export type Handler = (args: readonly unknown[], context: TaskContext) => unknown;

const NO_POLICY: HandlerPolicy = {};

/** Handlers by their stable names: the only way from a stored task to code. */
export class HandlerRegistry {
  readonly #handlers = new Map<string, Handler>();
  readonly #policies = new Map<string, HandlerPolicy>();
  #names: readonly string[] = [];

  /**
   * @throws DuplicateNameError When the name is taken; two pieces of code cannot be behind one name.
   * @throws InvalidOptionError
   */
  register(name: string, handler: Handler, policy: HandlerPolicy = NO_POLICY): void {
    if (typeof name !== 'string' || name.trim() === '') {
      throw new InvalidOptionError('handler', name, 'a text that is not empty');
    }
    if (typeof handler !== 'function' || isGenerator(handler)) {
      throw new InvalidOptionError(
        `handler "${name}"`,
        handler,
        'a function, and no generator: a call of that runs no line',
      );
    }
    if (this.#handlers.has(name)) {
      throw new DuplicateNameError('handler', name, 'Give each handler a name of its own.');
    }
    checkPolicy(policy);
    this.#handlers.set(name, handler);
    this.#policies.set(name, policy);
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

  /** What its errors lead to. Of one that is not here, nothing special. */
  policyOf(name: string): HandlerPolicy {
    return this.#policies.get(name) ?? NO_POLICY;
  }
}
