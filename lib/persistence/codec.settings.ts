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
  readonly maxPayloadBytes: number;
  /** See `TaskCodec.maxRecordBytes`. */
  readonly maxRecordBytes: number;
}

/** The key that writes now, which is another one when the ring was refreshed; null for writing in clear. */
export function writerOf({ keyRing, encrypt }: CodecSettings): RecordKey | null {
  return encrypt ? (keyRing?.writer ?? null) : null;
}
