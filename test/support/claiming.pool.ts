import { expect } from 'vitest';
import { makeTask } from 'nestjs-asyncz/testing';
import type { Store } from 'nestjs-asyncz';
import { ClaimingWorker, untilWorkers } from './claiming.worker.js';
import type { ClaimingOptions, StartedRun } from './claiming.worker.js';

/** Processes that claim and end the runs of one store, and what they have started together. */
export class ClaimingPool {
  readonly workers: ClaimingWorker[] = [];

  /** Starts more processes. */
  async start(count: number, how: ClaimingOptions): Promise<void> {
    const owners = Array.from({ length: count }, (_, at) => `worker-${this.workers.length + at + 1}`);
    this.workers.push(...(await Promise.all(owners.map((owner) => ClaimingWorker.start(owner, how)))));
  }

  /** Ends the processes, and forgets what they have started. */
  async kill(): Promise<void> {
    for (const worker of this.workers.splice(0)) await worker.kill();
  }

  async stop(): Promise<void> {
    for (const worker of this.workers) await worker.stop();
  }

  get starts(): readonly StartedRun[] {
    return this.workers.flatMap(({ started }) => started);
  }

  /** How many runs were started, each counted once. */
  get started(): number {
    return new Set(this.starts.map(({ id }) => id)).size;
  }

  /** How many of their calls failed. */
  get failures(): number {
    return this.workers.flatMap(({ failures }) => failures).length;
  }

  /** Waits until the processes have started so many runs. @param timeoutMs Milliseconds. */
  async untilStarted(
    count: number,
    timeoutMs: number,
    workers: readonly ClaimingWorker[] = this.workers,
  ): Promise<void> {
    await untilWorkers(workers, () => this.started >= count, timeoutMs);
  }

  /** Prints what a scenario came to. */
  report(title: string, expected: number, extra = ''): void {
    const { starts, started } = this;
    const text = `expected ${expected}, started ${started}, doubled ${starts.length - started}, lost ${expected - started}`;
    console.log(`${title}: ${text}${extra}`);
  }

  /** Nothing has started twice, and every process has started something. */
  expectOneStartEach(count: number): void {
    expect(this.starts).toHaveLength(count);
    expect(this.starts.every(({ attempt }) => attempt === 1)).toBe(true);
    expect(this.workers.every(({ started }) => started.length > 0)).toBe(true);
  }

  /** Only what the killed process had begun has started again, under tokens that grow. */
  expectRestartsOf(victim: ClaimingWorker): void {
    const byRun = new Map<string, StartedRun[]>();
    for (const start of this.starts) byRun.set(start.id, [...(byRun.get(start.id) ?? []), start]);
    for (const starts of byRun.values()) {
      const inOrder = starts.toSorted((a, b) => a.attempt - b.attempt);
      for (const [at, start] of inOrder.entries()) {
        if (at > 0) expect(start.token).toBeGreaterThan(inOrder[at - 1]!.token);
      }
      if (starts.length > 1) expect(inOrder[0]!.owner).toBe(victim.owner);
    }
  }
}

/**
 * Adds one-shot tasks that all are due at the same time.
 *
 * @param aheadMs How far ahead, in milliseconds, so that they are not due before all are there.
 * @returns When they are due, in milliseconds since the epoch.
 */
export async function addDue(store: Store, count: number, aheadMs: number): Promise<number> {
  const at = (await store.now()) + aheadMs;
  await store.addTasks(
    Array.from({ length: count }, (_, index) => makeTask(`t${index}`, { nextRunTime: at, args: [index] })),
  );
  return at;
}

/** Whether no task is left; false while the store does not answer. */
export async function isEmpty(store: Store): Promise<boolean> {
  try {
    return (await store.query({}, { by: 'id', descending: false }, { offset: 0, limit: 0 })).total === 0;
  } catch {
    return false;
  }
}
