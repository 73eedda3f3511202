import { PayloadTooLargeError } from '../errors/persistence.errors.js';
import { DUE_KEYS, withDueKeys } from '../model/due-keys.js';
import type { DueKey } from '../model/due-keys.js';
import type { JournalEntry } from '../model/journal.js';
import type { RunRecord } from '../model/run.js';
import { isDisabled } from '../model/definition.js';
import type { TaskDefinition } from '../model/definition.js';
import { isStartTask } from '../model/start-tasks.js';
import type { StoredTask, TaskRecord, TaskState } from '../model/task.js';
import { dueTime, isIdle, runningCount } from '../model/task.js';
import type { JournalRow, RunRow, TaskCodec, TaskRow, TaskStateRow } from './codec.interface.js';
import type { CodecSettings } from './codec.settings.js';
import { noteClear, writerOf } from './codec.settings.js';
import { definitionText, readDefinition } from './definition.text.js';
import { NO_KEY, codecName, isEncrypted, keyOf, openEnvelope, sealEnvelope } from './envelope.js';
import type { RecordAddress } from './envelope.js';
import { boundedAttempt, boundedCoalesced, boundedState } from './bounded.state.js';
import { EntryCodec } from './entry.codec.js';
import { refuseInconsistent } from './clear.columns.js';
import { OutcomeCodec } from './outcome.codec.js';
import { refuseLarge } from './record.size.js';
import { asState } from './record.schema.js';
import { readState, stateText } from './state.text.js';
import { LARGEST_COUNT } from './schema.js';
import { UnreadableFault, toFault } from './unreadable.fault.js';
import { LargeValueFault } from './value-inspection.js';

/** Between tasks and rows of plain columns. Keeps nothing: what it can read changes with the key ring. */
export class RowCodec implements TaskCodec {
  readonly maxRecordBytes: number;
  readonly #settings: CodecSettings;
  readonly #outcomes: OutcomeCodec;
  readonly #entries: EntryCodec;

  constructor(settings: CodecSettings) {
    this.maxRecordBytes = settings.maxRecordBytes;
    this.#settings = settings;
    this.#outcomes = new OutcomeCodec(settings);
    this.#entries = new EntryCodec(settings);
  }

