import { AsynczError, show } from '../../errors/asyncz.error.js';
import type { TaskDefinition } from '../../model/definition.js';

/** Who knows the handlers of a process. */
interface Versions {
  schemaVersionOf(handler: string): number | null;
}

/** Why a task waits: what is recorded as its problem where no newer code takes it. */
export class NewerInputError extends AsynczError {
  readonly code = 'ASYNCZ_SCHEMA_NEWER';

  constructor({ handler, schemaVersion }: TaskDefinition, own: number) {
    super(
      `The arguments are for version ${schemaVersion} (schemaVersion) of handler ${show(handler)}, and this scheduler has ` +
        `version ${own}. The task is left to newer code.`,
    );
  }
}

/** Whether the arguments of a task are for a newer version of its handler than the one that is here. */
export function hasNewerInput({ handler, schemaVersion }: TaskDefinition, versions: Versions): boolean {
  return schemaVersion !== null && schemaVersion > (versions.schemaVersionOf(handler) ?? 1);
}

/** @throws NewerInputError */
export function refuseNewer(definition: TaskDefinition, versions: Versions): void {
  if (!hasNewerInput(definition, versions)) return;
  throw new NewerInputError(definition, versions.schemaVersionOf(definition.handler) ?? 1);
}
