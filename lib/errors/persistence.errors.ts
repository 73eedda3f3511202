import { AsynczError, show } from './asyncz.error.js';
import { TaskError } from './task.errors.js';

/**
 * The arguments of a task contain a value that cannot be stored.
 *
 * @publicApi
 */
export class UnserializableError extends TaskError {
  readonly code = 'ASYNCZ_UNSERIALIZABLE';

  /**
   * @param path Where the value is: `args[0].list[2]`, `data.list[2]`.
   * @param problem What is wrong with it, in words: `a function`.
   * @param allowed What is allowed, in words.
   */
  constructor(
    taskId: string,
    readonly path: string,
    problem: string,
    allowed: string,
    options?: ErrorOptions,
  ) {
    super(`The task ${show(taskId)} cannot be stored: ${path} is ${problem}. Allowed: ${allowed}.`, taskId, options);
  }
}

/**
 * A task is larger than `maxPayloadBytes` allows.
 *
 * @publicApi
 */
export class PayloadTooLargeError extends TaskError {
  readonly code = 'ASYNCZ_PAYLOAD_TOO_LARGE';

  /**
   * @param bytes How large it is, in bytes; null where it was not written to its end.
   * @param maxBytes What is allowed, in bytes.
   */
  constructor(
    taskId: string,
    readonly bytes: number | null,
    readonly maxBytes: number,
  ) {
    super(
      `The task ${show(taskId)} takes ${bytes ?? `more than ${maxBytes}`} bytes. Allowed: ${maxBytes} bytes (maxPayloadBytes). ` +
        'Keep large data elsewhere and hand over where it is.',
      taskId,
    );
  }
}

/**
 * A secret for encryption is shorter than 16 bytes. The message says which one, and does not contain it.
 *
 * @publicApi
 */
export class WeakSecretError extends AsynczError {
  readonly code = 'ASYNCZ_WEAK_SECRET';

  /**
   * @param position Which of the secrets, from 1.
   * @param bytes How long it is, in bytes.
   * @param minBytes How long it has to be, in bytes.
   */
  constructor(
    readonly position: number,
    bytes: number,
    minBytes: number,
  ) {
    super(
      `Secret ${position} for encryption is ${bytes} bytes long, which can be guessed. Allowed: ${minBytes} bytes or more, ` +
        'better 32 random ones: openssl rand -base64 32.',
    );
  }
}

/**
 * A store holds encrypted records and no key is configured, so the scheduler would write in clear beside them.
 *
 * @publicApi
 */
export class EncryptionDisabledError extends AsynczError {
  readonly code = 'ASYNCZ_ENCRYPTION_DISABLED';

  /** @param store The store's alias. */
  constructor(readonly store: string) {
    super(
      `The store ${show(store)} holds encrypted records and no key is configured. Set ASYNCZ_STORE_ENCRYPTION_KEY or ` +
        'encryption.keys, or encryption.allowPlaintext: true to write in clear from now on (docs/persistence.md).',
    );
  }
}
