import { SystemClock } from '../model/clock.js';
import type { Clock } from '../model/clock.js';
import { SILENT_LOGGER } from '../model/logger.js';
import type { Logger } from '../model/logger.js';
import type { UnreadableTask } from '../model/task.js';
import { DEFAULT_MAX_PAYLOAD_BYTES, createCodecFactory } from '../persistence/codec.factory.js';
import { KeyRing } from '../persistence/key-ring.js';
import { SerializerRegistry } from '../persistence/serializer.registry.js';
import type { StoreContext } from '../stores/store.interface.js';

/**
 * What a store is started with when there is no scheduler.
 *
 * @publicApi
 */
export interface StoreContextOptions {
  /** @default 'default' */
  readonly alias?: string;
  /** The identity of the scheduler that there is not. @default 'test' */
  readonly identity?: string;
  /** @default the machine's */
  readonly clock?: Clock;
  /** @default one that writes nothing */
  readonly logger?: Logger;
  /** Turns encryption on; the first of several secrets writes. */
  readonly encryption?: { readonly keys: string };
  /** Is told of every record that cannot be read. */
  readonly onUnreadable?: (task: UnreadableTask) => void;
}

/**
 * Starts a store without a scheduler: `await store.start(createStoreContext())`.
 *
 * @publicApi
 */
export function createStoreContext(options: StoreContextOptions = {}): StoreContext {
  const { alias = 'default', identity = 'test', clock = new SystemClock(), logger = SILENT_LOGGER } = options;
  const name = 'test';
  return {
    alias,
    scheduler: { name, identity },
    clock,
    logger,
    createCodec: createCodecFactory({
      namespace: name,
      serializers: new SerializerRegistry(),
      keyRing: options.encryption ? KeyRing.create(options.encryption.keys) : null,
      allowPlaintext: false,
      maxPayloadBytes: DEFAULT_MAX_PAYLOAD_BYTES,
    }),
    reportUnreadable: (task) => options.onUnreadable?.(task),
  };
}
