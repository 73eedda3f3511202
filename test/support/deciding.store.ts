import { MemoryStore } from 'nestjs-asyncz';
import type { StoreCapabilities } from 'nestjs-asyncz/store';

/** A store in memory whose claims decide in the store, as in one that gains nothing by taking. */
export class DecidingStore extends MemoryStore {
  override readonly capabilities: StoreCapabilities = {
    coordination: 'process',
    wakeUp: 'polled',
    transactionalAdds: false,
    durable: false,
  };
}
