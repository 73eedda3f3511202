import type { Apply } from '../../model/change.js';
import { runTask } from '../plan/extra.run.js';
import type { RunAsk } from '../plan/extra.run.js';
import type { JournalNotes } from '../plan/journal.notes.js';

/** How many runs one change of a task adds at the most. */
const MOST = 1_000;

interface Waiting {
  readonly ask: RunAsk;
  readonly resolve: (runId: string) => void;
  readonly reject: (error: unknown) => void;
}

/** Adds the runs that are asked for. @returns Their ids, in the same order. */
type AddRuns = (asks: readonly RunAsk[]) => Promise<readonly string[]>;

/**
 * Puts together the runs of one task that are asked for at the same time. Each change writes all runs of a task, so that thousands
 * of changes, one after another, would cost the square of that.
 */
export class RunRequests {
  /** What waits for the change under way, by the task. */
  readonly #waiting = new Map<string, Waiting[]>();

  /**
   * @param task Names the task, and where it is.
   * @returns The id of the run. Rejects with what the change rejects with.
   */
  add(task: string, ask: RunAsk, addRuns: AddRuns): Promise<string> {
    return new Promise((resolve, reject) => {
      const one = { ask, resolve, reject };
      const waiting = this.#waiting.get(task);
      if (waiting) {
        waiting.push(one);
        return;
      }
      const own: Waiting[] = [one];
      this.#waiting.set(task, own);
      void this.#work(task, own, addRuns);
    });
  }

  async #work(task: string, waiting: Waiting[], addRuns: AddRuns): Promise<void> {
    while (waiting.length > 0) {
      const batch = waiting.splice(0, MOST);
      try {
        const ids = await addRuns(batch.map(({ ask }) => ask));
        for (const [at, { resolve }] of batch.entries()) resolve(ids[at]!);
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    // Nothing is awaited since it was found empty: who comes now begins anew.
    this.#waiting.delete(task);
  }
}

/** The plan that adds runs, with an entry of the journal for each. */
export function askedRuns(notes: JournalNotes, asks: readonly RunAsk[]): Apply<readonly string[]> {
  return (task, now) => {
    const change = runTask(task, now, asks);
    const journal = asks.map(({ request }, at) =>
      notes.changed('task.run', now, request, task, change.task, { runId: change.value[at] }),
    );
    return { ...change, journal };
  };
}
