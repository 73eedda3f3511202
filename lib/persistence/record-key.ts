import { createCipheriv, createDecipheriv, createSecretKey, hkdfSync, randomBytes } from 'node:crypto';
import type { KeyObject } from 'node:crypto';

/** The name of the cipher in an envelope: AES-256 in Galois/counter mode, the tag behind the ciphertext. */
export const ALGORITHM = 'A256GCM';

const CIPHER = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const SALT = 'nestjs-asyncz';

/** What {@link RecordKey.encrypt} made. Both in base64. */
export interface Sealed {
  readonly nonce: string;
  readonly ciphertext: string;
}

/** A key of one secret. */
export class RecordKey {
  /** What records are marked with: stable, and nothing of the secret can be computed from it. */
  readonly id: string;
  readonly #key: KeyObject;

  constructor(secret: string) {
    this.id = Buffer.from(hkdfSync('sha256', secret, SALT, 'key id', 6)).toString('hex');
    this.#key = createSecretKey(Buffer.from(hkdfSync('sha256', secret, SALT, 'record key', 32)));
  }

  /** @param associated What the record belongs to: reading it under anything else fails. */
  encrypt(plaintext: string, associated: string): Sealed {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(CIPHER, this.#key, nonce, { authTagLength: TAG_BYTES });
    cipher.setAAD(Buffer.from(associated));
    const ciphertext = Buffer.concat([cipher.update(plaintext, 'utf8'), cipher.final(), cipher.getAuthTag()]);
    return { nonce: nonce.toString('base64'), ciphertext: ciphertext.toString('base64') };
  }

  /** @throws Error When a single bit of it, or of what it belongs to, is not as it was. */
  decrypt(sealed: Sealed, associated: string): string {
    const nonce = fromBase64(sealed.nonce);
    const bytes = fromBase64(sealed.ciphertext);
    if (nonce.length !== NONCE_BYTES || bytes.length < TAG_BYTES) throw new Error('too short');
    const decipher = createDecipheriv(CIPHER, this.#key, nonce, { authTagLength: TAG_BYTES });
    decipher.setAAD(Buffer.from(associated));
    decipher.setAuthTag(bytes.subarray(bytes.length - TAG_BYTES));
    const plaintext = decipher.update(bytes.subarray(0, bytes.length - TAG_BYTES));
    return Buffer.concat([plaintext, decipher.final()]).toString('utf8');
  }
}

/** Strict: Node ignores stray characters, and the last one has bits that do not count. */
function fromBase64(text: string): Buffer {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64') !== text) throw new Error('not base64');
  return bytes;
}
