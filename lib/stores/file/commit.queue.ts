import { CoalescedWork } from '../coalesced-work.js';
import { MACHINE } from '../../model/clock.js';
import type { HostLock } from './host.lock.js';
import type { ProcessPresence } from './process.presence.js';
import type { TaskCatalog } from './task.catalog.js';
import { ChangeBatch, NOTHING } from './change.batch.js';
import type { BatchTools } from './change.batch.js';

/** How long a process keeps the lock while it has more to do, in milliseconds, before the others get their turn. */
const TURN_MS = 100;

/** How many operations, and how many characters, go into one batch; one operation is never split. */
const OPERATIONS = 1_024;
const CHARACTERS = 2 * 1024 * 1024;

/** One operation: looks at what is there and says what it wants changed. It counts when that was written. May be asked again. */
export type Operation<T> = (batch: ChangeBatch) => Promise<T>;

/** What keeps the directory in order, with the lock. */
export interface Upkeep {
  /** After each batch. Never rejects. */
  keepBounded(): Promise<void>;
  /**
   * When a batch could not be written. Returns whether that is worth another try. Never rejects.
   *
   * @param frees Whether the batch itself makes room.
   */
  makeRoom(frees: boolean, error: unknown): Promise<boolean>;
}

interface Waiting {
  readonly operation: Operation<unknown>;
  /** Whether it has a batch to itself. */
  readonly alone: boolean;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Does one operation after the other, with the lock of the directory. Those that wait at the same time share one taking of
 * the lock and one writing to disk, which is what takes the time.
 */
export class CommitQueue {
  #waiting: Waiting[] = [];
  readonly #turns = new CoalescedWork(() => this.#work());

  constructor(
    private readonly lock: HostLock,
    private readonly presence: ProcessPresence,
    private readonly catalog: TaskCatalog,
    private readonly tools: BatchTools,
    private readonly upkeep: Upkeep,
  ) {}

  /**
   * Resolves with the result when all of it is on disk.
   *
   * @param alone Whether it has a batch to itself, which it may write in several steps.
   */
  run<T>(operation: Operation<T>, alone = false): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#waiting.push({ operation, alone, resolve: resolve as (value: unknown) => void, reject });
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
      const done: { waiting: Waiting; value: unknown }[] = [];
      let taken = 0;
      while (taken < this.#waiting.length && done.length < OPERATIONS && batch.size < CHARACTERS) {
        const waiting = this.#waiting[taken]!;
        if (waiting.alone && taken > 0) break;
        taken += 1;
        const mark = batch.mark();
        try {
          done.push({ waiting, value: await waiting.operation(batch) });
        } catch (error) {
          batch.back(mark);
          waiting.reject(error);
        }
        if (waiting.alone) break;
      }
      this.#waiting.splice(0, taken);
      await this.#write(batch, done);
      await this.upkeep.keepBounded();
    } while (this.#waiting.length > 0 && MACHINE.monotonic() - start < TURN_MS);
  }

  async #write(batch: ChangeBatch, done: readonly { waiting: Waiting; value: unknown }[]): Promise<void> {
    const { frees } = batch;
    try {
      await batch.write();
      for (const { waiting, value } of done) waiting.resolve(value);
    } catch (error) {
      if (done.length > 1) {
        // One of them may be too large for the disk, and the others not.
        for (const { waiting } of done) await this.#tryAlone(waiting);
      } else if (await this.upkeep.makeRoom(frees, error)) {
        await this.#tryAlone(done[0]!.waiting);
      } else {
        done[0]!.waiting.reject(error);
      }
    }
  }

  async #tryAlone({ operation, resolve, reject }: Waiting): Promise<void> {
    const batch = new ChangeBatch(this.tools);
    try {
      const value = await operation(batch);
      await batch.write();
      resolve(value);
    } catch (error) {
      batch.back(NOTHING);
      reject(error);
    }
  }

  #rejectAll(all: readonly Waiting[], error: unknown): void {
    for (const { reject } of all) reject(error);
  }
}
