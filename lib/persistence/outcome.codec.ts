import type { RunError, RunRecord } from '../model/run.js';
import type { RunRow } from './codec.interface.js';
import type { CodecSettings } from './codec.settings.js';
import { writerOf } from './codec.settings.js';
import { openEnvelope, sealEnvelope } from './envelope.js';
import type { RecordAddress } from './envelope.js';
import { appendMember, readValue, valueMember } from './payload.js';
import { asRunError } from './record.schema.js';
import { plainError, shortenedError, unreadOutcome, unreadableOutcome } from './run-error.js';
import { isUnstoredResult, unstoredResult } from './unstored-result.js';
import type { UnstoredResult } from './unstored-result.js';
import type { Serializer } from './serializer.registry.js';
import { toFault } from './unreadable.fault.js';

type Outcome = Pick<RunRecord, 'error' | 'result'>;

/** Between a run's error and result and the one column that they are stored in. Neither direction throws. */
export class OutcomeCodec {
  readonly #settings: CodecSettings;

  constructor(settings: CodecSettings) {
    this.#settings = settings;
  }

  /** What fits: the result, or else a note, and of an error at least the beginning. null when there is neither. */
  encode(run: RunRecord): RunRow['outcome'] {
    if (!run.error && run.result === undefined) return null;
    const unread = unreadOutcome(run.error);
    if (unread !== undefined) return unread;
    const { serializer, maxPayloadBytes } = this.#settings;
    const error = run.error ? plainError(run.error) : null;
    const result = run.result === undefined ? null : resultMember(run.result, serializer);
    const whole = this.#seal(run, error, result);
    if (whole !== null) return whole;
    const tooLarge = `The result takes more than ${maxPayloadBytes} bytes (maxPayloadBytes).`;
    const note = result === null ? null : noteMember(unstoredResult('too-large', tooLarge));
    const withNote = this.#seal(run, error, note);
    if (withNote !== null) return withNote;
    // In JSON and base64 a character may take eight bytes. A few hundred are kept however small the limit is.
    const short = error && shortenedError(error, Math.max(200, Math.floor(maxPayloadBytes / 32)));
    return this.#seal(run, short, note, Infinity);
  }

  decode(row: RunRow): Outcome {
    if (row.outcome === null) return { error: null, result: undefined };
    try {
      const { serializers, keyRing } = this.#settings;
      const { payload, serializer } = openEnvelope(this.#address(row), row.outcome, serializers, keyRing);
      return { error: asRunError(payload.error), result: readValue('result', payload, serializers.get(serializer)) };
    } catch (error) {
      return unreadableOutcome(toFault(error), row.outcome);
    }
  }

  /** null when it is larger than allowed. */
  #seal(
    run: RunRecord,
    error: RunError | null,
    result: string | null,
    maxBytes = this.#settings.maxPayloadBytes,
  ): string | null {
    // Before they are put together: the longest text that there can be is not far above what a result may take.
    if (result !== null && result.length > maxBytes) return null;
    const head = JSON.stringify({ error });
    const payload = result === null ? head : appendMember(head, result);
    const { serializer } = this.#settings;
    const outcome = sealEnvelope(this.#address(run), serializer.name, payload, writerOf(this.#settings));
    return Buffer.byteLength(outcome) > maxBytes ? null : outcome;
  }

  #address({ taskId, id, attempt, token }: Pick<RunRecord, 'taskId' | 'id' | 'attempt' | 'token'>): RecordAddress {
    return { namespace: this.#settings.namespace, entity: 'run', key: [taskId, id, attempt, token] };
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
function noteMember(note: UnstoredResult): string {
  return `"result":${JSON.stringify(note)}`;
}
