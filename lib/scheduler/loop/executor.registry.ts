import { InvalidOptionError, UnknownNameError } from '../../errors/input.errors.js';
import { takePromise } from '../../errors/returned.js';
import { DuplicateNameError } from '../../errors/scheduler.errors.js';
import type { Executor } from '../../executors/executor.interface.js';
import type { Logger } from '../../model/logger.js';

/** The executors of one scheduler by alias, and how much room they have. */
export class ExecutorRegistry {
  readonly #executors = new Map<string, Executor>();
  /** Those that did not say how much room they have when they were asked last. */
  readonly #faulty = new Set<string>();

  readonly #listeners = new Set<() => void>();

  constructor(private readonly logger: Logger) {}

  /** Calls `listener` when an executor may have room again: the loops of all stores share them. Returns what ends that. */
  onFreed(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** A run is over, and its executor may have room again. */
  freed(): void {
    for (const listener of this.#listeners) listener();
  }

  /** @throws DuplicateNameError, InvalidOptionError */
  add(alias: string, executor: Executor): void {
    if (typeof executor?.execute !== 'function') {
      throw new InvalidOptionError(`executors.${alias}`, executor, 'an object with a method "execute"');
    }
    if (this.#executors.has(alias)) {
      throw new DuplicateNameError('executor', alias, 'Remove it first, or use another alias.');
    }
    this.#executors.set(alias, executor);
  }

  /** @throws UnknownNameError */
  remove(alias: string): Executor {
    const executor = this.get(alias);
    this.#executors.delete(alias);
    return executor;
  }

  aliases(): readonly string[] {
    return [...this.#executors.keys()].sort();
  }

  has(alias: string): boolean {
    return this.#executors.has(alias);
  }

  /** @throws UnknownNameError */
  get(alias: string): Executor {
    const executor = this.#executors.get(alias);
    if (!executor) throw new UnknownNameError('executor', alias, this.aliases());
    return executor;
  }

  /** The handlers that an executor has elsewhere, which may not be known yet; null for one that calls those of this process. */
  handlersOf(alias: string): readonly string[] | 'unknown' | null {
    const { handlers } = this.get(alias);
    if (handlers === undefined) return null;
    return handlers.length === 0 ? 'unknown' : handlers;
  }

  values(): Iterable<Executor> {
    return this.#executors.values();
  }

  /** How many more runs each executor takes now, by alias. */
  rooms(): ReadonlyMap<string, number> {
    const rooms = new Map<string, number>();
    for (const [alias, executor] of this.#executors) rooms.set(alias, this.#roomOf(alias, executor));
    return rooms;
  }

  /** Whether an executor takes more runs now; one that is not here does not. */
  hasRoom(alias: string): boolean {
    const executor = this.#executors.get(alias);
    return executor !== undefined && this.#roomOf(alias, executor) > 0;
  }

  /** One that does not say how much room it has gets no runs, and keeps no other from getting theirs. */
  #roomOf(alias: string, executor: Executor): number {
    try {
      const room: unknown = executor.room;
      if (typeof room !== 'number' || Number.isNaN(room)) {
        takePromise(room);
        throw new InvalidOptionError(`executors.${alias}.room`, room, 'a number of runs');
      }
      this.#faulty.delete(alias);
      return Math.max(0, Math.floor(room));
    } catch (error) {
      if (!this.#faulty.has(alias)) {
        this.logger.error(`The executor "${alias}" does not say how much room it has; no run starts in it`, error);
      }
      this.#faulty.add(alias);
      return 0;
    }
  }
}
