/**
 * What an error of a handler leads to that was executed elsewhere: its policy was asked there, where the classes of its errors are.
 */
export interface RemoteVerdict {
  readonly isRetryable: boolean;
  /** See `HandlerPolicy.backoff`, in milliseconds. */
  readonly backoffMs: number | null | undefined;
}

const VERDICTS = new WeakMap<object, () => RemoteVerdict>();

/** Keeps what an error leads to. @param verdict Throws what the policy has thrown. */
export function keepVerdict(error: object, verdict: () => RemoteVerdict): void {
  VERDICTS.set(error, verdict);
}

/**
 * What an error leads to, where that was decided elsewhere; null for an error of this process.
 *
 * @throws What the policy of the handler has thrown there.
 */
export function verdictOf(error: unknown): RemoteVerdict | null {
  return VERDICTS.get(error as object)?.() ?? null;
}
