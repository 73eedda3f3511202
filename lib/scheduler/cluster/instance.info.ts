/**
 * A scheduler of the cluster as its last heartbeat described it.
 *
 * @publicApi
 */
export interface SchedulerInstanceInfo {
  readonly identity: string;
  readonly name: string;
  readonly role: 'worker' | 'client';
  readonly host: string;
  readonly pid: number;
  readonly version: string;
  readonly startedAt: Date;
  readonly heartbeatAt: Date;
  /** Whether its last heartbeat is recent. */
  readonly alive: boolean;
  readonly stores: readonly string[];
  readonly executors: readonly string[];
  readonly handlers: readonly string[];
  /** How many runs it had under way. */
  readonly running: number;
  /** Its clock minus the store's, in milliseconds. */
  readonly clockOffsetMs: number;
  /** Who asked it to claim nothing more, and why; null when nobody did. */
  readonly drain: { readonly at: Date; readonly actor: string | null; readonly reason: string | null } | null;
}
