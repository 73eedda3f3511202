import type { ModulesContainer } from '@nestjs/core';
import { DuplicateNameError } from '../errors/scheduler.errors.js';

const namesOf = new WeakMap<ModulesContainer, SchedulerNames>();

/** The names of the schedulers of one application. */
export class SchedulerNames {
  readonly #names = new Set<string>();

  /** Those of the application that has this container. */
  static of(container: ModulesContainer): SchedulerNames {
    let names = namesOf.get(container);
    if (!names) namesOf.set(container, (names = new SchedulerNames()));
    return names;
  }

  /** @throws DuplicateNameError */
  add(name: string): void {
    if (this.#names.has(name)) {
      throw new DuplicateNameError(
        'scheduler',
        name,
        'AsynczModule.forRoot is imported once; give a second scheduler a name of its own.',
      );
    }
    this.#names.add(name);
  }

  /** The only scheduler of the application, or null when there are several. */
  only(): string | null {
    const [first, ...others] = this.#names;
    return first !== undefined && others.length === 0 ? first : null;
  }
}
