import { InvalidOptionError } from '../errors/input.errors.js';
import type { TaskCodec } from './codec.interface.js';
import type { KeyRing } from './key-ring.js';
import { RowCodec } from './row.codec.js';
import type { SerializerRegistry } from './serializer.registry.js';

/** What the codecs of one scheduler have in common. */
export interface CodecFactoryOptions {
  /** The scheduler's name. An encrypted record of one name cannot be read under another. */
  readonly namespace: string;
  readonly serializers: SerializerRegistry;
  /** null when nothing is encrypted. What it reads and writes follows its refreshes. */
  readonly keyRing: KeyRing | null;
  /** Allows a key ring that only reads, so that everything is written in clear. */
  readonly allowPlaintext: boolean;
  /** Whether a record in clear is unreadable. */
  readonly required: boolean;
  /** The largest stored definition or outcome, in bytes. */
  readonly maxPayloadBytes: number;
  /** The largest text of a record that is read, in bytes. */
  readonly maxRecordBytes: number;
}

/**
 * Makes the codec of one store. `encrypt: false` is for one that keeps nothing. `inClear` is told of each record in clear that is
 * read while a key writes.
 */
export type CodecFactory = (options?: {
  serializer?: string;
  encrypt?: boolean;
  inClear?: (() => void) | undefined;
}) => TaskCodec;

/**
 * Makes codecs that are configured alike.
 *
 * @throws InvalidOptionError When the key ring has no key that writes and that is not allowed.
 */
export function createCodecFactory(options: CodecFactoryOptions): CodecFactory {
  const { allowPlaintext, ...rest } = options;
  if (rest.keyRing && !rest.keyRing.writer && !allowPlaintext) {
    throw new InvalidOptionError(
      'encryption.keys',
      'an empty first secret',
      'a first secret, which writes; with allowPlaintext: true an empty one, to write in clear',
    );
  }
  return ({ serializer = 'json', encrypt = true, inClear = () => {} } = {}) => {
    const required = rest.required && encrypt;
    return new RowCodec({ ...rest, serializer: rest.serializers.get(serializer), encrypt, required, inClear });
  };
}
