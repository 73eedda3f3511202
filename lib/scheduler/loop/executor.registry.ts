import { InvalidOptionError, UnknownNameError } from '../../errors/input.errors.js';
import { DuplicateNameError } from '../../errors/scheduler.errors.js';
import type { Executor } from '../../executors/executor.interface.js';

/** The places in executors for the runs of one claim. */
export interface PlaceCounter {
  /** @throws UnknownNameError */
  hasPlace(alias: string): boolean;
  take(alias: string): void;
  /** Those of which a place was asked for that there was not. */
  readonly lacking: ReadonlySet<string>;
}

/** The executors of one scheduler by alias, and how much room they have. */
export class ExecutorRegistry {
  readonly #executors = new Map<string, Executor>();

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

  values(): Iterable<Executor> {
    return this.#executors.values();
  }

  /** How many more runs all executors together can take. */
  room(): number {
    let room = 0;
    for (const executor of this.#executors.values()) room += Math.max(0, executor.room);
    return room;
  }

  /** Whether an executor takes more runs now; one that is not here does not. */
  hasRoom(alias: string): boolean {
    return (this.#executors.get(alias)?.room ?? 0) > 0;
  }

  /** Those that take no more runs now. */
  full(): readonly string[] {
    return [...this.#executors.keys()].filter((alias) => !this.hasRoom(alias));
  }

  /** Counts places for one claim: a place that the plan took is taken, though the run has not started yet. */
  counter(): PlaceCounter {
    const taken = new Map<string, number>();
    const lacking = new Set<string>();
    const countOf = (alias: string) => taken.get(alias) ?? 0;
    return {
      hasPlace: (alias) => {
        const isThere = countOf(alias) < this.get(alias).room;
        if (!isThere) lacking.add(alias);
        return isThere;
      },
      take: (alias) => void taken.set(alias, countOf(alias) + 1),
      lacking,
    };
  }
}
