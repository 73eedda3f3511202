import { Scheduler } from 'nestjs-asyncz';
import type { SchedulerSettings } from 'nestjs-asyncz';
import type { ClusterStoreKind } from './cluster.stores.js';
import { Ledger } from './ledger.js';
import { SchedulerProcess } from './scheduler.process.js';
import type { SchedulerProcessOptions } from './scheduler.process.js';

/** How much of its full length each scenario has: a tenth in `npm test`, all of it in `npm run test:cluster`. */
export const SCALE = Number(process.env.ASYNCZ_CLUSTER_SCALE ?? 0.1);

/** Short leases and polls, so that what takes half a minute in production takes a second here. */
export const QUICK: SchedulerSettings = { lease: '1s', pollInterval: '100ms', heartbeatInterval: '1s' };

/** A store, a ledger, a client, and the processes of one scenario; all of it goes when the scenario is over. */
export class ClusterBench {
  readonly ledger = new Ledger();
  readonly #backing: ReturnType<ClusterStoreKind['create']>;
  readonly #processes = new Set<SchedulerProcess>();

  private constructor(
    readonly client: Scheduler,
    backing: ReturnType<ClusterStoreKind['create']>,
  ) {
    this.#backing = backing;
  }

  static async open(kind: ClusterStoreKind): Promise<ClusterBench> {
    const backing = kind.create();
    const client = new Scheduler({ ...QUICK, role: 'client', identity: 'client', stores: { default: backing.open() } });
    await client.start();
    return new ClusterBench(client, backing);
  }

  async start(options: Omit<SchedulerProcessOptions, 'store' | 'ledger'> = {}): Promise<SchedulerProcess> {
    const settings = { ...QUICK, ...options.settings };
    const worker = await SchedulerProcess.start({
      ...options,
      settings,
      store: this.#backing.store,
      ledger: this.ledger.file(),
    });
    this.#processes.add(worker);
    return worker;
  }

  async kill(worker: SchedulerProcess): Promise<void> {
    this.#processes.delete(worker);
    await worker.kill();
  }

  async close(): Promise<void> {
    await Promise.all([...this.#processes].map((worker) => worker.kill()));
    await this.client.shutdown();
    await this.#backing.dispose();
    this.ledger.dispose();
  }
}

/** Asks until it is so; what a process elsewhere does cannot be awaited. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  timeoutMs = 60_000,
): Promise<void> {
  const end = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`After ${timeoutMs} ms not yet: ${what}`);
    await pause(50);
  }
}

/** Lets time pass where passing time is what the scenario is about. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

/** One line a scenario and store: what was expected and what came of it. */
export function report(scenario: string, store: string, figures: Record<string, number | string>): void {
  const text = Object.entries(figures)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ');
  console.log(`${scenario.padEnd(8)} ${store.padEnd(10)} ${text}`);
}