  encodeTask(task: TaskRecord): TaskRow {
    const { serializer, maxPayloadBytes } = this.#settings;
    const { definition } = task;
    const payload = this.#definitionText(definition);
    // Before much work is put into it, and once more with what encryption adds.
    if (payload.length > maxPayloadBytes) throw tooLarge(task.id, payload, maxPayloadBytes);
    const key = writerOf(this.#settings);
    const envelope = sealEnvelope(this.#address(task.id), serializer.name, payload, key);
    if (Buffer.byteLength(envelope) > maxPayloadBytes) throw tooLarge(task.id, envelope, maxPayloadBytes);
    // Field by field, here and below: to spread objects of this size costs more than all the rest.
    const state = this.encodeState(task);
    const row: Omit<TaskRow, DueKey> = {
      id: task.id,
      paused: state.paused,
      running: state.running,
      finished: state.finished,
      nextRunTime: state.nextRunTime,
      dueAt: state.dueAt,
      version: state.version,
      lastToken: state.lastToken,
      lease: state.lease,
      state: state.state,
      name: definition.name,
      handler: definition.handler,
      trigger: definition.trigger.type,
      tags: definition.tags,
      priority: definition.policies.priority,
      disabled: isDisabled(definition),
      startTask: isStartTask(definition),
      codec: codecName(serializer.name, key?.id ?? NO_KEY),
      definition: envelope,
    };
    return withDueKeys(row, (key) => DUE_KEYS[key](definition)) as TaskRow;
  }

  /** What is far too large is not written to its end. @throws PayloadTooLargeError, UnserializableError */
  #definitionText(definition: TaskDefinition): string {
    const { serializer, maxPayloadBytes } = this.#settings;
    try {
      return definitionText(definition, serializer, maxPayloadBytes);
    } catch (error) {
      if (error instanceof LargeValueFault) throw new PayloadTooLargeError(definition.id, null, maxPayloadBytes);
      throw error;
    }
  }

  encodeState({ id, version, definition, state: given }: TaskRecord): Required<TaskStateRow> {
    const state = boundedState(given);
    return {
      id,
      paused: state.pause !== null,
      running: runningCount(state),
      finished: state.exhausted && isIdle(state),
      nextRunTime: state.nextRunTime,
      dueAt: dueTime(definition, state),
      version,
      lastToken: state.lastToken,
      lease: state.lease,
      state: stateText(id, state, this.#settings),
    };
  }

  decodeTask(row: TaskRow): StoredTask {
    try {
      return this.#readTask(row);
    } catch (error) {
      const { reason, message } = toFault(error);
      const { id, handler, nextRunTime } = row;
      return {
        id,
        unreadable: reason,
        message,
        handler: typeof handler === 'string' ? handler : null,
        nextRunTime: typeof nextRunTime === 'number' ? nextRunTime : null,
      };
    }
  }

  encodeRun(run: RunRecord): RunRow {
    return {
      id: run.id,
      taskId: run.taskId,
      handler: run.handler,
      source: run.source,
      scheduledTime: run.scheduledTime,
      attempt: boundedAttempt(run.attempt),
      status: run.status,
      owner: run.owner,
      token: run.token,
      startedAt: run.startedAt,
      endedAt: run.endedAt,
      coalesced: boundedCoalesced(run),
      dead: run.dead,
      outcome: this.#outcomes.encode(run),
    };
  }

  decodeRun(row: RunRow): RunRecord {
    const { error, result, request, cancel, definition, steps, output } = this.#outcomes.decode(row);
    return {
      id: row.id,
      taskId: row.taskId,
      handler: row.handler,
      source: row.source,
      scheduledTime: row.scheduledTime,
      attempt: row.attempt,
      status: row.status,
      owner: row.owner,
      token: row.token,
      startedAt: row.startedAt,
      endedAt: row.endedAt,
      coalesced: row.coalesced,
      dead: row.dead,
      error,
      result,
      request,
      cancel,
      definition,
      ...(steps && { steps }),
      ...(output && { output }),
    };
  }

  encodeEntry(entry: JournalEntry): JournalRow {
    return this.#entries.encode(entry);
  }

  decodeEntry(row: JournalRow): JournalEntry {
    return this.#entries.decode(row);
  }

  actorLabels(actor: string): readonly string[] {
    return this.#entries.labelsOf(actor);
  }

  readable(): readonly string[] {
    const { keyRing, serializers, required } = this.#settings;
    const keys = [...(required ? [] : [NO_KEY]), ...(keyRing?.ids() ?? [])];
    return serializers.names().flatMap((name) => keys.map((key) => codecName(name, key)));
  }

  needsRotation(row: Pick<TaskRow, 'definition'> | Pick<RunRow, 'outcome'> | Pick<JournalRow, 'body'>): boolean {
    const text = 'definition' in row ? row.definition : 'outcome' in row ? row.outcome : row.body;
    return text !== null && keyOf(text) !== (writerOf(this.#settings)?.id ?? null);
  }

  #readTask(row: TaskRow): TaskRecord {
    const { id, version } = row;
    const { serializers } = this.#settings;
    refuseLarge(row.oversize, [row.definition, row.state], this.maxRecordBytes);
    const { payload, serializer, codec } = openEnvelope(this.#address(id), row.definition, this.#settings);
    const definition = readDefinition(payload, serializers.get(serializer));
    if (definition.id !== id) throw new UnreadableFault('damaged', 'The record is that of another task.');
    if (!Number.isSafeInteger(version) || version < 1 || version > LARGEST_COUNT) {
      throw new UnreadableFault('damaged', 'The version is not a whole number from 1.');
    }
    const state = withOwnColumns(readState(id, row.state, this.#settings), row);
    const task = { id, version, definition, state };
    refuseInconsistent(row, task, codec);
    if (!isEncrypted(codec)) noteClear(this.#settings);
    return task;
  }

  #address(id: string): RecordAddress {
    return { namespace: this.#settings.namespace, entity: 'task', key: [id] };
  }
}

/** What a store keeps of a state in columns of their own is newer than what the text says. */
function withOwnColumns(state: TaskState, { lastToken = state.lastToken, lease = state.lease }: TaskRow): TaskState {
  const isSame = lastToken === state.lastToken && lease?.token === state.lease?.token;
  return isSame ? state : asState({ ...state, lastToken, lease });
}

function tooLarge(taskId: string, text: string, maxBytes: number): PayloadTooLargeError {
  return new PayloadTooLargeError(taskId, Buffer.byteLength(text), maxBytes);
}
