/**
 * How many times of its children one question may look at, however combinations are nested: a tenth of a second's work.
 * Searches within searches would otherwise multiply their bounds.
 */
const MAX_STEPS = 100_000;

/** What is left for the question that is being answered; null between questions, which are synchronous. */
let left: number | null = null;

/**
 * Answers a question, or a part of one, within the bound.
 *
 * @param questions How many questions it stands for, each with a bound of its own.
 */
export function withinBudget<T>(answer: () => T, questions = 1): T {
  if (left !== null) return answer();
  left = MAX_STEPS * questions;
  try {
    return answer();
  } finally {
    left = null;
  }
}

/** Takes a step, if there is one left. */
export function takeStep(): boolean {
  if (left === null || left === 0) return false;
  left -= 1;
  return true;
}
