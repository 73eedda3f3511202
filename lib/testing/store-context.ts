import { SystemClock } from '../model/clock.js';
import type { Clock } from '../model/clock.js';
import { SILENT_LOGGER } from '../model/logger.js';
import type { Logger } from '../model/logger.js';
import type { UnreadableTask } from '../model/task.js';
import { createCodecFactory } from '../persistence/codec.factory.js';
import { resolveRecordSizes } from '../persistence/record.size.js';
import { KeyRing } from '../persistence/key-ring.js';
import type { Secrets } from '../persistence/key-ring.js';
import { SerializerRegistry } from '../persistence/serializer.registry.js';
import { wholeClock } from '../time/whole.clock.js';
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
  /** Whether the store is only to be read. @default false */
  readonly readOnly?: boolean;
  /** The secrets that encrypt, of at least 16 bytes each; the first one writes. @default nothing is encrypted */
  readonly keys?: Secrets;
  /** The largest stored definition, in bytes. @default 1048576 */
  readonly maxPayloadBytes?: number;
  /** The largest text of a record that is read, in bytes. @default as the scheduler's option */
  readonly maxRecordBytes?: number;
  /** Is called with every record that cannot be read, each time that it is found. */
  readonly onUnreadable?: (task: UnreadableTask) => void;
}

/**
 * Starts a store without a scheduler: `await store.start(createStoreContext())`.
 *
 * @throws WeakSecretError For a secret of less than 16 bytes.
 * @publicApi
 */
export function createStoreContext(options: StoreContextOptions = {}): StoreContext {
  const {
    alias = 'default',
    identity = 'test',
    clock = new SystemClock(),
    logger = SILENT_LOGGER,
    readOnly = false,
  } = options;
  return {
    alias,
    scheduler: { name: 'test', identity },
    clock: wholeClock(clock),
    logger,
    readOnly,
    createCodec: createCodecFactory({
      namespace: 'test',
      serializers: new SerializerRegistry(),
      keyRing: options.keys === undefined ? null : KeyRing.create(options.keys),
      allowPlaintext: false,
      required: false,
      ...resolveRecordSizes(options),
    }),
    reportUnreadable: (task) => options.onUnreadable?.(task),
  };
}
