import type { UnreadableReason } from '../../model/task.js';

/**
 * What a deploy plan says of one task.
 *
 * - `added`: the code declares it, and the store does not have it;
 * - `changed`: the code declares it in another way than before, or has enabled, paused or resumed it;
 * - `disabled`: the code holds it from now on;
 * - `renamed`: it gets the id that the code has for it now;
 * - `orphaned`: the code no longer declares it;
 * - `withheld`: another version of the code, which runs, has it under another id, so it is not added;
 * - `unreadable`: its record cannot be read.
 *
 * @publicApi
 */
export type DeployKind = 'added' | 'changed' | 'disabled' | 'renamed' | 'orphaned' | 'withheld' | 'unreadable';

/** What applying a plan does with one task: `none` for what is only said. @publicApi */
export type DeployAction = 'add' | 'change' | 'rename' | 'pause' | 'remove' | 'none';

/**
 * An option that a deploy changes.
 *
 * @publicApi
 */
export interface DeployField {
  /** `trigger`, `paused`, `previousIds`, or the name of the option of the task. */
  readonly field: string;
  /** As JSON text, of 500 characters at the most. null for arguments, which are never shown, and where there was none. */
  readonly before: string | null;
  /** The same of what the code declares. */
  readonly after: string | null;
}

/**
 * What a deploy plan says of one task. Times are ISO 8601 texts.
 *
 * @publicApi
 */
export interface DeployEntry {
  readonly taskId: string;
  /** The alias of the store. */
  readonly store: string;
  readonly kind: DeployKind;
  readonly action: DeployAction;
  /** null where it is not known. */
  readonly handler: string | null;
  /** The id that it has in the store, where that is another one. */
  readonly storedId: string | null;
  /** The options that are changed. */
  readonly fields: readonly DeployField[];
  /** Its hold: what is done besides. */
  readonly holds: readonly ('disabled' | 'enabled' | 'paused' | 'resumed')[];
  readonly nextRunBefore: string | null;
  /** When it would run next if the plan was applied at once. */
  readonly nextRunAfter: string | null;
  /** Why it cannot be read; null for what can. */
  readonly unreadable: UnreadableReason | null;
  /** A fingerprint of what is stored and of what the code declares: applying the plan compares it. */
  readonly basis: string;
}

/**
 * What a deploy would do in the stores, and what it found. Plain JSON: what is written to a file and read again is the same plan.
 *
 * @publicApi
 */
export interface DeployPlan {
  /** The version of this format. */
  readonly version: 1;
  /** The name of the scheduler. */
  readonly scheduler: string;
  /** When it was made. ISO 8601. */
  readonly generatedAt: string;
  /** The same for the same stores and the same code, whenever it is made. */
  readonly digest: string;
  /** How many of the entries do something when the plan is applied. */
  readonly pending: number;
  /** How many tasks there are of each kind, those that are not listed too. */
  readonly counts: Readonly<Record<DeployKind, number>>;
  /** How many orphans that are only reported are not listed, since there are more than 1,000. */
  readonly omitted: number;
  /** By store, then by id. */
  readonly entries: readonly DeployEntry[];
}

/**
 * What applying a plan did.
 *
 * @publicApi
 */
export interface DeployResult {
  readonly digest: string;
  /** How many entries of the plan were applied by this call. */
  readonly applied: number;
  /** How many of them the stores had already: by an earlier call, or by somebody else's. */
  readonly unchanged: number;
  /** The new ids of tasks that keep their old one, since a run of theirs did not end in time. Apply the plan again later. */
  readonly waiting: readonly string[];
}

/**
 * What to wait for when a plan is applied.
 *
 * @publicApi
 */
export interface ApplyDeployOptions {
  /** How long to wait for the runs of tasks that are renamed. Milliseconds, or text such as `'1m'`. @default '30s' */
  readonly timeout?: number | string;
}
