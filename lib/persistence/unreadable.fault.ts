import { isErrorOf } from '../errors/foreign.js';
import type { UnreadableReason } from '../model/task.js';

/**
 * Why a record cannot be read. Never leaves this folder: what is read for others says it with an `UnreadableTask`.
 * Messages name fields and never show what is in them, which may have been encrypted.
 */
export class UnreadableFault extends Error {
  constructor(
    readonly reason: UnreadableReason,
    message: string,
  ) {
    super(message);
  }
}

/** The fault behind anything that was caught while a record was read. */
export function toFault(error: unknown): UnreadableFault {
  if (isErrorOf(error, UnreadableFault)) return error;
  return new UnreadableFault('damaged', 'What is stored is not what was written.');
}
