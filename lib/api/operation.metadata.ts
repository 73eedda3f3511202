import type { Role } from '../client/routes.js';

/** What a method of the controller is, for the guard. */
export interface OperationMetadata {
  readonly name: string;
  /** The least role that may call it. */
  readonly role: Role;
}

const METADATA = new WeakMap<object, OperationMetadata>();

export function markOperation(method: object, metadata: OperationMetadata): void {
  METADATA.set(method, metadata);
}

/** @throws Error For a method that is no operation: nobody may call that. */
export function operationOf(method: object): OperationMetadata {
  const metadata = METADATA.get(method);
  if (!metadata) throw new Error('A route of the API has no role. Indicates a bug.');
  return metadata;
}
