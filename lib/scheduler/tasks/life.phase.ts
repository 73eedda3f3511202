import { SchedulerNotRunningError } from '../../errors/scheduler.errors.js';

/**
 * Where a scheduler is in its life, and since when. Tasks can be run while it is `started`, which it is before its `start`
 * has come to its end: the startup tasks are then still to be started.
 */
export class LifePhase {
  #name: 'stopped' | 'starting' | 'started' | 'stopping' = 'stopped';
  #startedAt: number | null = null;

  get name(): 'stopped' | 'starting' | 'started' | 'stopping' {
    return this.#name;
  }

  /** When it began to start, in milliseconds since the epoch; null while stopped. */
  get startedAt(): number | null {
    return this.#startedAt;
  }

  /** Whether tasks can be run now. */
  get isStarted(): boolean {
    return this.#name === 'started';
  }

  /** @param operation The name of the method that needs a running scheduler. @throws SchedulerNotRunningError */
  requireStarted(operation: string): void {
    if (!this.isStarted) throw new SchedulerNotRunningError(operation);
  }

  /** @param now Milliseconds since the epoch. */
  starting(now: number): void {
    this.#name = 'starting';
    this.#startedAt = now;
  }

  started(): void {
    this.#name = 'started';
  }

  stopping(): void {
    this.#name = 'stopping';
  }

  stopped(): void {
    this.#name = 'stopped';
    this.#startedAt = null;
  }
}
