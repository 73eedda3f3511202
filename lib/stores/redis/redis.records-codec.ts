import type { TaskCodec, TaskRow, TaskStateRow } from '../../persistence/codec.interface.js';
import type { RunRecord } from '../../model/run.js';
import type { StoredTask, TaskRecord, UnreadableTask } from '../../model/task.js';
import {
  attemptText,
  clearNextRunTime,
  columnsText,
  definitionText,
  handlerName,
  inverseTimeText,
  memberOf,
  parseParts,
  parseRun,
  runText,
} from './redis.records.js';
import type { Stamp, StoredParts } from './redis.records.js';
import type { Entry, RunEntry } from './redis.entries.js';

/** A stored task that can be read, with what a write of it is guarded by. */
export interface LoadedTask {
  readonly task: TaskRecord;
  readonly row: TaskRow;
  readonly stamp: Stamp;
}

/** An entry, and the task as it is when that was written. */
export interface Write {
  readonly entry: Entry;
  readonly row: TaskRow;
}

/** Between tasks and what the scripts take and give. */
export class RedisRecordsCodec {
  constructor(
    private readonly codec: TaskCodec,
    private readonly reportUnreadable: (task: UnreadableTask) => void,
  ) {}

  /** A task that can be read, or the reason why it cannot; that is reported too. */
  load(parts: StoredParts): LoadedTask | UnreadableTask {
    const parsed = parseParts(parts);
    const task: StoredTask = parsed ? this.codec.decodeTask(parsed.row) : damaged(parts);
    if (!('unreadable' in task)) return { task, ...parsed! };
    this.reportUnreadable(task);
    return task;
  }

  /** The task alone, as a caller gets it. */
  decode(parts: StoredParts): StoredTask {
    const loaded = this.load(parts);
    return 'unreadable' in loaded ? loaded : loaded.task;
  }

  /** What writes a whole task. */
  full(task: TaskRecord, guard: Pick<Entry, 'what' | 'stamp' | 'reservation'>, runs: readonly RunRecord[] = []): Write {
    const row = this.codec.encodeTask(task);
    return { row, entry: { ...this.#entryOf(row, row, guard, runs), definition: definitionText(row) } };
  }

  /** What writes the state alone: the definition is the one that was loaded. */
  stateOnly(
    task: TaskRecord,
    { row: old, stamp }: LoadedTask,
    reservation: string | undefined,
    runs: readonly RunRecord[],
  ): Write {
    const row = this.codec.encodeState(task);
    const guard = { what: 'set', stamp, reservation } as const;
    return { row: { ...old, ...row }, entry: this.#entryOf(old, row, guard, runs) };
  }

  #entryOf(
    named: Pick<TaskRow, 'id' | 'handler' | 'priority' | 'codec'>,
    row: TaskStateRow,
    guard: Pick<Entry, 'what' | 'stamp' | 'reservation'>,
    runs: readonly RunRecord[],
  ): Entry {
    return {
      ...guard,
      id: row.id,
      state: row.state,
      version: row.version,
      columns: columnsText(row),
      nextRunTime: row.nextRunTime,
      member: memberOf(named, row.dueAt),
      ...(runs.length > 0 && { runs: this.runs(runs) }),
    };
  }

  runs(runs: readonly RunRecord[]): RunEntry[] {
    return runs.map((run) => {
      const row = this.codec.encodeRun(run);
      return {
        id: run.id,
        attempt: attemptText(run.attempt, run.token),
        ended: inverseTimeText(run.endedAt),
        task: handlerName(run.taskId),
        text: runText(row),
      };
    });
  }

  /** Ended runs that meet a condition on their clear columns; only those are decoded. */
  decodeRuns(stored: readonly string[], matches: (run: RunRecord) => boolean): RunRecord[] {
    const found: RunRecord[] = [];
    for (const text of stored) {
      const row = parseRun(text);
      if (row && matches({ ...row, error: null, result: null })) found.push(this.codec.decodeRun(row));
    }
    return found;
  }
}

function damaged({ id, place }: StoredParts): UnreadableTask {
  return {
    id,
    unreadable: 'damaged',
    message: 'The record is not one of this library, or it was damaged.',
    handler: null,
    nextRunTime: clearNextRunTime(place),
  };
}
