import type { BaseTrigger } from '../../triggers/base.trigger.js';
import type { Occurrence } from '../../triggers/trigger.interface.js';

/**
 * An occurrence of a trigger, and those that follow it.
 *
 * @param left How many there are at the most.
 */
export function* occurrencesAfter(
  trigger: BaseTrigger,
  taskId: string,
  first: Occurrence | null,
  left: number,
): Generator<Occurrence> {
  for (let next = first; next !== null && left > 0; left -= 1) {
    yield next;
    if (left > 1) next = trigger.nextOccurrence(next.scheduledTime, next.runTime, { taskId });
  }
}

/**
 * So many of them, and whether nothing follows. Others have their turn in between: each is bounded, a thousand of them are not.
 */
export async function takeOccurrences(
  occurrences: Generator<Occurrence>,
  count: number,
): Promise<{ readonly runs: readonly Occurrence[]; readonly exhausted: boolean }> {
  const runs: Occurrence[] = [];
  for (;;) {
    const { value, done } = occurrences.next();
    if (done) return { runs, exhausted: true };
    if (runs.length === count) return { runs, exhausted: false };
    runs.push(value);
    await new Promise(setImmediate);
  }
}
