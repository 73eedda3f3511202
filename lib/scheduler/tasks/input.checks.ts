import { isDeepStrictEqual } from 'node:util';
import type { ArgumentsRefusedError } from '../../errors/schema.errors.js';
import { inputOf } from '../../model/definition.js';
import type { TaskDefinition } from '../../model/definition.js';
import type { HandlerInputSchema } from '../../model/json.schema.js';
import { JsonCheck } from '../../schemas/json.check.js';
import type { HandlerRegistry } from '../loop/handler.registry.js';
import { refusalOf } from '../loop/schema.issues.js';
import type { KnownInput, PublishedInputs } from './published.inputs.js';
import type { StoreHandle } from './store.handle.js';
import { changesInput } from './task.input.js';
import type { TaskChanges } from './task.options.js';

/** Where a task is to be stored. */
export interface CheckedIn {
  readonly handle: StoreHandle;
  /** The transaction of the caller: it may hold the only connection, so nothing can be asked within it. */
  readonly transaction?: unknown;
}

/** Checks the arguments of tasks by the schemas of their handlers, before anything is stored. */
export class InputChecks {
  readonly #json = new JsonCheck();

  /** @param published What other schedulers tell of their handlers; null where they are not asked. */
  constructor(
    private readonly handlers: Pick<HandlerRegistry, 'schemaOf' | 'inputElsewhere' | 'hasSchemas'>,
    private readonly published: PublishedInputs | null,
  ) {}

  /** Whether a change of a task may need a check. */
  concerns(changes: TaskChanges): boolean {
    return (this.handlers.hasSchemas || this.published !== null) && changesInput(changes);
  }

  /**
   * Checks the arguments of a task: by the schema of the handler, or by the JSON Schema that those tell who have the handler. Without
   * either, all are fine. What the schema makes of them is for the handler and is not stored: it is made again before each run, and a
   * schema need not take its own output.
   *
   * @returns A promise where something has to be awaited.
   * @throws ArgumentsRefusedError, SchemaFailedError; a promise rejects with the same.
   */
  check(definition: TaskDefinition, { handle, transaction }: CheckedIn): unknown {
    const { handler } = definition;
    const schema = this.handlers.schemaOf(handler);
    if (schema) return schema.argsOf(definition);
    const elsewhere = this.handlers.inputElsewhere(handler);
    if (elsewhere) return this.#checkTold(definition, [elsewhere]);
    if (this.published === null) return undefined;
    const known = this.published.find(handle, handler, transaction === undefined ? 'known' : 'now');
    if (known instanceof Promise) return known.then((answer) => this.#checkPublished(definition, handle, answer));
    if (transaction !== undefined) return known?.inputs && this.#checkTold(definition, known.inputs);
    return this.#checkPublished(definition, handle, known);
  }

  /** What is refused by what was told a while ago is looked at again: another release may have come since. */
  #checkPublished(definition: TaskDefinition, handle: StoreHandle, known: KnownInput | null): unknown {
    if (!known?.inputs || known.inputs.length === 0) return undefined;
    if (known.isFresh) return this.#checkTold(definition, known.inputs);
    if (this.#json.isReady && !this.#refusal(definition, known.inputs)) return undefined;
    return Promise.resolve(this.published!.find(handle, definition.handler, 'fresh')).then(
      (fresh) => fresh?.inputs && this.#checkTold(definition, fresh.inputs),
    );
  }

  #checkTold(definition: TaskDefinition, inputs: readonly HandlerInputSchema[]): unknown {
    const check = () => {
      const refusal = this.#refusal(definition, inputs);
      if (refusal) throw refusal;
    };
    return this.#json.isReady ? check() : this.#json.load().then(check);
  }

  /** The error for arguments that none of those takes who tell what they take; null where one may take them. */
  #refusal(definition: TaskDefinition, inputs: readonly HandlerInputSchema[]): ArgumentsRefusedError | null {
    const { handler, args, input, schemaVersion } = definition;
    const value = input === 'data' ? args[0] : args;
    let refusal: ArgumentsRefusedError | null = null;
    for (const { schemaVersion: version, schema } of inputs) {
      // Of another version they are upcast first, or left to newer code.
      if (schema === null || version !== (schemaVersion ?? 1)) return null;
      const issues = this.#json.issuesOf(schema, value);
      if (issues.length === 0) return null;
      refusal ??= refusalOf(handler, input, issues);
    }
    return refusal;
  }
}

/** Whether two definitions call the same handler with the same. */
export function hasSameInput(a: TaskDefinition, b: TaskDefinition): boolean {
  return a.handler === b.handler && isDeepStrictEqual(inputOf(a), inputOf(b));
}
