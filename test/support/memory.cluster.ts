import { Scheduler, SettableClock } from 'nestjs-asyncz';
import type { DeclaredTask, Handler, SchedulerOptions, Store } from 'nestjs-asyncz';
import type { StoreCapabilities } from 'nestjs-asyncz/store';
import { Disk } from './eight-method.store.js';
import { settle } from './gate.js';
import { HostStore } from './host.store.js';
import { stopAfterTest } from './scheduler.factory.js';

/** Later than the start of this process: an earlier scheduler of the same process id is taken for one that died. */
export const CLUSTER_START = Date.UTC(2036, 0, 15, 12);

/** A disk in memory stands for a database: what two schedulers do to it goes one after the other. */
export class ClusterStore extends HostStore {
  override readonly capabilities: StoreCapabilities = {
    coordination: 'cluster',
    wakeUp: 'pushed',
    transactionalAdds: false,
    durable: true,
  };
}

/** The same, with claims that take tasks. */
export class TakingClusterStore extends ClusterStore {
  override readonly capabilities: StoreCapabilities = {
    coordination: 'cluster',
    wakeUp: 'pushed',
    transactionalAdds: false,
    durable: true,
    takes: true,
  };
}

/** Several schedulers of this process on one disk in memory and one clock that stands still. */
export class MemoryCluster {
  readonly clock = new SettableClock(CLUSTER_START);

  /** @param disk Another cluster's, for schedulers that those of that cluster know nothing of, with a clock of their own. */
  constructor(readonly disk = new Disk()) {}

  /** A started scheduler; it is shut down after the test. */
  async join(
    identity: string,
    handlers: Record<string, Handler> = {},
    options: Omit<SchedulerOptions, 'clock' | 'stores' | 'identity'> & {
      readonly store?: Store;
      readonly declared?: readonly DeclaredTask[];
      /** Called before the start. */
      readonly setUp?: (scheduler: Scheduler) => void;
    } = {},
  ): Promise<Scheduler> {
    const { clock } = this;
    const { store = new ClusterStore(this.disk), declared = [], setUp = () => {}, ...settings } = options;
    const scheduler = new Scheduler({ identity, clock, stores: { default: store }, ...settings });
    for (const [name, handler] of Object.entries(handlers)) scheduler.registerHandler(name, handler);
    setUp(scheduler);
    scheduler.declareTasks(declared);
    stopAfterTest(scheduler, clock);
    await scheduler.start();
    return scheduler;
  }
}

/** Lets some time pass in steps, so that what it causes in one step is done before the next one. */
export async function pass({ clock }: MemoryCluster, ms: number, stepMs = 100): Promise<void> {
  for (let passed = 0; passed < ms; passed += stepMs) {
    clock.advance(stepMs);
    await settle();
  }
}
