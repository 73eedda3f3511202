import type { Store } from '../../../lib/stores/store.interface.js';
import type { Disk } from '../../support/eight-method.store.js';

/** A store with one fault. */
export interface Mutant {
  readonly fault: string;
  readonly create: new (disk: Disk) => Store;
  /** The rules of the kit that must find it. */
  readonly caughtBy: readonly string[];
}
