import { SearchLimitError } from '../errors/trigger.errors.js';

/**
 * How many steps one question may take, however searches are nested in each other. A step is a look at a time, a day or a change
 * of clocks, worth up to a microsecond: `npm run fuzz` looks for a trigger that makes it more than 50 ms in all.
 */
export const MAX_SEARCH_STEPS = 18_000;

/** What is left for the question that is being answered; null between questions, which are synchronous. */
let left: number | null = null;

/**
 * Answers a question within the bound. A question within a question takes its steps from the outer one.
 *
 * @throws SearchLimitError When the steps are used up: whether there is an answer is not known.
 */
export function withinBudget<T>(answer: () => T): T {
  if (left !== null) return answer();
  left = MAX_SEARCH_STEPS;
  try {
    return answer();
  } finally {
    left = null;
  }
}

/**
 * Tries to answer with a share of the steps that are left, for what can do without the answer.
 *
 * @param share Between 0 and 1.
 * @returns undefined when that was not enough.
 */
export function attempt<T>(share: number, answer: () => T): T | undefined {
  return withinBudget(() => {
    const before = left!;
    const part = Math.floor(before * share);
    left = part;
    try {
      return answer();
    } catch (error) {
      if (error instanceof SearchLimitError) return undefined;
      throw error;
    } finally {
      left = before - part + Math.max(0, left);
    }
  });
}

/**
 * Takes steps. Every search calls it in its loop.
 *
 * @throws SearchLimitError When there are not as many left.
 */
export function spend(steps = 1): void {
  if (left === null) return;
  left -= steps;
  if (left < 0) throw new SearchLimitError(MAX_SEARCH_STEPS);
}
