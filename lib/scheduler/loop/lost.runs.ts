import type { RunRecord } from '../../model/run.js';
import { LimitedLines } from './limited.lines.js';
import type { RunServices } from './run.services.js';

/** Says of each lost run that it is lost: a process that dies may take hundreds with it. */
export class LostRuns {
  readonly #lost: LimitedLines;
  readonly #dead: LimitedLines;
  readonly #store: string;

  constructor({ alias, clock, logger }: Pick<RunServices, 'alias' | 'clock' | 'logger'>) {
    this.#store = alias;
    const more = (count: number) => `${count} more runs of store "${alias}" were lost`;
    this.#lost = new LimitedLines(clock, (...line) => logger.warn(...line), more);
    const moreDead = (count: number) => `${more(count)} too often, and are not tried again`;
    this.#dead = new LimitedLines(clock, (line, fields) => logger.error(line, undefined, fields), moreDead);
  }

  add({ id, taskId, handler, attempt, owner, dead, error }: RunRecord): void {
    const fields = { task: taskId, run: id, handler, attempt, store: this.#store };
    const what = `The run "${id}" of handler "${handler}" was lost (attempt ${attempt}, scheduler "${owner}")`;
    if (error) {
      const then = 'Later runs of its task are held back until one ends. Once mended, redriveRun runs this one again';
      this.#dead.add(`${what}, and is not tried again: ${error.message} ${then}`, fields);
    } else if (dead) this.#lost.add(`${what}, and is not tried again: its delivery is at-most-once`, fields);
    else this.#lost.add(`${what}, and is tried again`, fields);
  }

  stop(): void {
    this.#lost.flush();
    this.#dead.flush();
  }
}
