import type { RunRecord } from '../../model/run.js';
import type { StoredTask, TaskRecord, UnreadableTask } from '../../model/task.js';
import { largeText } from '../../persistence/record.size.js';
import type { TaskCodec, TaskRow, TaskStateRow } from '../../persistence/codec.interface.js';
import type { RunFacts } from '../task-query.js';
import type { Entry, RunEntry } from './redis.entries.js';
import { memberOf, quoted, readPlace, writtenPlace } from './redis.place.js';
import type { QueueColumns } from './redis.place.js';
import {
  attemptText,
  definitionText,
  endText,
  parseParts,
  parseRun,
  runText,
  runTimeScore,
  startMember,
  unreadBytes,
} from './redis.records.js';
import type { StoredParts } from './redis.records.js';

/** A stored task that can be read, with what a write of it is guarded by. */
export interface LoadedTask {
  readonly task: TaskRecord;
  readonly row: TaskRow;
  /** The text of its `Place`. */
  readonly place: string;
}

/** An entry, and the task's columns as they are when that was written. */
export interface Write {
  readonly entry: Entry;
  readonly row: TaskRow;
}

/** What a write is guarded by. */
type Guard = Pick<Entry, 'what' | 'expected' | 'version'>;

/** Between tasks and what the scripts take and give. */
export class RedisRecordsCodec {
  constructor(
    private readonly codec: TaskCodec,
    private readonly reportUnreadable: (task: UnreadableTask) => void,
  ) {}

  /** A task that can be read, or the reason why it cannot; that is reported too. */
  load(parts: StoredParts): LoadedTask | UnreadableTask {
    const row = parseParts(parts);
    const task: StoredTask = row ? this.codec.decodeTask(row) : this.#unread(parts);
    if (!('unreadable' in task)) return { task, row: row!, place: parts.place! };
    this.reportUnreadable(task);
    return task;
  }

  /** What is known of a record whose columns cannot be read. */
  #unread({ id, definition, place }: StoredParts): UnreadableTask {
    const bytes = unreadBytes(definition);
    const { maxRecordBytes } = this.codec;
    return {
      id,
      unreadable: bytes === null ? 'damaged' : 'too-large',
      message:
        bytes === null ? 'The record is not one of this library, or it was damaged.' : largeText(bytes, maxRecordBytes),
      handler: null,
      nextRunTime: readPlace(place)?.nextRunTime ?? null,
    };
  }

  /** The task alone, as a caller gets it. */
  decode(parts: StoredParts): StoredTask {
    const loaded = this.load(parts);
    return 'unreadable' in loaded ? loaded : loaded.task;
  }

  /** What writes a whole task. */
  full(task: TaskRecord, nonce: string, guard: Guard, runs: readonly RunRecord[] = []): Write {
    const row = this.codec.encodeTask(task);
    return {
      row,
      entry: {
        ...this.#entryOf(row, row, nonce, guard, runs),
        definition: definitionText(row),
        startMember: startMember(row),
      },
    };
  }

  /** What writes the state alone: the definition is the one that was loaded. */
  stateOnly(task: TaskRecord, old: TaskRow, nonce: string, guard: Guard, runs: readonly RunRecord[]): Write {
    const row = this.codec.encodeState(task);
    return { row: { ...old, ...row }, entry: this.#entryOf(old, row, nonce, guard, runs) };
  }

  #entryOf(queue: QueueColumns, row: TaskStateRow, nonce: string, guard: Guard, runs: readonly RunRecord[]): Entry {
    return {
      ...guard,
      id: row.id,
      state: row.state,
      place: writtenPlace(row, nonce, memberOf(row.id, queue, row.dueAt)),
      runTime: runTimeScore(queue, row),
      ...(runs.length > 0 && { runs: this.runs(runs) }),
    };
  }

  runs(runs: readonly RunRecord[]): RunEntry[] {
    return runs.map((run) => ({
      id: run.id,
      attempt: attemptText(run.attempt, run.token),
      ended: endText(run),
      task: quoted(run.taskId),
      text: runText(this.codec.encodeRun(run)),
    }));
  }

  /** Ended runs that meet a condition on their clear columns; only those are decoded. */
  decodeRuns(stored: readonly string[], matches: (run: RunFacts) => boolean): RunRecord[] {
    const found: RunRecord[] = [];
    for (const text of stored) {
      const row = parseRun(text);
      if (row && matches(row)) found.push(this.codec.decodeRun(row));
    }
    return found;
  }
}
