import { AssertionError } from 'node:assert/strict';
import { show } from '../errors/asyncz.error.js';

/** The `code` of an error, where it has one. Two copies of this library agree on codes, and not on classes. */
export function codeOf(error: unknown): string | undefined {
  return (error as { code?: string } | null)?.code;
}

/** Fails unless `work` throws at once or rejects later, with an error of this code. */
export async function assertRejects(work: () => unknown, code: string, what = 'The call'): Promise<void> {
  let outcome: string;
  try {
    await work();
    outcome = 'was not refused';
  } catch (error) {
    if (codeOf(error) === code) return;
    outcome = `was refused with ${error instanceof Error ? error.stack : show(error)}`;
  }
  throw new AssertionError({ message: `${what} ${outcome}. Expected: an error with the code ${code}.` });
}

/** Tries again while another one was faster, as whoever uses compare-and-set does. */
export async function withRetries(work: () => Promise<void>): Promise<void> {
  for (let left = 1_000; ; left -= 1) {
    try {
      return await work();
    } catch (error) {
      if (left === 0 || codeOf(error) !== 'ASYNCZ_VERSION_CONFLICT') throw error;
    }
  }
}
