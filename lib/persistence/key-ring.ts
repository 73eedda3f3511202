import { InvalidOptionError, rejectUnknownOptions } from '../errors/input.errors.js';
import { WeakSecretError } from '../errors/persistence.errors.js';
import { namesOf } from '../model/names.js';
import { RecordKey } from './record-key.js';

/** The variable that holds the secrets, separated by commas, where no option does. */
const VARIABLE = 'ASYNCZ_STORE_ENCRYPTION_KEY';
const MIN_SECRET_BYTES = 16;
const ALLOWED_KEYS =
  'one secret or more of at least 16 bytes each: an array, text with commas between them, or a function that gives either';

/**
 * Secrets: an array of them, or text with commas between them. The first one writes, all read. White space around a secret is
 * ignored.
 *
 * @publicApi
 */
export type Secrets = string | readonly string[];

/**
 * How records are encrypted: see `docs/persistence.md`.
 *
 * @publicApi
 */
export interface EncryptionOptions {
  /**
   * The secrets, each of at least 16 bytes, or a function that fetches them, from a key management service for instance. The
   * first one writes, all read. An empty first one writes in clear, to stop encrypting.
   *
   * @default the variable ASYNCZ_STORE_ENCRYPTION_KEY
   */
  readonly keys?: Secrets | (() => Secrets | Promise<Secrets>);
  /**
   * Allows writing in clear into a store that holds encrypted records.
   *
   * @default false
   */
  readonly allowPlaintext?: boolean;
  /**
   * Whether a record in clear is unreadable. For stores whose records are all encrypted, by a rotation for instance: who can
   * write to the database, and has no key, cannot make the scheduler run anything then.
   *
   * @default false
   */
  readonly required?: boolean;
}

/** The keys of a scheduler: the first one writes, all read. */
export class KeyRing {
  #keys: ReadonlyMap<string, RecordKey>;
  #writer: RecordKey | null;
  readonly #fetch: (() => Secrets | Promise<Secrets>) | null;

  private constructor(secrets: Secrets, fetch: (() => Secrets | Promise<Secrets>) | null) {
    const { keys, writer } = deriveKeys(secrets);
    this.#keys = keys;
    this.#writer = writer;
    this.#fetch = fetch;
  }

  /**
   * @throws WeakSecretError For a secret of less than 16 bytes.
   * @throws InvalidOptionError When there is no secret at all.
   */
  static create(secrets: Secrets): KeyRing {
    return new KeyRing(secrets, null);
  }

  /**
   * The keys of `ASYNCZ_STORE_ENCRYPTION_KEY`, separated by commas; null when it is not set or empty.
   *
   * @throws WeakSecretError For a secret of less than 16 bytes.
   */
  static fromEnvironment(env: Readonly<Record<string, string | undefined>> = process.env): KeyRing | null {
    const secrets = env[VARIABLE] ?? '';
    return isEmpty(secrets) ? null : new KeyRing(secrets, null);
  }

  /**
   * Asks a function for its secrets, now and at every {@link refresh}.
   *
   * @throws WeakSecretError, InvalidOptionError and what the function throws.
   */
  static async fetch(fetch: () => Secrets | Promise<Secrets>): Promise<KeyRing> {
    return new KeyRing(await fetch(), fetch);
  }

  /** The key that writes; null when records are written in clear. */
  get writer(): RecordKey | null {
    return this.#writer;
  }

  /** The key that a record is marked with, or undefined when it is not in the ring. */
  find(id: string): RecordKey | undefined {
    return this.#keys.get(id);
  }

  /** The ids of all keys, the one that writes first. They say nothing of the secrets. */
  ids(): readonly string[] {
    return [...this.#keys.keys()];
  }

  /**
   * Fetches the secrets again, where a function gives them, so that records of a key that was added can be read without
   * a restart. What fails leaves the ring as it was.
   *
   * @returns Whether the keys are others than before.
   * @throws WeakSecretError, InvalidOptionError and what the function throws.
   */
  async refresh(): Promise<boolean> {
    if (!this.#fetch) return false;
    const { keys, writer } = deriveKeys(await this.#fetch());
    if (!writer && this.#writer) {
      throw new InvalidOptionError('encryption.keys', 'no first secret', 'a secret that writes, as there was before');
    }
    const before = this.ids().join();
    this.#keys = keys;
    this.#writer = writer;
    return this.ids().join() !== before;
  }
}

const OPTIONS = namesOf<keyof EncryptionOptions>({ keys: 0, allowPlaintext: 0, required: 0 });

/**
 * The keys that an option asks for, or else the environment; null for none.
 *
 * @throws WeakSecretError, InvalidOptionError, UnknownOptionError and what a function of `keys` throws.
 */
export async function resolveKeyRing(
  options: EncryptionOptions | undefined,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Promise<KeyRing | null> {
  const ring = await ringOf(options, env);
  const required = options?.required ?? false;
  if (typeof required !== 'boolean') throw new InvalidOptionError('encryption.required', required, 'true or false');
  if (required && (!ring?.writer || options?.allowPlaintext)) {
    throw new InvalidOptionError(
      'encryption.required',
      required,
      'true only with a first secret, and without allowPlaintext',
    );
  }
  return ring;
}

async function ringOf(
  options: EncryptionOptions | undefined,
  env: Readonly<Record<string, string | undefined>>,
): Promise<KeyRing | null> {
  if (options !== undefined) rejectUnknownOptions('encryption', options, OPTIONS);
  const keys = options?.keys;
  if (keys === undefined) return KeyRing.fromEnvironment(env);
  if (typeof keys === 'function') return KeyRing.fetch(keys);
  // Without any key on purpose, even where the variable is set.
  if (options?.allowPlaintext && isEmpty(keys)) return null;
  return KeyRing.create(keys);
}

function isEmpty(secrets: Secrets): boolean {
  return toList(secrets).every((secret) => secret === '');
}

function toList(secrets: Secrets): readonly string[] {
  const list = typeof secrets === 'string' ? secrets.split(',') : secrets;
  // Never the value itself in a message: it may be a secret.
  if (!Array.isArray(list)) throw new InvalidOptionError('encryption.keys', typeof secrets, ALLOWED_KEYS);
  return list.map((secret: unknown) => {
    if (typeof secret !== 'string') throw new InvalidOptionError('encryption.keys', typeof secret, ALLOWED_KEYS);
    return secret.trim();
  });
}

function deriveKeys(secrets: Secrets): { keys: ReadonlyMap<string, RecordKey>; writer: RecordKey | null } {
  const list = toList(secrets);
  const keys = new Map<string, RecordKey>();
  for (const [at, secret] of list.entries()) {
    if (secret === '') continue;
    const bytes = Buffer.byteLength(secret);
    if (bytes < MIN_SECRET_BYTES) throw new WeakSecretError(at + 1, bytes, MIN_SECRET_BYTES);
    const key = new RecordKey(secret);
    keys.set(key.id, key);
  }
  const [first] = keys.values();
  if (!first) throw new InvalidOptionError('encryption.keys', 'no secret', ALLOWED_KEYS);
  return { keys, writer: list[0] === '' ? null : first };
}
