import type { KeyRing } from './key-ring.js';
import type { RecordKey } from './record-key.js';
import type { Serializer, SerializerRegistry } from './serializer.registry.js';

/** What a codec is made for. */
export interface CodecSettings {
  /** The scheduler's name. */
  readonly namespace: string;
  /** Writes. */
  readonly serializer: Serializer;
  /** Read. */
  readonly serializers: SerializerRegistry;
  readonly keyRing: KeyRing | null;
  /** Whether the ring's first key writes. */
  readonly encrypt: boolean;
  /** Whether a record in clear is unreadable. */
  readonly required: boolean;
  /** Is told of each record in clear that is read while a key writes. */
  readonly inClear: () => void;
  readonly maxPayloadBytes: number;
  /** See `TaskCodec.maxRecordBytes`. */
  readonly maxRecordBytes: number;
}

/** The key that writes now, which is another one when the ring was refreshed; null for writing in clear. */
export function writerOf({ keyRing, encrypt }: CodecSettings): RecordKey | null {
  return encrypt ? (keyRing?.writer ?? null) : null;
}

/** To be called for a record in clear that was read: one that is not to be, where a key writes. */
export function noteClear(settings: CodecSettings): void {
  if (writerOf(settings)) settings.inClear();
}
