import { types } from 'node:util';
import { isErrorOf } from '../errors/foreign.js';
import { takePromise } from '../errors/returned.js';
import { cut, describeThrown, headlineOf, stackOf, textOf } from '../errors/thrown.js';
import type { Clock } from '../model/clock.js';
import { runPrefix } from '../model/logger.js';
import type { LogFields, Logger } from '../model/logger.js';
import { sizeOfLine } from '../model/run.output.js';
import type { StoredOutput, TaskLogLevel } from '../model/run.output.js';

/** How many lines of a run are kept, and how many bytes of UTF-8 they have in all. One line has fewer. */
const MAX_LINES = 500;
const MAX_BYTES = 131_072;

/** How many characters are kept of a message, and of a stack. */
const LONGEST = { message: 8_000, stack: 16_000 };

/**
 * A line that a handler has written.
 *
 * @publicApi
 */
export interface TaskLogLine {
  /** By the clock of the machine. */
  readonly time: Date;
  readonly level: TaskLogLevel;
  readonly message: string;
  /** The stack of the error that was written with it; null for none. */
  readonly stack: string | null;
}

interface KeptLine extends TaskLogLine {
  readonly bytes: number;
}

/**
 * What is kept of a line, for secrets that must not be: the line, another one, or null for none of it. It is called with each line
 * before that is kept; the log of the application has the line as it was written.
 *
 * @publicApi
 */
export type LogRedaction = (line: TaskLogLine) => Pick<TaskLogLine, 'message' | 'stack'> | null;

/** What is kept instead of a line whose redaction has failed: the line may be what must not be kept. */
const UNREDACTED = '[left out: the redaction of the log has failed]';

/** The run that a log is of: in a worker no more is known than its id and its attempt. */
interface LoggedRun {
  readonly runId: string;
  readonly attempt: number;
  readonly task?: { readonly id: string; readonly handler: string };
  readonly store?: string;
}

/**
 * The logger of a run, which has the methods of a `LoggerService` of NestJS. Each line goes to the logger of the scheduler with
 * the run and its attempt in front, and is kept with the run: the newest 500, and 128 KiB of them at the most.
 *
 * A message may be any value, and so may those behind it: an `Error` is written with its causes, and its stack.
 *
 * @publicApi
 */
export class TaskLog {
  /** Made with the first line: most handlers write none. */
  #lines: KeptLine[] | null = null;
  #bytes = 0;
  #dropped = 0;

  /** @internal */
  constructor(
    private readonly run: LoggedRun,
    private readonly logger: Logger,
    private readonly clock: Pick<Clock, 'now'>,
    /** Gets each line, too. */
    private readonly onLine?: (line: TaskLogLine) => void,
    private readonly redact?: LogRedaction,
  ) {}

  /** Begins with what the run has written before it was put off. @internal */
  goOnAfter({ lines, dropped }: StoredOutput): void {
    this.#dropped = dropped;
    for (const { at, stack = null, ...line } of lines) this.#keep({ ...line, stack, time: new Date(at) });
  }

