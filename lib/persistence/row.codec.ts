import { PayloadTooLargeError, UnserializableError } from '../errors/persistence.errors.js';
import type { RunError, RunRecord } from '../model/run.js';
import type { StoredTask, TaskRecord } from '../model/task.js';
import { dueTime, runningCount } from '../model/task.js';
import type { RunRow, TaskCodec, TaskRow, TaskStateRow } from './codec.interface.js';
import { NO_KEY, codecName, keyOf, openEnvelope, sealEnvelope } from './envelope.js';
import type { RecordAddress } from './envelope.js';
import { parseJsonObject } from './json-text.js';
import type { KeyRing } from './key-ring.js';
import { readValue, valueMember, withArgs } from './payload.js';
import type { RecordKey } from './record-key.js';
import { asDefinition, asRunError, asState } from './record.schema.js';
import { isUnstoredResult, plainError, shortenedError, unreadableOutcome, unstoredResult } from './run-outcome.js';
import type { UnstoredResult } from './run-outcome.js';
import type { Serializer, SerializerRegistry } from './serializer.registry.js';
import { UnreadableFault, toFault } from './unreadable.fault.js';
import { ValueFault, inspectJson } from './value-inspection.js';

/** What a codec is made for. */
export interface RowCodecOptions {
  readonly namespace: string;
  readonly serializer: Serializer;
  /** To read records of other serializers. */
  readonly serializers: SerializerRegistry;
  readonly keyRing: KeyRing | null;
  /** Whether the ring's first key writes. */
  readonly encrypt: boolean;
  readonly maxPayloadBytes: number;
}

/** Between tasks and rows of plain columns. Keeps nothing: what it can read changes with the key ring. */
export class RowCodec implements TaskCodec {
  readonly #options: RowCodecOptions;

  constructor(options: RowCodecOptions) {
    this.#options = options;
  }

