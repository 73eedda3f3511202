import type { StoreFinding } from '../../model/finding.js';
import type { SchedulerInstance } from '../../model/scheduler-instance.js';
import type { TaskRecord } from '../../model/task.js';
import type { StoreCapabilities } from '../../stores/store.interface.js';
import type { TriggerAdvance } from '../../triggers/trigger.interface.js';
import type { RunTimes } from '../run.times.js';

/** What a trigger comes to, found once for all tasks that have it. */
export interface TriggerFacts {
  /** Why it cannot be asked: its type is not known here, or it throws; null when it can. */
  readonly fault: string | null;
  /** Why it never has a time; null when it has. */
  readonly impossible: string | null;
  readonly advance: TriggerAdvance | null;
  /** Whether it ends by itself some day: after a number of runs, at a date. */
  readonly ends: boolean;
  /** Its next times, a few, in milliseconds since the epoch. */
  readonly next: readonly number[];
  /** The shortest time between two of these, in milliseconds; null for fewer than two. */
  readonly gapMs: number | null;
  /** The times of the next year that a change of clocks touches; `skipped` for one that does not run because of it. */
  readonly touched: readonly { readonly at: number; readonly dst: 'gap' | 'overlap' | 'skipped' }[];
  /** The zones of its wall-clock times. */
  readonly zones: readonly string[];
}

/** A task with what was found of it. */
export interface TaskFacts {
  readonly task: TaskRecord;
  /** null where there was no time to look. */
  readonly trigger: TriggerFacts | null;
  /** null where it never ran. */
  readonly times: RunTimes | null;
  /** See `dueTime`. */
  readonly dueAt: number | null;
  /** Whether it is paused, or the code has disabled it. */
  readonly isHeld: boolean;
}

/** What was found of a store. */
export interface StoreFacts {
  readonly alias: string;
  /** For messages: with its address. */
  readonly place: string;
  readonly capabilities: StoreCapabilities;
  /** How its loop in this process is doing. */
  readonly isFailing: boolean;
  readonly lastError: string | null;
  readonly emptiedAt: number | null;
  /** Why it could not be asked; null when it could. */
  readonly fault: string | null;
  /** The store's clock, in milliseconds since the epoch. */
  readonly now: number;
  /** The live workers that share it, this scheduler among them. */
  readonly workers: readonly SchedulerInstance[];
  /** The live clients too. */
  readonly alive: readonly SchedulerInstance[];
  readonly tasks: readonly TaskFacts[];
  /** How many tasks there are. */
  readonly total: number;
  /** How many records cannot be read, and the ids of some. */
  readonly unreadable: { readonly count: number; readonly ids: readonly string[] };
  /** When a run ended that should have been pruned long ago; null when there is none. */
  readonly unpruned: number | null;
  /** What the store says of itself. */
  readonly own: readonly StoreFinding[];
  /** How many ended runs were measured. */
  readonly runs: number;
}

/** What the checks look at beside a store. */
export interface SchedulerFacts {
  readonly identity: string;
  readonly timezone: string;
  /** Whether its options say the zone. */
  readonly hasTimezone: boolean;
  /** The zone of the host. */
  readonly hostTimezone: string;
  readonly leaseMs: number;
  readonly hasKeys: boolean;
  /** Whether ended runs are removed some day. */
  readonly prunes: boolean;
  readonly maxWaitMs: number;
  readonly sameSecond: number;
}
