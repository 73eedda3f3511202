import type { Disk } from '../../support/eight-method.store.js';
import type { HostStore } from '../../support/host.store.js';

/** A store with one fault. */
export interface Mutant {
  readonly fault: string;
  /** How the kit runs; plain unless the fault is one of encryption. */
  readonly encryption?: 'plain' | 'encrypted';
  readonly create: new (disk: Disk) => HostStore;
  /** The rules of the kit that must find it. */
  readonly caughtBy: readonly string[];
}
