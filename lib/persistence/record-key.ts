import { createCipheriv, createDecipheriv, createHmac, createSecretKey, hkdfSync, randomBytes } from 'node:crypto';
import type { KeyObject } from 'node:crypto';

/** The name of the cipher in an envelope: AES-256 in Galois/counter mode under a key of the record's own, the tag behind. */
export const ALGORITHM = 'A256GCM-HS256';

const CIPHER = 'aes-256-gcm';
/** The first half makes the key of the record, the second is the nonce under it. */
const NONCE_BYTES = 24;
const SALT_BYTES = 12;
const TAG_BYTES = 16;
const SALT = 'nestjs-asyncz';
const PURPOSE = 'one record';

/** How many characters of a label are kept: 132 bits. */
const LABEL_LENGTH = 22;

/** What {@link RecordKey.encrypt} made. Both in base64. */
export interface Sealed {
  readonly nonce: string;
  readonly ciphertext: string;
}

/**
 * A key of one secret. Each record is encrypted under a key that is derived from it: under one key for all, random nonces would
 * be safe for no more than 2^32 records (RFC 5116), which a busy store writes in weeks.
 */
export class RecordKey {
  /** What records are marked with: stable, and nothing of the secret can be computed from it. */
  readonly id: string;
  readonly #key: KeyObject;
  readonly #labelKey: KeyObject;

  constructor(secret: string) {
    this.id = Buffer.from(hkdfSync('sha256', secret, SALT, 'key id', 6)).toString('hex');
    this.#key = createSecretKey(Buffer.from(hkdfSync('sha256', secret, SALT, 'record keys', 32)));
    this.#labelKey = createSecretKey(Buffer.from(hkdfSync('sha256', secret, SALT, 'labels', 32)));
  }

  /** What a text is found by without being shown: the same for the same text under this key. */
  labelOf(text: string): string {
    return createHmac('sha256', this.#labelKey).update(text).digest('base64url').slice(0, LABEL_LENGTH);
  }

  /** @param associated What the record belongs to: reading it under anything else fails. */
  encrypt(plaintext: string, associated: string): Sealed {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(CIPHER, this.#keyOf(nonce), nonce.subarray(SALT_BYTES), { authTagLength: TAG_BYTES });
    cipher.setAAD(Buffer.from(associated));
    const ciphertext = Buffer.concat([cipher.update(plaintext, 'utf8'), cipher.final(), cipher.getAuthTag()]);
    return { nonce: nonce.toString('base64'), ciphertext: ciphertext.toString('base64') };
  }

  /** @throws Error When a single bit of it, or of what it belongs to, is not as it was. */
  decrypt(sealed: Sealed, associated: string): string {
    const nonce = fromBase64(sealed.nonce);
    const bytes = fromBase64(sealed.ciphertext);
    if (nonce.length !== NONCE_BYTES || bytes.length < TAG_BYTES) throw new Error('too short');
    const options = { authTagLength: TAG_BYTES };
    const decipher = createDecipheriv(CIPHER, this.#keyOf(nonce), nonce.subarray(SALT_BYTES), options);
    decipher.setAAD(Buffer.from(associated));
    decipher.setAuthTag(bytes.subarray(bytes.length - TAG_BYTES));
    const plaintext = decipher.update(bytes.subarray(0, bytes.length - TAG_BYTES));
    return Buffer.concat([plaintext, decipher.final()]).toString('utf8');
  }

  /** HKDF-Expand (RFC 5869) to one block: the key of the secret is uniform already, so nothing has to be extracted. */
  #keyOf(nonce: Buffer): Buffer {
    const salt = nonce.subarray(0, SALT_BYTES);
    return createHmac('sha256', this.#key).update(PURPOSE).update(salt).update('\x01').digest();
  }
}

/** Strict: Node ignores stray characters, and the last one has bits that do not count. */
function fromBase64(text: string): Buffer {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64') !== text) throw new Error('not base64');
  return bytes;
}
