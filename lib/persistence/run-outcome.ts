import type { RunError, RunRecord } from '../model/run.js';
import type { UnreadableFault } from './unreadable.fault.js';

/**
 * What stands in the history in place of a result that could not be stored. The run itself has succeeded.
 *
 * @publicApi
 */
export interface UnstoredResult {
  readonly $asyncz: 'result-not-stored';
  readonly reason: 'unserializable' | 'too-large';
  /** Says what was wrong with it, for people. */
  readonly message: string;
}

/**
 * Whether a result of the history only says that the real one could not be stored.
 *
 * @publicApi
 */
export function isUnstoredResult(result: unknown): result is UnstoredResult {
  return (
    typeof result === 'object' && result !== null && (result as Partial<UnstoredResult>).$asyncz === 'result-not-stored'
  );
}

export function unstoredResult(reason: UnstoredResult['reason'], message: string): UnstoredResult {
  return { $asyncz: 'result-not-stored', reason, message };
}

/** What a run's outcome is when its record cannot be read. */
export function unreadableOutcome(fault: UnreadableFault): Pick<RunRecord, 'error' | 'result'> {
  const message = `The outcome of this run cannot be read (${fault.reason}): ${fault.message}`;
  return {
    error: { name: 'UnreadableOutcome', message, code: 'ASYNCZ_OUTCOME_UNREADABLE', stack: null },
    result: undefined,
  };
}

/** Four fields of text, whatever an error of a handler had in their place. */
export function plainError(error: RunError): RunError {
  const { name, message, code, stack } = error;
  return {
    name: String(name),
    message: String(message),
    code: code === null || code === undefined ? null : String(code),
    stack: stack === null || stack === undefined ? null : String(stack),
  };
}

/** The error without its stack, and of the rest at most so many characters each. */
export function shortenedError({ name, message, code }: RunError, length: number): RunError {
  const cut = (text: string) => (text.length > length ? `${text.slice(0, length)}…` : text);
  return { name: cut(name), message: cut(message), code: code === null ? null : cut(code), stack: null };
}
