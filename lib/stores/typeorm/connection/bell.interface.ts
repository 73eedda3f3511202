/**
 * How schedulers of one database tell each other that something is due, where the database itself cannot be asked to within
 * a transaction.
 */
export interface Bell {
  /** Whether what others say arrives here. */
  readonly isHeard: boolean;
  /** Returns when it listens, or has found that it cannot. Never rejects. */
  open(): Promise<void>;
  close(): Promise<void>;
  /** The network may be gone: connects anew. */
  renew(): void;
  /** Tells the others. Many rings in a short time are one. */
  ring(): void;
}
