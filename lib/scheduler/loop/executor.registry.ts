import { InvalidOptionError, UnknownNameError } from '../../errors/input.errors.js';
import { DuplicateNameError } from '../../errors/scheduler.errors.js';
import type { Executor } from '../../executors/executor.interface.js';

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

  /** How many more runs each executor takes now, by alias. */
  rooms(): ReadonlyMap<string, number> {
    const rooms = new Map<string, number>();
    for (const [alias, { room }] of this.#executors) rooms.set(alias, Math.max(0, room));
    return rooms;
  }

  /** Whether an executor takes more runs now; one that is not here does not. */
  hasRoom(alias: string): boolean {
    return (this.#executors.get(alias)?.room ?? 0) > 0;
  }
}
