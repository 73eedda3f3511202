/**
 * How grave a line of a run is: the levels of NestJS.
 *
 * @publicApi
 */
export type TaskLogLevel = 'verbose' | 'debug' | 'log' | 'warn' | 'error' | 'fatal';

/** Every {@link TaskLogLevel}, for checking records. */
export const TASK_LOG_LEVELS: readonly TaskLogLevel[] = ['verbose', 'debug', 'log', 'warn', 'error', 'fatal'];

/**
 * A line that a handler has written, as it is kept with its run.
 *
 * @publicApi
 */
export interface StoredLine {
  /** By the clock of the machine that wrote it, in milliseconds since the epoch. */
  readonly at: number;
  readonly level: TaskLogLevel;
  readonly message: string;
  /** The stack of the error that was written with it. None when left out. */
  readonly stack?: string;
}

/**
 * What the handler of an attempt has said: its log and its progress.
 *
 * @publicApi
 */
export interface StoredOutput {
  /** The newest lines, the oldest of them first. */
  readonly lines: readonly StoredLine[];
  /** How many older lines are not kept. */
  readonly dropped: number;
  /** The last value of `TaskContext.progress`, as JSON text, and when it was given. None when left out. */
  readonly progress?: { readonly at: number; readonly value?: string };
}

/** How much of the output of one run is kept. */
export interface OutputBounds {
  /** How many lines. */
  readonly lines: number;
  /** How many bytes of UTF-8 they have in all. */
  readonly bytes: number;
}

/** The most that {@link OutputBounds} may allow: the history gives a thousand runs at a time. */
export const MOST_OUTPUT: OutputBounds = { lines: 500, bytes: 65_536 };

/** How large the last progress of a run may be, in bytes as it is stored. */
export const MAX_PROGRESS_BYTES = 4_096;

/**
 * How large the lines of all runs of a task that are under way may be, in bytes: they stand in its state, of which any scheduler
 * reads a mebibyte at the least.
 */
const MAX_TASK_OUTPUT_BYTES = 131_072;

/** What of the output of one run is kept in the state of its task. @param runs How many runs share the state. */
export function shareOfOutput(output: StoredOutput, runs: number): StoredOutput {
  return newestOf(output, { lines: MOST_OUTPUT.lines, bytes: Math.floor(MAX_TASK_OUTPUT_BYTES / Math.max(1, runs)) });
}

/** The newest lines that are within bounds. */
export function newestOf(output: StoredOutput, { lines: most, bytes: room }: OutputBounds): StoredOutput {
  const { lines } = output;
  let from = lines.length;
  let bytes = 0;
  while (from > 0 && lines.length - from < most) {
    bytes += sizeOfLine(lines[from - 1]!);
    if (bytes > room) break;
    from -= 1;
  }
  return from === 0 ? output : { ...output, lines: lines.slice(from), dropped: output.dropped + from };
}

/** How many bytes of text a line has. */
export function sizeOfLine({ message, stack = '' }: Pick<StoredLine, 'message' | 'stack'>): number {
  return Buffer.byteLength(message) + Buffer.byteLength(stack);
}
