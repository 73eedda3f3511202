import type { TriggerData } from '../../model/definition.js';
import type { TaskTarget } from './control.options.js';
import type { TaskInfo } from './task.info.js';
import type { TimeInput } from './task.options.js';

/** How many of the next runs of a task to show, and from which time. @publicApi */
export interface PreviewOptions extends TaskTarget {
  /** How many runs, 1 to 1,000. @default 5 */
  readonly count?: number;
  /** From when on. Now when left out. */
  readonly now?: TimeInput;
}

/** One of the next runs. @publicApi */
export interface PreviewedRun {
  readonly runTime: Date;
  /** The time on the trigger's grid; another than `runTime` when jitter or a calendar moved it. */
  readonly scheduledTime: Date;
  /** Set when a change of clocks touched it. */
  readonly dst: 'gap' | 'overlap' | null;
  /** The calendar that moved it. */
  readonly movedByCalendar: string | null;
}

/** The next times of a trigger. @publicApi */
export interface TriggerPreview {
  /** The trigger as it would be stored. */
  readonly trigger: TriggerData;
  /** The trigger in words. */
  readonly description: string;
  readonly generatedAt: Date;
  readonly runs: readonly PreviewedRun[];
  /** Whether nothing follows the last one. */
  readonly exhausted: boolean;
}

/** How many of the next times of a trigger to show, and from which time. @publicApi */
export interface TriggerPreviewOptions {
  /** How many, 1 to 1,000. @default 5 */
  readonly count?: number;
  /** From when on. Now when left out. */
  readonly now?: TimeInput;
  /** The id of the task that it is for: seeds jitter and `H`. @default 'preview' */
  readonly taskId?: string;
}

/** A task with the times of its next runs. @publicApi */
export interface TaskPreview {
  readonly task: TaskInfo;
  readonly generatedAt: Date;
  readonly requestedCount: number;
  readonly runs: readonly PreviewedRun[];
  /** Whether nothing follows the last one. */
  readonly exhausted: boolean;
}
