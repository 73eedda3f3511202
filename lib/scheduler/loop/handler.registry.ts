import { DuplicateNameError } from '../../errors/scheduler.errors.js';
import { InvalidOptionError, rejectUnknownOptions, UnknownNameError } from '../../errors/input.errors.js';
import { isGenerator } from '../../executors/generator.js';
import type { HandlerGenerator, TaskContext } from '../../executors/task-context.js';
import type { HandlerInputSchema } from '../../model/json.schema.js';
import { checkPolicy, HANDLER_POLICY_OPTIONS } from './handler.policy.js';
import type { HandlerPolicy } from './handler.policy.js';
import { checkSchemaOptions, HANDLER_SCHEMA_OPTIONS, HandlerSchema } from './handler.schema.js';
import type { HandlerSchemaOptions } from './handler.schema.js';

/**
 * The code behind a handler's name. The context of the run comes after the task's arguments. Of a generator each run is a tick:
 * see `docs/execution.md`.
 *
 * @publicApi
 */
export type Handler = (args: readonly unknown[], context: TaskContext) => unknown;

/**
 * What belongs to a handler and not to its tasks: what its arguments have to be, and what its errors lead to.
 *
 * @publicApi
 */
export interface HandlerOptions extends HandlerPolicy, HandlerSchemaOptions {}

/** The names of {@link HandlerOptions}. */
export const HANDLER_OPTIONS: readonly (keyof HandlerOptions)[] = [
  ...HANDLER_POLICY_OPTIONS,
  ...HANDLER_SCHEMA_OPTIONS,
];

/** Checks what is given of {@link HandlerOptions}. @throws InvalidOptionError */
export function checkHandlerOptions(options: HandlerOptions): void {
  checkPolicy(options);
  checkSchemaOptions(options);
}

/** A handler as it is registered. */
export interface RegisteredHandler {
  readonly call: Handler;
  readonly policy: HandlerPolicy;
  /** null for one that takes whatever it gets. */
  readonly schema: HandlerSchema | null;
}

/** What an executor has that calls handlers elsewhere. */
export interface HandlersElsewhere {
  readonly handlers: readonly string[];
  readonly inputs: ReadonlyMap<string, HandlerInputSchema>;
}

const NO_OPTIONS: HandlerOptions = {};
const NO_INPUTS: HandlersElsewhere['inputs'] = new Map();

/** A call of a generator runs none of its lines. */
function ticking(generator: Handler): Handler {
  return (args, context) => context.tick(generator(args, context) as HandlerGenerator);
}

/** Handlers by their stable names: the only way from a stored task to code. */
export class HandlerRegistry {
  readonly #handlers = new Map<string, RegisteredHandler>();
  /** What executors have that call handlers elsewhere, by their alias. */
  readonly #elsewhere = new Map<string, HandlersElsewhere>();
  #hasSchemas = false;
  /** How often handlers came and went. */
  changes = 0;
  #names: readonly string[] = [];

  /**
   * @throws DuplicateNameError When the name is taken; two pieces of code cannot be behind one name.
   * @throws InvalidOptionError, UnknownOptionError
   */
  register(name: string, handler: Handler, options: HandlerOptions = NO_OPTIONS): void {
    if (typeof name !== 'string' || name.trim() === '') {
      throw new InvalidOptionError('handler', name, 'a text that is not empty');
    }
    if (typeof handler !== 'function') throw new InvalidOptionError(`handler "${name}"`, handler, 'a function');
    if (this.#handlers.has(name)) {
      throw new DuplicateNameError('handler', name, 'Give each handler a name of its own.');
    }
    rejectUnknownOptions(`handler "${name}"`, options, HANDLER_OPTIONS);
    checkHandlerOptions(options);
    const schema = HandlerSchema.of(name, options);
    const call = isGenerator(handler) ? ticking(handler) : handler;
    this.#handlers.set(name, { call, policy: options, schema });
    this.#hasSchemas ||= schema !== null;
    this.#nameAll();
  }

  /** An executor has these handlers elsewhere: tasks of them are claimed here, too. */
  provide(executor: string, { handlers = [], inputs: told }: Partial<HandlersElsewhere>): void {
    // It may be an executor of somebody else.
    const inputs = told instanceof Map ? told : NO_INPUTS;
    if (handlers.length > 0) this.#elsewhere.set(executor, { handlers, inputs });
    else this.#elsewhere.delete(executor);
    this.#nameAll();
  }

  #nameAll(): void {
    const elsewhere = [...this.#elsewhere.values()].flatMap(({ handlers }) => handlers);
    this.#names = [...new Set([...this.#handlers.keys(), ...elsewhere])];
    this.changes += 1;
  }

  /** Those that tasks can have here, in this process or elsewhere. */
  names(): readonly string[] {
    return this.#names;
  }

  has(name: string): boolean {
    return this.#names.includes(name);
  }

  /** Whether this process can call it. */
  isHere(name: string): boolean {
    return this.#handlers.has(name);
  }

  /** @throws UnknownNameError */
  get(name: string): RegisteredHandler {
    const handler = this.#handlers.get(name);
    if (!handler) throw this.unknown(name);
    return handler;
  }

  /** Says that this process cannot call a handler, and which executor can. */
  unknown(name: string): UnknownNameError {
    const executor = [...this.#elsewhere].find(([, { handlers }]) => handlers.includes(name))?.[0];
    const hint = `It is in the module of executor ${JSON.stringify(executor)}: give the task that executor.`;
    return new UnknownNameError('handler', name, [...this.#handlers.keys()], executor === undefined ? undefined : hint);
  }

  /** What its errors lead to. Of one that is not here, nothing special. */
  policyOf(name: string): HandlerPolicy {
    return this.#handlers.get(name)?.policy ?? NO_OPTIONS;
  }

  /** Whether any handler has a schema. */
  get hasSchemas(): boolean {
    if (this.#hasSchemas) return true;
    for (const { inputs } of this.#elsewhere.values()) if (inputs.size > 0) return true;
    return false;
  }

  /** What its arguments have to be; null for one that takes whatever it gets, or is not here. */
  schemaOf(name: string): HandlerSchema | null {
    return this.#handlers.get(name)?.schema ?? null;
  }

  /** What one takes that is not here but in an executor, as that tells; null for one that takes whatever it gets. */
  inputElsewhere(name: string): HandlerInputSchema | null {
    if (this.#elsewhere.size === 0 || this.isHere(name)) return null;
    for (const { inputs } of this.#elsewhere.values()) {
      const input = inputs.get(name);
      if (input) return input;
    }
    return null;
  }

  /** The version of what it takes; null for one that has none, or is not here. */
  versionOf(name: string): number | null {
    const schema = this.schemaOf(name);
    return schema === null ? (this.inputElsewhere(name)?.schemaVersion ?? null) : schema.version;
  }

  /** What the handlers take that do not take whatever they get, in the order of their names. */
  inputs(): ReadonlyMap<string, HandlerInputSchema> {
    const inputs = new Map<string, HandlerInputSchema>();
    for (const name of this.#names.toSorted()) {
      const input = this.schemaOf(name)?.told ?? this.inputElsewhere(name);
      if (input) inputs.set(name, input);
    }
    return inputs;
  }
}
