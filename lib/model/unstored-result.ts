/**
 * The note in the history instead of a result that could not be stored. The run itself has succeeded.
 *
 * @publicApi
 */
export interface UnstoredResult {
  readonly $asyncz: 'result-not-stored';
  readonly reason: 'unserializable' | 'too-large';
  /** Why it could not be stored, for people. */
  readonly message: string;
}

/**
 * Whether a result of the history is the note that the result could not be stored.
 *
 * @publicApi
 */
export function isUnstoredResult(result: unknown): result is UnstoredResult {
  return typeof result === 'object' && result !== null && '$asyncz' in result && result.$asyncz === 'result-not-stored';
}

export function unstoredResult(reason: UnstoredResult['reason'], message: string): UnstoredResult {
  return { $asyncz: 'result-not-stored', reason, message: message.slice(0, 1_000) };
}
