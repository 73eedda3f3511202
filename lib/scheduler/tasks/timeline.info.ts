import type { RunStatus } from '../../model/run.js';
import type { TaskFilter } from './task.filter.js';
import type { TimeInput } from './task.options.js';

/** Which part of the timeline. @publicApi */
export interface TimelineQuery extends TaskFilter {
  /** The time in the middle of the first page: runs that have ended lie before it, those to come behind it. Now when left out. */
  readonly at?: TimeInput;
  /** How many entries on either side, 1 to 500. @default 50 */
  readonly limit?: number;
  /** `earlier` or `later` of another page: the entries before or behind it. */
  readonly cursor?: string;
}

/** A run that has ended, is under way or waits, or is to come. @publicApi */
export interface TimelineEntry {
  /** When it ended, when it started or may start, or when it is to run. */
  readonly at: Date;
  readonly kind: 'ended' | 'running' | 'waiting' | 'next';
  readonly taskId: string;
  readonly store: string;
  readonly handler: string;
  readonly scheduledTime: Date;
  /** null for one that is to come. */
  readonly runId: string | null;
  /** How it ended. */
  readonly status: RunStatus | null;
  readonly startedAt: Date | null;
  /** Of one that is to come: whether a change of clocks touched it. */
  readonly dst: 'gap' | 'overlap' | null;
  /** The calendar that moved it. */
  readonly movedByCalendar: string | null;
}

/** A page of the timeline. @publicApi */
export interface TimelinePage {
  readonly generatedAt: Date;
  /** By time. */
  readonly entries: readonly TimelineEntry[];
  /** The cursor of what lies before; null where there is nothing more. */
  readonly earlier: string | null;
  /** The cursor of what lies behind; null where there is nothing more, or not all tasks are known (`horizon`). */
  readonly later: string | null;
  /** Until when all that is to come is there: more tasks than the 1,000 that are looked at run after it. null: without end. */
  readonly horizon: Date | null;
  /** The first 100 tasks whose times cannot be foretold, and why. */
  readonly failed: readonly { readonly taskId: string; readonly store: string; readonly message: string }[];
}
