import type { RunError } from '../errors/thrown.js';
import type { UnreadableFault } from './unreadable.fault.js';

const NO_DETAILS = { stack: null, cause: null, errors: [] } as const;

/** The error without its stack and its causes, and of the rest at most so many characters each. */
export function shortenedError({ name, message, code }: RunError, length: number): RunError {
  const cut = (text: string) => (text.length > length ? `${text.slice(0, length)}…` : text);
  return { name: cut(name), message: cut(message), code: code === null ? null : cut(code), ...NO_DETAILS };
}

/** The code of the error of a run whose record cannot be read. */
export const OUTCOME_UNREADABLE = 'ASYNCZ_OUTCOME_UNREADABLE';

/** The text that an error stands for, of outcomes that could not be read. Gone as soon as the error is. */
const UNREAD = new WeakMap<RunError, string>();

/** What a run's error is when its record cannot be read. */
export function unreadableOutcome(fault: UnreadableFault, outcome: string): RunError {
  const message = `The outcome of this run cannot be read (${fault.reason}): ${fault.message}`;
  const error = { name: 'UnreadableOutcome', message, code: OUTCOME_UNREADABLE, ...NO_DETAILS };
  // One that is too large was not read, and cannot be written again.
  if (outcome !== '') UNREAD.set(error, outcome);
  return error;
}

/**
 * What is stored of an outcome that could not be read. Whoever writes a run again that was read, such as a rotation or a
 * copy, writes this: it can be read when its key is back.
 */
export function unreadOutcome(error: RunError | null): string | undefined {
  return error ? UNREAD.get(error) : undefined;
}
