import { isDeepStrictEqual } from 'node:util';
import { inputOf } from '../../model/definition.js';
import type { TaskDefinition } from '../../model/definition.js';
import type { HandlerRegistry } from '../loop/handler.registry.js';
import { changesInput } from './task.input.js';
import type { TaskChanges } from './task.options.js';

/** Checks the arguments of tasks by the schemas of their handlers, before anything is stored. */
export class InputChecks {
  constructor(private readonly handlers: Pick<HandlerRegistry, 'schemaOf' | 'hasSchemas'>) {}

  /** Whether a change of a task may need a check. */
  concerns(changes: TaskChanges): boolean {
    return this.handlers.hasSchemas && changesInput(changes);
  }

  /**
   * Checks the arguments of a task. Of a handler without a schema, and of one that is not here, all are fine. What the schema makes of
   * them is for the handler and is not stored: it is made again before each run, and a schema need not take its own output.
   *
   * @returns A promise where something has to be awaited.
   * @throws ArgumentsRefusedError, SchemaFailedError; a promise rejects with the same.
   */
  check(definition: TaskDefinition): unknown {
    return this.handlers.schemaOf(definition.handler)?.argsOf(definition);
  }
}

/** Whether two definitions call the same handler with the same. */
export function hasSameInput(a: TaskDefinition, b: TaskDefinition): boolean {
  return a.handler === b.handler && isDeepStrictEqual(inputOf(a), inputOf(b));
}
