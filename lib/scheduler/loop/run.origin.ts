import type { TakenTask } from '../../model/change.js';
import type { LiveRun } from '../../model/run.js';
import type { TaskRecord } from '../../model/task.js';
import { simpleClaim } from '../plan/simple.plan.js';

/** What is known of every run at its start. */
export type RunStart = Pick<LiveRun, 'id' | 'token' | 'scheduledTime' | 'attempt' | 'source' | 'lost'>;

/** What a claim has made of a task, and the run that it started. */
export interface RunOrigin {
  /** When the task was taken, by the store's clock, where it is simple (see `isSimple`); null for all others. */
  readonly simpleSince: number | null;
  /** The task as the claim makes it. */
  readonly record: TaskRecord;
  readonly run: LiveRun;
}

/** The claim of a simple task: it is worked out when somebody asks for it, which for most nobody does. */
export class SimpleOrigin implements RunOrigin {
  #made: ReturnType<typeof simpleClaim> | null = null;

  constructor(private readonly taken: TakenTask) {}

  get simpleSince(): number {
    return this.taken.lease.at;
  }

  get record(): TaskRecord {
    return (this.#made ??= simpleClaim(this.taken)).record;
  }

  get run(): LiveRun {
    return (this.#made ??= simpleClaim(this.taken)).run;
  }
}
