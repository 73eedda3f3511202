import { CoalescedWork } from '../coalesced-work.js';
import { MACHINE } from '../../model/clock.js';
import type { HostLock } from './host.lock.js';
import type { ProcessPresence } from './process.presence.js';
import type { TaskCatalog } from './task.catalog.js';
import { ChangeBatch } from './change.batch.js';
import type { BatchTools } from './change.batch.js';

/** How long a process keeps the lock while it has more to do, in milliseconds, before the others get their turn. */
const TURN_MS = 100;

/** How many operations and files go into one batch at the most; one operation is never split. */
const OPERATIONS = 256;
const FILES = 512;

/**
 * One operation: looks at what is there and says what it wants changed. What it returns is asked for the result when that
 * was written.
 */
export type Operation<T> = (batch: ChangeBatch) => Promise<() => T>;

interface Waiting {
  readonly operation: Operation<unknown>;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Does one operation after the other, with the lock of the directory. Those that wait at the same time share one taking of
 * the lock and one writing to disk, which is what takes the time.
 */
export class CommitQueue {
  readonly #waiting: Waiting[] = [];
  readonly #turns = new CoalescedWork(() => this.#work());

  constructor(
    private readonly lock: HostLock,
    private readonly presence: ProcessPresence,
    private readonly catalog: TaskCatalog,
    private readonly tools: BatchTools,
  ) {}

  /** Resolves with the result when all of it is on disk. */
  run<T>(operation: Operation<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#waiting.push({ operation, resolve: resolve as (value: unknown) => void, reject });
      void this.#turns.ask();
    });
  }

  /** Resolves when nothing waits any more. */
  drained(): Promise<void> {
    return this.#turns.drained();
  }

  async #work(): Promise<void> {
    while (this.#waiting.length > 0) {
      let release: () => void;
      try {
        release = await this.lock.acquire();
      } catch (error) {
        this.#rejectAll(this.#waiting.splice(0), error);
        continue;
      }
      try {
        await this.presence.verify();
        await this.catalog.lock();
        await this.#turn();
      } catch (error) {
        this.#rejectAll(this.#waiting.splice(0), error);
      } finally {
        this.catalog.unlock();
        release();
      }
    }
  }

  async #turn(): Promise<void> {
    const start = MACHINE.monotonic();
    do {
      const batch = new ChangeBatch(this.tools);
      const done: { waiting: Waiting; result: () => unknown }[] = [];
      while (this.#waiting.length > 0 && done.length < OPERATIONS && batch.size < FILES) {
        const waiting = this.#waiting.shift()!;
        try {
          done.push({ waiting, result: await waiting.operation(batch) });
        } catch (error) {
          waiting.reject(error);
        }
      }
      try {
        await batch.write();
      } catch (error) {
        this.#rejectAll(
          done.map(({ waiting }) => waiting),
          error,
        );
        throw error;
      }
      for (const { waiting, result } of done) settle(waiting, result);
    } while (this.#waiting.length > 0 && MACHINE.monotonic() - start < TURN_MS);
  }

  #rejectAll(all: readonly Waiting[], error: unknown): void {
    for (const { reject } of all) reject(error);
  }
}

function settle({ resolve, reject }: Waiting, result: () => unknown): void {
  try {
    resolve(result());
  } catch (error) {
    reject(error);
  }
}
