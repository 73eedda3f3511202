import type { TaskContext } from '../task-context.js';
import type { TaskLogLevel } from '../../model/run.output.js';
import type { Booted, BootRequest, Unchecked, Verdict } from './messages.js';

/** The handlers that a worker has booted. */
export interface WorkerHandlers {
  readonly booted: Booted;
  /** @param unchecked Given for arguments that are to be checked before. */
  readonly call: (name: string, args: readonly unknown[], context: TaskContext, unchecked: Unchecked | null) => unknown;
  /** What an error leads to, as far as the handler has a say. Never throws. */
  readonly verdict: (name: string, error: unknown, attempt: number) => Verdict;
  /** Closes what was booted. */
  readonly close: () => Promise<void>;
}

/** Boots the handlers of a module. @param line Gets what the module logs. */
export type BootHandlers = (
  request: BootRequest,
  line: (level: TaskLogLevel, message: string) => void,
) => Promise<WorkerHandlers>;
