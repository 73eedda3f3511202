import { SchedulerProcess } from './scheduler.process.js';

/** Processes that have no scheduler at the moment, for the next scenario that needs one. */
export class ProcessPool {
  readonly #idle: SchedulerProcess[] = [];

  async take(): Promise<SchedulerProcess> {
    for (let idle = this.#idle.pop(); idle; idle = this.#idle.pop()) if (!idle.isGone) return idle;
    return SchedulerProcess.fork();
  }

  /** Has some ready, so that a scheduler can be started without delay. */
  async prepare(count: number): Promise<void> {
    const missing = Math.max(0, count - this.#idle.length);
    this.#idle.push(...(await Promise.all(Array.from({ length: missing }, () => SchedulerProcess.fork()))));
  }

  /** Takes one back whose scheduler has stopped. */
  giveBack(worker: SchedulerProcess): void {
    this.#idle.push(worker);
  }

  async dispose(): Promise<void> {
    await Promise.all(this.#idle.splice(0).map((worker) => worker.kill()));
  }
}
