import { namesOf } from './names.js';
import type { UnreadableReason } from './task.js';

/**
 * What an entry of the journal is about.
 *
 * What somebody did, a person or code: `task.added`, `task.updated`, `task.rescheduled`, `task.paused`, `task.resumed`, `task.run`,
 * `task.backfilled`, `task.deleted`, `tasks.removed` (all of a store), `run.cancelled`, `run.redriven`, `scheduler.draining` (a drain
 * was asked for), `scheduler.undrained`, `store.rotated`, `store.copied`, `task.reconciled` (a deploy changed a declared task).
 *
 * What happened: `task.problem`, `task.orphaned`, `task.unreadable`, `task.failing` (paused after failures in a row), `run.lost`,
 * `run.fenced`, `run.missed`, `store.failed`, `store.recovered`, `store.emptied`, `scheduler.started`, `scheduler.stopped`,
 * `scheduler.died`, `task.late`, `task.silent`, `task.recovered` (what `expect` says of a task), `journal.dropped` (facts that could not be kept).
 *
 * @publicApi
 */
export type JournalKind =
  | 'task.added'
  | 'task.updated'
  | 'task.rescheduled'
  | 'task.paused'
  | 'task.resumed'
  | 'task.run'
  | 'task.backfilled'
  | 'task.deleted'
  | 'tasks.removed'
  | 'run.cancelled'
  | 'run.redriven'
  | 'scheduler.draining'
  | 'scheduler.undrained'
  | 'store.rotated'
  | 'store.copied'
  | 'task.reconciled'
  | 'task.problem'
  | 'task.orphaned'
  | 'task.unreadable'
  | 'task.failing'
  | 'run.lost'
  | 'run.fenced'
  | 'run.missed'
  | 'store.failed'
  | 'store.recovered'
  | 'store.emptied'
  | 'scheduler.started'
  | 'scheduler.stopped'
  | 'scheduler.died'
  | 'task.late'
  | 'task.silent'
  | 'task.recovered'
  | 'journal.dropped';

/** Every {@link JournalKind}, for checking input. */
export const JOURNAL_KINDS = namesOf<JournalKind>({
  'task.added': 0,
  'task.updated': 0,
  'task.rescheduled': 0,
  'task.paused': 0,
  'task.resumed': 0,
  'task.run': 0,
  'task.backfilled': 0,
  'task.deleted': 0,
  'tasks.removed': 0,
  'run.cancelled': 0,
  'run.redriven': 0,
  'scheduler.draining': 0,
  'scheduler.undrained': 0,
  'store.rotated': 0,
  'store.copied': 0,
  'task.reconciled': 0,
  'task.problem': 0,
  'task.orphaned': 0,
  'task.unreadable': 0,
  'task.failing': 0,
  'run.lost': 0,
  'run.fenced': 0,
  'run.missed': 0,
  'store.failed': 0,
  'store.recovered': 0,
  'store.emptied': 0,
  'scheduler.started': 0,
  'scheduler.stopped': 0,
  'scheduler.died': 0,
  'task.late': 0,
  'task.silent': 0,
  'task.recovered': 0,
  'journal.dropped': 0,
});

/**
 * One field of a task before and after a change, to be read: plain JSON. A date is its ISO text, and what has no JSON is described.
 *
 * @publicApi
 */
export interface JournalChange {
  /** Its name, such as `trigger`, `args`, `policies.retry`, `paused` or `nextRunTime`. */
  readonly field: string;
  /** Left out where there was no task. */
  readonly before?: unknown;
  /** Left out where there is no task any more. */
  readonly after?: unknown;
  /** Set where a value was too long, and is not whole. */
  readonly cut?: true;
}

/**
 * An entry of the journal: something that was done to a task, a scheduler or a store, or that happened to it.
 *
 * @publicApi
 */
export interface JournalEntry {
  /** Unique, and later entries have greater ids: a UUID of version 7, which begins with the time. */
  readonly id: string;
  /** By the store's clock, in milliseconds since the epoch. */
  readonly time: number;
  readonly kind: JournalKind;
  /** The task that it is about; null for none, or for many. */
  readonly taskId: string | null;
  /** The identity of the scheduler that wrote it. */
  readonly scheduler: string;
  /** Who asked; null if nobody is named. */
  readonly actor: string | null;
  /** Why; null if it is not known. */
  readonly reason: string | null;
  /** What a task was before and is after, field by field; left out where no task was changed. */
  readonly changes?: readonly JournalChange[];
  /** What else there is to say, by kind: `docs/operations.md`. Plain JSON. Left out for nothing. */
  readonly details?: Readonly<Record<string, unknown>>;
  /** Set where the rest cannot be read: actor and reason are null then, changes and details are left out. */
  readonly unreadable?: { readonly reason: UnreadableReason; readonly message: string };
}

/**
 * Which entries of the journal. All given conditions hold together.
 *
 * @publicApi
 */
export interface StoredJournalFilter {
  readonly taskId?: string;
  /** One of these; none when empty. */
  readonly kinds?: readonly JournalKind[];
  readonly actor?: string;
  /** The identity of the scheduler that wrote it. */
  readonly scheduler?: string;
  /** At this time or later, in milliseconds since the epoch. */
  readonly from?: number;
  /** Before this time, in milliseconds since the epoch. */
  readonly to?: number;
}

/** Which page of the journal. @publicApi */
export interface JournalPageRequest {
  readonly limit: number;
  /** The {@link StoredJournalPage.next} of the previous page. */
  readonly cursor?: string;
}

/**
 * A page of the journal, the latest first.
 *
 * @publicApi
 */
export interface StoredJournalPage {
  readonly entries: readonly JournalEntry[];
  /** The cursor of the next page, which is the id of the last entry of this one; null on the last. */
  readonly next: string | null;
}

/**
 * Which entries of the journal are not to be kept.
 *
 * @publicApi
 */
export interface PruneJournalOptions {
  /** Those before this time, in milliseconds since the epoch; null for none. */
  readonly before: number | null;
  /** All but the latest so many; null for none. */
  readonly keep: number | null;
  /** How many at the most in one call, so that no pruning holds a database up; the oldest first. */
  readonly limit: number;
}
