import type { RunStatus } from '../../model/run.js';

/** How the handler of a run ended. */
export interface RunOutcome {
  /** `suspended` where it has put the run off, whatever it came to after that. */
  readonly status: RunStatus | 'suspended';
  /** What it threw; undefined when it returned. */
  readonly error?: unknown;
  /** What it returned. */
  readonly result?: unknown;
}
