import { messageOf } from '../../errors/thrown.js';
import type { EventDispatcher } from '../../events/event.dispatcher.js';
import type { Clock } from '../../model/clock.js';
import type { Logger } from '../../model/logger.js';
import type { UnreadableTask } from '../../model/task.js';
import { CONTENT_MARK, ENCRYPTION_MARK } from '../../model/definition.js';
import { createCodecFactory } from '../../persistence/codec.factory.js';
import type { CodecFactory } from '../../persistence/codec.factory.js';
import { resolveKeyRing } from '../../persistence/key-ring.js';
import type { EncryptionOptions, KeyRing } from '../../persistence/key-ring.js';
import { SerializerRegistry } from '../../persistence/serializer.registry.js';
import type { Serializer } from '../../persistence/serializer.registry.js';
import type { StoreContext } from '../../stores/store.interface.js';

/** How many unreadable records are remembered as reported. */
const MAX_REPORTED = 10_000;

interface ContextServices {
  readonly name: string;
  readonly identity: string;
  readonly role: 'worker' | 'client' | 'observer';
  readonly clock: Clock;
  readonly logger: Logger;
  readonly events: EventDispatcher;
  readonly serializers: readonly Serializer[];
  readonly encryption: EncryptionOptions | undefined;
  readonly maxPayloadBytes: number;
  readonly maxRecordBytes: number;
}

/** What each store gets of its scheduler: how it writes and reads records, and where it reports those that it cannot read. */
export class StoreContexts {
  readonly #serializers = new SerializerRegistry();
  readonly #reported = new Set<string>();
  /** The stores in which a record in clear was found while a key writes. */
  readonly #withClear = new Set<string>();
  #keyRing: KeyRing | null = null;
  #codecs: CodecFactory;
  /** Whether a record was found that no key opens. */
  #lacksKey = false;

  /** @throws InvalidOptionError */
  constructor(private readonly services: ContextServices) {
    for (const serializer of services.serializers) this.#serializers.register(serializer);
    this.#codecs = this.#createCodecs();
  }

  /** Fetches the keys with which records are written and read from now on. @throws What the source of the keys throws. */
  async fetchKeys(): Promise<void> {
    this.#keyRing = await resolveKeyRing(this.services.encryption);
    this.#codecs = this.#createCodecs();
  }

  /** Fetches the keys again when a record was found that none of them opens: its key may have been added. Never rejects. */
  async refreshKeys(): Promise<void> {
    if (!this.#lacksKey) return;
    try {
      await this.#keyRing?.refresh();
    } catch (error) {
      this.services.logger.warn(`The keys could not be fetched: ${messageOf(error)}`);
    }
  }

  /** Whether records are encrypted, or can be decrypted. */
  get hasKeys(): boolean {
    return this.#keyRing !== null;
  }

  /** Whether a store with encrypted records is refused: there are no keys, and nobody allowed to write in clear beside them. */
  get refusesEncrypted(): boolean {
    return this.#keyRing === null && !this.services.encryption?.allowPlaintext;
  }

  /** The context of the store with this alias. */
  of(alias: string): StoreContext {
    const { name, identity, clock, logger, role } = this.services;
    return {
      alias,
      scheduler: { name, identity },
      clock,
      logger,
      readOnly: role === 'observer',
      createCodec: (codecOptions) => this.#codecs({ ...codecOptions, inClear: () => this.#warnOfClear(alias) }),
      reportUnreadable: (task) => this.#reportUnreadable(alias, task),
    };
  }

  #createCodecs(): CodecFactory {
    const { name, maxPayloadBytes, maxRecordBytes, encryption } = this.services;
    return createCodecFactory({
      namespace: name,
      serializers: this.#serializers,
      keyRing: this.#keyRing,
      allowPlaintext: encryption?.allowPlaintext ?? false,
      required: encryption?.required === true,
      maxPayloadBytes,
      maxRecordBytes,
    });
  }

  /** One line for each store. */
  #warnOfClear(store: string): void {
    if (this.#withClear.has(store)) return;
    this.#withClear.add(store);
    this.services.logger.warn(
      `The store "${store}" holds records in clear, although a key writes: scheduler.rotateEncryption("${store}") encrypts them, ` +
        'and encryption.required: true then refuses any that come after (docs/persistence.md)',
    );
  }

  /** One event and one line for each record and reason, however often it is read. */
  #reportUnreadable(store: string, { id, unreadable, message }: UnreadableTask): void {
    this.#lacksKey ||= unreadable === 'wrong-key';
    // It is there to be found by who cannot read it.
    if (id === ENCRYPTION_MARK || id === CONTENT_MARK) return;
    const key = `${store}\n${id}\n${unreadable}`;
    if (this.#reported.has(key)) return;
    if (this.#reported.size >= MAX_REPORTED) this.#reported.clear();
    this.#reported.add(key);
    this.services.logger.warn(
      `The record of task "${id}" in store "${store}" cannot be read (${unreadable}) and is left as it is: ${message}`,
    );
    this.services.events.emit('task.unreadable', { taskId: id, store, reason: unreadable, message });
  }
}
