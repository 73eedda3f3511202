import type { DueKeyValues } from '../model/due-keys.js';
import type { JournalEntry } from '../model/journal.js';
import type { RunRecord } from '../model/run.js';
import type { StoredTask, TaskLease, TaskRecord } from '../model/task.js';

/**
 * A task as plain columns: what a store writes, with one for each of {@link DUE_KEYS}. Everything but `definition` is in
 * clear, because databases filter, sort and index by it; `docs/stores.md` says what encryption hides and what it does not.
 *
 * @publicApi
 */
export interface TaskRow extends DueKeyValues {
  readonly id: string;
  readonly name: string;
  readonly handler: string;
  readonly executor: string;
  /** The type of the trigger. */
  readonly trigger: string;
  readonly tags: readonly string[];
  readonly priority: number;
  /** Whether the code has disabled it. */
  readonly disabled: boolean;
  /** Whether `Store.startTasks` finds it, for an index of these. What is given to be decoded need not have it. */
  readonly startTask?: boolean;
  readonly paused: boolean;
  /** How many runs are under way. */
  readonly running: number;
  /** Whether nothing is to come and nothing is under way. */
  readonly finished: boolean;
  /** Milliseconds since the epoch, or null. */
  readonly nextRunTime: number | null;
  /**
   * When a claim has something to do, in milliseconds since the epoch; null for never. The column to index. That of a task which
   * is under a lease may be earlier where a store keeps `lease` in columns of its own: it is due when both are over.
   */
  readonly dueAt: number | null;
  readonly version: number;
  /**
   * The highest fencing token that was given out, and the lease of the whole task. `state` has them too. A store that writes
   * them alone keeps them in columns of their own, and gives them back: they then count instead of what `state` says.
   */
  readonly lastToken?: number;
  readonly lease?: TaskLease | null;
  /**
   * What it takes to read `definition`: format version, serializer and key, such as `1:json:-` or `1:json:4f2a`. Lets a
   * due query leave out what this process cannot read: see {@link TaskCodec.readable}.
   */
  readonly codec: string;
  /** The definition's envelope: JSON text, its payload encrypted where encryption is on. */
  readonly definition: string;
  /** The schedule state: JSON text. */
  readonly state: string;
  /**
   * How many bytes `definition` or `state` has, where that is more than {@link TaskCodec.maxRecordBytes} and the store did
   * not read them: both are empty then, and the record is unreadable.
   */
  readonly oversize?: number;
}

/**
 * The columns that change when a task's state changes and its definition does not.
 *
 * @publicApi
 */
export type TaskStateRow = Pick<
  TaskRow,
  'id' | 'paused' | 'running' | 'finished' | 'nextRunTime' | 'dueAt' | 'version' | 'lastToken' | 'lease' | 'state'
>;

/**
 * The fields of an ended run with data of people or handlers. They are stored together in {@link RunRow.outcome}.
 *
 * @publicApi
 */
export type RunOutcomeField = 'error' | 'result' | 'request' | 'cancel' | 'definition' | 'steps' | 'output';

/**
 * An ended run as plain columns.
 *
 * @publicApi
 */
export interface RunRow extends Omit<RunRecord, RunOutcomeField> {
  /** The envelope of the other fields: JSON text, encrypted where encryption is on; null when there is nothing in them. */
  readonly outcome: string | null;
  /** How many bytes `outcome` has, where the store did not read it: see `TaskRow.oversize`. It is null then. */
  readonly oversize?: number;
}

/**
 * An entry of the journal as plain columns.
 *
 * @publicApi
 */
export interface JournalRow extends Pick<JournalEntry, 'id' | 'time' | 'kind' | 'taskId' | 'scheduler'> {
  /** What a filter by actor finds: a digest of 22 characters, under the key where encryption is on; null for nobody. */
  readonly actor: string | null;
  /** The envelope of the other fields: JSON text, encrypted where encryption is on. */
  readonly body: string;
  /** How many bytes `body` has, where the store did not read it: see `TaskRow.oversize`. It is empty then. */
  readonly oversize?: number;
}

/**
 * Encodes tasks and runs as rows, and decodes them. Synchronous, so that it can run inside a database's transaction. A store
 * gets it from its context at the start.
 *
 * @publicApi
 */
export interface TaskCodec {
  /**
   * The largest text of a record that is read, in bytes: a definition, a state, an outcome. What is larger was not written
   * here, and reading it would block the process. A store that can asks its database for the length first: see
   * `TaskRow.oversize`. What it reads all the same, the codec refuses before it looks into it.
   */
  readonly maxRecordBytes: number;
  /**
   * @throws UnserializableError When arguments cannot be written, with the path to the value.
   * @throws PayloadTooLargeError When the envelope is larger than `maxPayloadBytes`.
   */
  encodeTask(task: TaskRecord): TaskRow;
  /** The columns that a change of state changes. The definition is neither written nor encrypted again. */
  encodeState(task: TaskRecord): TaskStateRow;
  /** Never throws: what cannot be read is an `UnreadableTask` with the reason. */
  decodeTask(row: TaskRow): StoredTask;
  /**
   * A result that cannot be written is replaced by a note that says so: the run has ended all the same.
   */
  encodeRun(run: RunRecord): RunRow;
  /** Never throws: an outcome that cannot be read becomes an error that says why. */
  decodeRun(row: RunRow): RunRecord;
  /** Never throws. */
  encodeEntry(entry: JournalEntry): JournalRow;
  /** Never throws: what cannot be read is said by the entry. */
  decodeEntry(row: JournalRow): JournalEntry;
  /** The values of {@link JournalRow.actor} that an actor may stand as, for a query's `IN`. */
  actorLabels(actor: string): readonly string[];
  /** The values of {@link TaskRow.codec} that this process can read, for a query's `IN`. */
  readable(): readonly string[];
  /**
   * Whether a record is not written under the key that writes now (or in clear, where nothing is encrypted), so that a
   * rotation has to write it again. Also for records that cannot be read; these a rotation leaves as they are.
   */
  needsRotation(row: Pick<TaskRow, 'definition'> | Pick<RunRow, 'outcome'> | Pick<JournalRow, 'body'>): boolean;
}
