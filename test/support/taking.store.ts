import { MemoryStore } from 'nestjs-asyncz';
import type { StoreCapabilities } from 'nestjs-asyncz/store';

/** A store in memory whose claims take tasks. */
export class TakingStore extends MemoryStore {
  override readonly capabilities: StoreCapabilities = {
    coordination: 'process',
    wakeUp: 'polled',
    transactionalAdds: false,
    durable: false,
    takes: true,
  };
}