  encodeTask(task: TaskRecord): TaskRow {
    const { serializer, maxPayloadBytes } = this.#options;
    const { args, ...definition } = task.definition;
    const payload = appendMember(JSON.stringify(definition), argsMember(task, serializer));
    const key = this.#writer;
    const envelope = sealEnvelope(this.#taskAddress(task.id), serializer.name, payload, key);
    const bytes = Buffer.byteLength(envelope);
    if (bytes > maxPayloadBytes) throw new PayloadTooLargeError(task.id, bytes, maxPayloadBytes);
    return {
      ...this.encodeState(task),
      name: definition.name,
      handler: definition.handler,
      executor: definition.executor,
      trigger: definition.trigger.type,
      tags: definition.tags,
      priority: definition.policies.priority,
      codec: codecName(serializer.name, key?.id ?? NO_KEY),
      definition: envelope,
    };
  }

  encodeState({ id, version, definition, state }: TaskRecord): TaskStateRow {
    return {
      id,
      paused: state.pause !== null,
      running: runningCount(state),
      finished: state.exhausted && state.live.length === 0,
      nextRunTime: state.nextRunTime,
      dueAt: dueTime(definition, state),
      version,
      state: JSON.stringify(state),
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
    const { error, result, ...row } = run;
    if (error === null && result === undefined) return { ...row, outcome: null };
    return { ...row, outcome: this.#writeOutcome(run, error === null ? null : plainError(error)) };
  }

  decodeRun(row: RunRow): RunRecord {
    const { outcome, ...run } = row;
    if (outcome === null) return { ...run, error: null, result: undefined };
    try {
      const { payload, serializer } = this.#open(this.#runAddress(row), outcome);
      const result = readValue('result', payload, serializer);
      return { ...run, error: asRunError(payload.error), result };
    } catch (error) {
      return { ...run, ...unreadableOutcome(toFault(error)) };
    }
  }

  readable(): readonly string[] {
    const keys = [NO_KEY, ...(this.#options.keyRing?.ids() ?? [])];
    return this.#options.serializers.names().flatMap((name) => keys.map((key) => codecName(name, key)));
  }

  needsRotation(row: Pick<TaskRow, 'definition'> | Pick<RunRow, 'outcome'>): boolean {
    const text = 'definition' in row ? row.definition : row.outcome;
    return text !== null && keyOf(text) !== (this.#writer?.id ?? null);
  }

  get #writer(): RecordKey | null {
    const { keyRing, encrypt } = this.#options;
    return encrypt ? (keyRing?.writer ?? null) : null;
  }

  #readTask(row: TaskRow): TaskRecord {
    const { payload, serializer } = this.#open(this.#taskAddress(row.id), row.definition);
    const definition = asDefinition(withArgs(payload, readValue('args', payload, serializer)));
    if (definition.id !== row.id) throw new UnreadableFault('damaged', 'The record is that of another task.');
    const { version } = row;
    if (!Number.isSafeInteger(version) || version < 1) {
      throw new UnreadableFault('damaged', 'The version is not a whole number from 1.');
    }
    const state = asState(parseJsonObject(row.state, 'state'));
    return { id: row.id, version, definition, state };
  }

  #open(address: RecordAddress, text: string) {
    const { serializers, keyRing } = this.#options;
    const { payload, serializer } = openEnvelope(address, text, serializers, keyRing);
    return { payload, serializer: serializers.get(serializer) };
  }

  /** What fits: the result, or else a note, and of an error at least the beginning. */
  #writeOutcome(run: RunRecord, error: RunError | null): string {
    const { maxPayloadBytes } = this.#options;
    let outcome = this.#sealOutcome(run, error, run.result);
    if (Buffer.byteLength(outcome) <= maxPayloadBytes) return outcome;
    const message = `The result takes more than ${maxPayloadBytes} bytes (maxPayloadBytes).`;
    const note = run.result === undefined ? undefined : unstoredResult('too-large', message);
    outcome = this.#sealOutcome(run, error, note);
    if (error === null || Buffer.byteLength(outcome) <= maxPayloadBytes) return outcome;
    // Written in JSON and base64 a character may take eight bytes.
    return this.#sealOutcome(run, shortenedError(error, Math.max(200, Math.floor(maxPayloadBytes / 32))), note);
  }

  #sealOutcome(run: RunRecord, error: RunError | null, result: unknown): string {
    const { serializer } = this.#options;
    let payload = JSON.stringify({ error });
    if (result !== undefined) payload = appendMember(payload, resultMember(result, serializer));
    return sealEnvelope(this.#runAddress(run), serializer.name, payload, this.#writer);
  }

  #taskAddress(id: string): RecordAddress {
    return { namespace: this.#options.namespace, entity: 'task', key: [id] };
  }

  #runAddress({ taskId, id, attempt, token }: Pick<RunRecord, 'taskId' | 'id' | 'attempt' | 'token'>): RecordAddress {
    return { namespace: this.#options.namespace, entity: 'run', key: [taskId, id, attempt, token] };
  }
}

/**
 * The member for a task's arguments. Its trigger is plain JSON and is only checked: what is stored of it has to be what
 * the task was given.
 *
 * @throws UnserializableError
 */
function argsMember({ id, definition }: TaskRecord, serializer: Serializer): string {
  try {
    inspectJson(definition.trigger, 'trigger');
    return valueMember('args', definition.args, serializer);
  } catch (error) {
    if (!(error instanceof ValueFault)) throw error;
    throw new UnserializableError(id, error.path, error.problem, error.allowed, { cause: error.cause });
  }
}

/** The member for a result, or for a note that says why there is none. */
function resultMember(result: unknown, serializer: Serializer): string {
  try {
    return isUnstoredResult(result) ? noteMember(result) : valueMember('result', result, serializer);
  } catch (error) {
    return noteMember(unstoredResult('unserializable', error instanceof Error ? error.message : String(error)));
  }
}

/** As it is: no serializer of anybody's own is asked. */
function noteMember({ $asyncz, reason, message }: UnstoredResult): string {
  return `"result":${JSON.stringify({ $asyncz, reason, message: message.slice(0, 1_000) })}`;
}

/** Adds a member to the JSON text of an object that has one already. */
function appendMember(json: string, member: string): string {
  return `${json.slice(0, -1)},${member}}`;
}
