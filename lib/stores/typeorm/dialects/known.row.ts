import type { TaskStand } from '../../../model/change.js';
import type { RunRow, TaskStateRow } from '../../../persistence/codec.interface.js';
import type { TakeRequest } from '../../exchange.interface.js';

/** Who takes tasks, and for how long, in milliseconds. */
export type Taker = Pick<TakeRequest, 'owner' | 'leaseMs'>;

/** A change of a task that is known without reading, as rows. */
export interface KnownRow {
  /** What the row in the table must have. */
  readonly from: Pick<TaskStand, 'id' | 'version' | 'lastToken'>;
  /** The state as it is to be; null to remove the task. */
  readonly state: TaskStateRow | null;
  /** Ended runs of this task. */
  readonly runs: readonly RunRow[];
}
