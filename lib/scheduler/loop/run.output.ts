import { messageOf } from '../../errors/thrown.js';
import { TaskLog } from '../../executors/task-log.js';
import type { LogRedaction, TaskLogLine } from '../../executors/task-log.js';
import type { Clock } from '../../model/clock.js';
import type { Logger } from '../../model/logger.js';
import type { LiveRun } from '../../model/run.js';
import { MAX_PROGRESS_BYTES, newestOf } from '../../model/run.output.js';
import type { OutputBounds, StoredOutput } from '../../model/run.output.js';
import { unstoredResult } from '../../model/unstored-result.js';
import type { StepValues } from './stepped.run.js';

/** What is kept of what handlers say. */
export interface OutputKeeping extends OutputBounds {
  readonly redact: LogRedaction | undefined;
}

interface OutputServices {
  readonly logger: Logger;
  readonly clock: Clock;
  readonly output: OutputKeeping;
  readonly stepValues: Pick<StepValues, 'write'>;
}

/** The run that says it. */
interface SayingRun {
  readonly runId: string;
  readonly attempt: number;
  /** Set where nothing has happened to its task before: see `RunOrigin`. */
  readonly simpleSince: number | null;
  readonly run: Pick<LiveRun, 'output'>;
}

/** What a run had said before it was put off. */
export function outputBefore(held: SayingRun): StoredOutput | undefined {
  return held.simpleSince === null ? held.run.output : undefined;
}

/** What the handler of one attempt says: its log and its progress. Made when it says something; most say nothing. */
export class RunOutput {
  readonly log: TaskLog;
  /** What the run had said last before it was put off. */
  readonly #before: StoredOutput['progress'];
  #progress: { readonly at: number; readonly value: unknown } | null = null;

  /** @param said Is called with everything that is said. */
  constructor(
    run: SayingRun,
    private readonly services: OutputServices,
    private readonly said: () => void,
  ) {
    const { logger, clock, output } = services;
    const onLine: (line: TaskLogLine) => void = said;
    this.log = new TaskLog(run, logger, clock, onLine, output.redact);
    const before = outputBefore(run);
    if (before) this.log.goOnAfter(before);
    this.#before = before?.progress;
  }

  progress(value: unknown): void {
    this.#progress = { at: this.services.clock.now(), value };
    this.said();
  }

  /** As it is to be kept now; undefined for nothing. Never throws. */
  stored(): StoredOutput | undefined {
    const log = this.log.stored() ?? { lines: [], dropped: 0 };
    const progress = this.#progress ? this.#storedProgress(this.#progress) : this.#before;
    if (log.lines.length === 0 && log.dropped === 0 && !progress) return undefined;
    return newestOf({ ...log, ...(progress && { progress }) }, this.services.output);
  }

  #storedProgress({ at, value }: { readonly at: number; readonly value: unknown }): StoredOutput['progress'] {
    const text = this.#textOf(value);
    return { at, ...(text !== undefined && { value: text }) };
  }

  /** A value that cannot be kept is replaced by a note that says so. */
  #textOf(value: unknown): string | undefined {
    const { stepValues } = this.services;
    try {
      const text = stepValues.write(value);
      if (text === undefined || (text !== null && Buffer.byteLength(text) <= MAX_PROGRESS_BYTES)) return text;
      const note = unstoredResult('too-large', `The progress takes more than ${MAX_PROGRESS_BYTES} bytes.`);
      return stepValues.write(note) ?? undefined;
    } catch (error) {
      return stepValues.write(unstoredResult('unserializable', messageOf(error))) ?? undefined;
    }
  }
}
