import { RefusedError } from '../cli.errors.js';
import type { CliIo } from '../cli.io.js';

/**
 * Has a person agree to a change before it is made.
 *
 * @throws RefusedError When they do not, or nobody can be asked and nobody has said `--yes`.
 */
export async function confirm(io: CliIo, isAgreed: boolean | undefined, question: string): Promise<void> {
  if (isAgreed) return;
  if (io.confirm === null) throw new RefusedError(`${question} Nobody can be asked here: say --yes to do it`);
  if (!(await io.confirm(question))) throw new RefusedError('Nothing was done');
}
