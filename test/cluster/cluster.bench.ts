import { Scheduler } from 'nestjs-asyncz';
import type { SchedulerSettings, Store } from 'nestjs-asyncz';
import type { Backing, ClusterStoreKind } from './cluster.stores.js';
import { Ledger } from './ledger.js';
import type { ProcessPool } from './process.pool.js';
import type { SchedulerProcess, SchedulerProcessOptions } from './scheduler.process.js';

/** How much of its full length each scenario has: a tenth in `npm test`, all of it in `npm run test:cluster`. */
export const SCALE = Number(process.env.ASYNCZ_CLUSTER_SCALE ?? 0.1);

/** A scheduler of a scenario, in a process of its own. */
export interface Worker {
  readonly process: SchedulerProcess;
  /** Where it notes what becomes of runs. */
  readonly ledger: string;
}

/** A store, a ledger, a client, and the processes of one scenario; all of it goes when the scenario is over. */
export class ClusterBench {
  readonly ledger = new Ledger();
  readonly #workers = new Set<Worker>();

  private constructor(
    readonly kind: ClusterStoreKind,
    readonly backing: Backing,
    /** Adds and asks, and runs nothing. */
    readonly client: Scheduler,
    /** The client's. */
    readonly store: Store,
    readonly pool: ProcessPool,
    private readonly settings: SchedulerSettings,
  ) {}

  /** @param url The server to use instead of the usual one. */
  static async open(kind: ClusterStoreKind, pool: ProcessPool, url?: string): Promise<ClusterBench> {
    const backing = kind.create(url);
    // Short leases and polls: what takes half a minute in production takes a second or a few here.
    const settings: SchedulerSettings = {
      lease: `${leaseOf(kind)}ms`,
      pollInterval: kind.slow ? '500ms' : '100ms',
      heartbeatInterval: '1s',
    };
    const store = backing.open();
    const client = new Scheduler({ ...settings, role: 'client', stores: { default: store } });
    await client.start();
    return new ClusterBench(kind, backing, client, store, pool, settings);
  }

  get leaseMs(): number {
    return leaseOf(this.kind);
  }

  async start(options: Partial<Omit<SchedulerProcessOptions, 'ledger'>> = {}): Promise<Worker> {
    const worker = { process: await this.pool.take(), ledger: this.ledger.file() };
    this.#workers.add(worker);
    try {
      await worker.process.start({
        store: this.backing.store,
        concurrency: 20,
        declared: [],
        handlers: ['work'],
        ...options,
        settings: { ...this.settings, ...options.settings },
        ledger: worker.ledger,
      });
    } catch (error) {
      await this.kill(worker);
      throw error;
    }
    return worker;
  }

  /** Several at once. */
  startMany(count: number, options: Parameters<ClusterBench['start']>[0] = {}): Promise<Worker[]> {
    return Promise.all(Array.from({ length: count }, () => this.start(options)));
  }

  async kill(worker: Worker): Promise<void> {
    this.#workers.delete(worker);
    await worker.process.kill();
  }

  async stop(worker: Worker): Promise<void> {
    this.#workers.delete(worker);
    await worker.process.stop();
    this.pool.giveBack(worker.process);
  }

  /** Resolves when no task is left: one-shot tasks exist until their run has ended. */
  async allEnded(): Promise<void> {
    const isEmpty = async () => (await this.client.getTaskInfos({ limit: 1 })).total === 0;
    // Whatever befalls the server befalls the client too.
    await until('every run has ended', () => isEmpty().catch(() => false), 120_000);
  }

  /** @throws Error When a process has ended by itself. */
  async close(): Promise<void> {
    const workers = [...this.#workers];
    const crashed = workers.filter(({ process }) => process.hasCrashed).length;
    await Promise.all(workers.map((worker) => this.#end(worker)));
    await this.client.shutdown();
    await this.backing.dispose();
    this.ledger.dispose();
    if (crashed > 0) throw new Error(`${crashed} processes have ended by themselves`);
  }

  async #end({ process }: Worker): Promise<void> {
    process.thaw();
    try {
      await withTimeout(process.stop(0), 20_000);
      this.pool.giveBack(process);
    } catch {
      // It hangs or is gone; what that means the scenario itself has seen.
      await process.kill();
    }
  }
}

function leaseOf({ slow }: ClusterStoreKind): number {
  return slow ? 3_000 : 1_000;
}

/** Asks until it is so; what a process elsewhere does cannot be awaited. Returns whether it came to be so in time. */
export async function becomes(condition: () => boolean | Promise<boolean>, timeoutMs: number): Promise<boolean> {
  const end = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > end) return false;
    await pause(100);
  }
  return true;
}

/** The same. @throws Error When it did not come to be so in time. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  timeoutMs = 60_000,
): Promise<void> {
  if (!(await becomes(condition, timeoutMs))) throw new Error(`After ${timeoutMs} ms not yet: ${what}`);
}

/** Lets time pass where passing time is what the scenario is about. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

async function withTimeout(work: Promise<void>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`Not done within ${ms} ms`)), ms);
  });
  await Promise.race([work, late]).finally(() => clearTimeout(timer));
}
