import { DuplicateNameError } from '../../errors/scheduler.errors.js';
import { InvalidOptionError, UnknownNameError } from '../../errors/input.errors.js';
import { takePromise } from '../../errors/returned.js';
import { isGenerator } from '../../executors/generator.js';
import type { TaskContext } from '../../executors/task-context.js';

/**
 * The code behind a handler's name. The context of the run comes after the task's arguments.
 *
 * @publicApi
 */
export type Handler = (args: readonly unknown[], context: TaskContext) => unknown;

/**
 * Which errors of a handler are worth another attempt. They are code, so they belong to the handler and not to the task.
 *
 * @publicApi
 */
export interface HandlerPolicy {
  /** Only errors for which it says true are tried again. All when left out. */
  readonly retryOn?: (error: unknown) => boolean;
  /** Errors for which it says true are never tried again. None when left out. */
  readonly abortOn?: (error: unknown) => boolean;
}

function ask(option: keyof HandlerPolicy, says: HandlerPolicy['retryOn'], error: unknown): boolean | undefined {
  const answer: unknown = says?.(error);
  if (takePromise(answer)) throw new InvalidOptionError(`${option}()`, answer, 'true or false, not a promise');
  return answer as boolean | undefined;
}

/** Handlers by their stable names: the only way from a stored task to code. */
export class HandlerRegistry {
  readonly #handlers = new Map<string, Handler>();
  readonly #policies = new Map<string, HandlerPolicy>();
  #names: readonly string[] = [];

  /** @throws DuplicateNameError When the name is taken; two pieces of code cannot be behind one name. */
  register(name: string, handler: Handler, policy: HandlerPolicy = {}): void {
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

  /**
   * Whether an error of a handler is worth another attempt, as far as the handler has a say.
   *
   * @throws InvalidOptionError When it answers with a promise; and whatever its functions throw.
   */
  isRetryable(name: string, error: unknown): boolean {
    const { retryOn, abortOn } = this.#policies.get(name) ?? {};
    return !ask('abortOn', abortOn, error) && (ask('retryOn', retryOn, error) ?? true);
  }
}
