import { isStartTask } from '../../model/start-tasks.js';
import type { TaskDefinition } from '../../model/definition.js';
import { taskIdOfRun } from '../../model/run.js';
import type { RunRecord } from '../../model/run.js';
import type { StoredTask, TaskRecord, UnreadableTask } from '../../model/task.js';
import { largeText } from '../../persistence/record.size.js';
import type { TaskCodec, TaskStateRow } from '../../persistence/codec.interface.js';
import type { RunFacts } from '../task-query.js';
import type { DropEntry, PutEntry, RunEntry } from './redis.entries.js';
import { dueText, headText, queueName, readPlace } from './redis.place.js';
import {
  columnsOf,
  definitionText,
  parseParts,
  parseRun,
  rankOfRun,
  runText,
  runTimeScore,
  startMember,
  unreadBytes,
} from './redis.records.js';
import type { StoredParts, StoredRun } from './redis.records.js';

/** A stored task that can be read, with what a write of it is guarded by. */
export interface LoadedTask {
  readonly task: TaskRecord;
  /** How its stand must begin: see `Place.guard`. */
  readonly guard: string;
  /** When it is due by its columns, in milliseconds since the epoch. */
  readonly dueAt: number | null;
}

/** Between tasks and what the scripts take and give. */
export class RedisRecordsCodec {
  constructor(
    private readonly codec: TaskCodec,
    private readonly reportUnreadable: (task: UnreadableTask) => void,
  ) {}

  /** A task that can be read, or the reason why it cannot; that is reported too. */
  load(parts: StoredParts): LoadedTask | UnreadableTask {
    const isTooLarge = unreadBytes(parts.definition) ?? unreadBytes(parts.state);
    const parsed = isTooLarge === null ? parseParts(parts) : null;
    const task: StoredTask = parsed ? this.codec.decodeTask(parsed.row) : this.#unread(parts, isTooLarge);
    if (!('unreadable' in task)) return { task, guard: parsed!.place.guard, dueAt: parsed!.row.dueAt };
    this.reportUnreadable(task);
    return task;
  }

  /** What is known of a record whose columns cannot be read. */
  #unread({ id, definition, state, taken }: StoredParts, bytes: number | null): UnreadableTask {
    const { maxRecordBytes } = this.codec;
    return {
      id,
      unreadable: bytes === null ? 'damaged' : 'too-large',
      message:
        bytes === null ? 'The record is not one of this library, or it was damaged.' : largeText(bytes, maxRecordBytes),
      handler: columnsOf(definition)?.[1] ?? null,
      nextRunTime: readPlace(state, taken)?.place.nextRunTime ?? null,
    };
  }

  /** The task alone, as a caller gets it. */
  decode(parts: StoredParts): StoredTask {
    const loaded = this.load(parts);
    return 'unreadable' in loaded ? loaded : loaded.task;
  }

  /** What writes a whole task: a new one, or in place of another. */
  whole(
    task: TaskRecord,
    nonce: string,
    what: Pick<PutEntry, 'what' | 'guard'>,
    runs?: readonly RunRecord[],
  ): PutEntry {
    const row = this.codec.encodeTask(task);
    const written = { definition: definitionText(row), queue: queueName(row), startMember: startMember(row) };
    return { ...this.#put(row, row.handler, nonce, what, runs), written };
  }

  /** What writes the state alone. */
  stateOnly(task: TaskRecord, nonce: string, guard: string, runs?: readonly RunRecord[]): PutEntry {
    const row = this.codec.encodeState(task);
    return this.#put(row, task.definition.handler, nonce, { what: 'set', guard }, runs);
  }

  /**
   * What removes a task.
   *
   * @param definition What is known of it.
   */
  drop(id: string, definition: TaskDefinition | null, guard: string, runs?: readonly RunRecord[]): DropEntry {
    const hasStart = definition === null || isStartTask(definition);
    return { what: 'drop', id, guard, hasStart, runs: this.runs(runs) };
  }

  #put(
    row: TaskStateRow,
    handler: string,
    nonce: string,
    { what, guard }: Pick<PutEntry, 'what' | 'guard'>,
    runs?: readonly RunRecord[],
  ): PutEntry {
    return {
      what,
      id: row.id,
      guard,
      nonce,
      head: headText(row, nonce),
      time: dueText(row),
      state: row.state,
      runTime: runTimeScore(handler, row.nextRunTime),
      written: null,
      runs: this.runs(runs),
    };
  }

  runs(runs: readonly RunRecord[] = []): readonly RunEntry[] {
    return runs.map((run) => {
      const rank = rankOfRun(run);
      const mayBeOnly = taskIdOfRun(run.id) === run.taskId;
      return { task: run.taskId, rank, mayBeOnly, text: runText(this.codec.encodeRun(run)) };
    });
  }

  /** Ended runs that meet a condition on their clear columns; only those are decoded. */
  decodeRuns(stored: readonly StoredRun[], matches: (run: RunFacts) => boolean): RunRecord[] {
    const found: RunRecord[] = [];
    for (const run of stored) {
      const row = parseRun(run);
      if (row && matches(row)) found.push(this.codec.decodeRun(row));
    }
    return found;
  }
}
