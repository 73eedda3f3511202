import { rejectUnknownOptions } from '../errors/input.errors.js';
import { AsyncExecutor } from './async.executor.js';

/**
 * Calls handlers inline, one at a time: the next run starts when the one before has ended, in the order of the claims. For
 * tests and for the debugger; one slow handler delays all others.
 *
 * @publicApi
 */
export class DebugExecutor extends AsyncExecutor {
  /** @throws UnknownOptionError It has no options. */
  constructor(options: object = {}) {
    rejectUnknownOptions('the debug executor', options, []);
    super({ concurrency: 1 });
  }
}