  /** The lines as they are stored; null for none. @internal */
  stored(): StoredOutput | null {
    if (!this.#lines && this.#dropped === 0) return null;
    const lines = (this.#lines ?? []).map(({ time, level, message, stack }) => {
      return { at: time.getTime(), level, message, ...(stack !== null && { stack }) };
    });
    return { lines, dropped: this.#dropped };
  }

  log(message: unknown, ...more: readonly unknown[]): void {
    this.#write('log', [message, ...more]);
  }

  error(message: unknown, ...more: readonly unknown[]): void {
    this.#write('error', [message, ...more]);
  }

  warn(message: unknown, ...more: readonly unknown[]): void {
    this.#write('warn', [message, ...more]);
  }

  debug(message: unknown, ...more: readonly unknown[]): void {
    this.#write('debug', [message, ...more]);
  }

  verbose(message: unknown, ...more: readonly unknown[]): void {
    this.#write('verbose', [message, ...more]);
  }

  fatal(message: unknown, ...more: readonly unknown[]): void {
    this.#write('fatal', [message, ...more]);
  }

  /** The lines that are kept, the oldest first. */
  get lines(): readonly TaskLogLine[] {
    return (this.#lines ?? []).map(({ bytes: _bytes, ...line }) => line);
  }

  /** How many older lines are not kept any more. */
  get dropped(): number {
    return this.#dropped;
  }

  #write(level: TaskLogLevel, values: readonly unknown[]): void {
    const { message, stack } = textOfLine(values);
    const written = { time: new Date(this.clock.now()), level, message, stack };
    const kept = this.redact ? redacted(written, this.redact) : written;
    if (kept) {
      this.#keep(kept);
      this.onLine?.(kept);
    }
    const { runId, attempt, task, store } = this.run;
    const fields = {
      run: runId,
      attempt,
      ...(task && { task: task.id, handler: task.handler }),
      ...(store && { store }),
    };
    const line = runPrefix(fields) + message;
    this.#pass(level, stack === null ? line : `${line}\n${stack}`, fields);
  }

  #keep(line: TaskLogLine): void {
    const lines = (this.#lines ??= []);
    const bytes = sizeOfLine({ message: line.message, stack: line.stack ?? '' });
    lines.push({ ...line, bytes });
    this.#bytes += bytes;
    while (lines.length > MAX_LINES || this.#bytes > MAX_BYTES) {
      this.#bytes -= lines.shift()!.bytes;
      this.#dropped += 1;
    }
  }

  #pass(level: TaskLogLevel, line: string, fields: LogFields): void {
    const { logger } = this;
    if (level === 'log') logger.info(line, fields);
    else if (level === 'verbose' && !logger.verbose) logger.debug(line, fields);
    else if (level === 'verbose') logger.verbose!(line, fields);
    else if (level === 'fatal' && logger.fatal) logger.fatal(line, fields);
    else if (level === 'error' || level === 'fatal') logger.error(line, undefined, fields);
    else logger[level](line, fields);
  }
}

/** Never throws. What a redaction gives may be anything, and no longer than a line may be. */
function redacted(line: TaskLogLine, redact: LogRedaction): TaskLogLine | null {
  try {
    const kept: unknown = redact(line);
    if (kept === null) return null;
    const { message, stack } = kept as Partial<TaskLogLine>;
    if (typeof message === 'string' && (stack === null || stack === undefined || typeof stack === 'string')) {
      const rest = stack == null ? null : cut(stack, LONGEST.stack);
      return { ...line, message: cut(message, LONGEST.message), stack: rest };
    }
    takePromise(kept);
  } catch (error) {
    takePromise(error);
  }
  return { ...line, message: UNREDACTED, stack: null };
}

/**
 * All values in one line, where NestJS writes one after the other, and the first stack that is among them. What would not be
 * kept is not looked at.
 */
function textOfLine(values: readonly unknown[]): Pick<TaskLogLine, 'message' | 'stack'> {
  let stack: string | null = null;
  let message = '';
  for (const value of values) {
    if (message.length > LONGEST.message) break;
    if (isError(value)) {
      const thrown = describeThrown(value);
      stack ??= stackOf(thrown);
      message += ` ${headlineOf(thrown)}`;
    } else if (stack === null && typeof value === 'string' && isStack(value)) stack = value;
    else message += ` ${cut(textOf(value), LONGEST.message)}`;
  }
  return {
    message: cut(message.slice(1), LONGEST.message),
    stack: stack === null ? null : cut(stack, LONGEST.stack),
  };
}

/** Of any realm. */
function isError(value: unknown): boolean {
  return types.isNativeError(value) || isErrorOf(value, Error);
}

/** What `logger.error(error.message, error.stack)` passes on, the habit of NestJS. */
function isStack(text: string): boolean {
  return text.slice(0, LONGEST.stack).includes('\n    at ');
}
