/**
 * Who asked for something, and why.
 *
 * @publicApi
 */
export interface Attribution {
  /** null if nobody is named. */
  readonly actor: string | null;
  /** null if none is given. */
  readonly reason: string | null;
}

/**
 * Who asked for something, why, and when.
 *
 * @publicApi
 */
export interface DatedAttribution extends Attribution {
  /** Milliseconds since the epoch. */
  readonly at: number;
}
