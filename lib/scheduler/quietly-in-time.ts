import { quietly } from '../model/logger.js';
import type { Logger } from '../model/logger.js';
import type { Deadline } from '../time/deadline.js';

/**
 * Does work whose failure is logged and stops nothing, and waits for it no longer than the deadline allows: it is then left to
 * itself. Never rejects.
 *
 * @param mostMs How long to wait at the most, in milliseconds.
 */
export async function quietlyInTime(
  logger: Logger,
  deadline: Deadline,
  what: string,
  work: () => unknown,
  mostMs = Infinity,
): Promise<void> {
  if (await deadline.holds(quietly(logger, what, work), mostMs)) return;
  logger.warn(`${what} has not ended in time; it is left to itself`);
}
