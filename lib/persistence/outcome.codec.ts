import { describeThrown, messageOf } from '../errors/thrown.js';
import type { RunError } from '../errors/thrown.js';
import type { RunRecord } from '../model/run.js';
import type { RunOutcomeField, RunRow } from './codec.interface.js';
import type { CodecSettings } from './codec.settings.js';
import { noteClear, writerOf } from './codec.settings.js';
import { isEncrypted, openEnvelope, sealEnvelope } from './envelope.js';
import { definitionText, readDefinition } from './definition.text.js';
import type { RecordAddress } from './envelope.js';
import { isJsonObject } from './json-text.js';
import { appendMember, readValue, valueMember } from './payload.js';
import { refuseLarge } from './record.size.js';
import { asCancelRequest, asOutput, asRunError, asRunRequest, asSteps } from './record.schema.js';
import { shortenedError, unreadOutcome, unreadableOutcome } from './run-error.js';
import { isUnstoredResult, unstoredResult } from '../model/unstored-result.js';
import type { UnstoredResult } from '../model/unstored-result.js';
import type { Serializer } from './serializer.registry.js';
import { LargeValueFault } from './value-inspection.js';
import { toFault } from './unreadable.fault.js';

type Outcome = Pick<RunRecord, RunOutcomeField>;

const NOTHING: Outcome = { error: null, result: undefined, request: null, cancel: null, definition: null };

/**
 * Between what people and handlers have said of a run, and the one column that it is stored in. Neither direction throws.
 */
export class OutcomeCodec {
  readonly #settings: CodecSettings;

  constructor(settings: CodecSettings) {
    this.#settings = settings;
  }

  /** What fits: the result, or else a note, and of an error at least the beginning. null when there is neither. */
  encode(run: RunRecord): RunRow['outcome'] {
    if (isEmpty(run)) return null;
    const unread = unreadOutcome(run.error);
    if (unread !== undefined) return unread;
    const { serializer, maxPayloadBytes } = this.#settings;
    const error = run.error && describeThrown(run.error);
    const result = run.result === undefined ? null : resultMember(run.result, serializer, maxPayloadBytes);
    const whole = this.#seal(run, error, result);
    if (whole !== null) return whole;
    const note = result === null ? null : tooLargeMember(maxPayloadBytes);
    const withNote = this.#seal(run, error, note);
    if (withNote !== null) return withNote;
    // In JSON and base64 a character may take eight bytes. A few hundred are kept however small the limit is.
    const short = error && shortenedError(error, Math.max(200, Math.floor(maxPayloadBytes / 32)));
    return this.#seal(run, short, note, Infinity);
  }

  decode(row: RunRow): Outcome {
    if (row.outcome === null && row.oversize === undefined) return NOTHING;
    const text = row.outcome ?? '';
    try {
      const { serializers, maxRecordBytes } = this.#settings;
      refuseLarge(row.oversize, [text], maxRecordBytes);
      const { payload, serializer: name, codec } = openEnvelope(this.#address(row), text, this.#settings);
      if (!isEncrypted(codec)) noteClear(this.#settings);
      const serializer = serializers.get(name);
      const { error, request = null, cancel = null, definition, steps, output } = payload;
      return {
        error: asRunError(error),
        result: readValue('result', payload, serializer),
        request: asRunRequest(request),
        cancel: asCancelRequest(cancel),
        definition: isJsonObject(definition) ? readDefinition(definition, serializer) : null,
        ...(steps !== undefined && { steps: asSteps(steps) }),
        ...(output !== undefined && { output: asOutput(output) }),
      };
    } catch (error) {
      return { ...NOTHING, error: unreadableOutcome(toFault(error), text) };
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
    const { serializer } = this.#settings;
    const { request, cancel, definition, steps, output } = run;
    const head = JSON.stringify({
      error,
      ...(request && { request }),
      ...(cancel && { cancel }),
      ...(steps && { steps }),
      ...(output && { output }),
    });
    // The definition was stored once, so it is not too large.
    const text = definition && definitionText(definition, serializer, Infinity);
    const withTask = text ? appendMember(head, `"definition":${text}`) : head;
    const payload = result === null ? withTask : appendMember(withTask, result);
    const outcome = sealEnvelope(this.#address(run), serializer.name, payload, writerOf(this.#settings));
    return Buffer.byteLength(outcome) > maxBytes ? null : outcome;
  }

  #address({ taskId, id, attempt, token }: Pick<RunRecord, 'taskId' | 'id' | 'attempt' | 'token'>): RecordAddress {
    return { namespace: this.#settings.namespace, entity: 'run', key: [taskId, id, attempt, token] };
  }
}

function isEmpty({ error, result, request, cancel, definition, steps, output }: RunRecord): boolean {
  return !error && result === undefined && !request && !cancel && !definition && !steps && !output;
}

/** The member for a result, or for a note that says why there is none. */
function resultMember(result: unknown, serializer: Serializer, maxBytes: number): string {
  try {
    return isUnstoredResult(result) ? noteMember(result) : valueMember('result', result, serializer, maxBytes);
  } catch (error) {
    if (error instanceof LargeValueFault) return tooLargeMember(maxBytes);
    return noteMember(unstoredResult('unserializable', messageOf(error)));
  }
}

function tooLargeMember(maxBytes: number): string {
  return noteMember(unstoredResult('too-large', `The result takes more than ${maxBytes} bytes (maxPayloadBytes).`));
}

/** As it is: no serializer of anybody's own is asked. */
function noteMember(note: UnstoredResult): string {
  return `"result":${JSON.stringify(note)}`;
}
