import type { Logger } from '@nestjs/common';
import { chainOf } from './method.finder.js';
import type { DecoratedMethods } from './method.finder.js';
import { markedOn, nameOfMethod, onMarked, takeUnprovided } from './method.marks.js';

/** How many methods one warning names. */
const NAMED = 20;

/** A class of which the application has an object. */
interface ProvidedClass extends Pick<DecoratedMethods, 'overrides'> {
  readonly prototype: object;
}

/** Warns of decorated methods that no object of the application has, so that they would be lost without a word. */
export class LostMethods {
  #unwatch = (): void => {};

  constructor(private readonly logger: Pick<Logger, 'warn'>) {}

  /**
   * Looks through the decorated classes of this process once, and from then on at those that are decorated late.
   *
   * @param classes Those of all providers and controllers.
   */
  watch(classes: Iterable<ProvidedClass>): void {
    const provided = new Set<object>();
    for (const { prototype, overrides } of classes) {
      if (provided.has(prototype)) continue;
      for (const owner of chainOf(prototype)) provided.add(owner);
      this.#warnOfOverrides(overrides);
    }
    this.#warnOfUnprovided(takeUnprovided(provided));
    this.unwatch();
    this.#unwatch = onMarked((className, key) =>
      this.logger.warn(
        `${nameOfMethod(className, key)} is not scheduled: its class was loaded when the application had started. ` +
          'Lazily loaded modules are not searched; provide the class in a module that is imported.',
      ),
    );
  }

  unwatch(): void {
    this.#unwatch();
  }

  #warnOfOverrides(overrides: readonly string[]): void {
    for (const name of overrides) {
      this.logger.warn(
        `${name} is not scheduled: it overrides a method that is, and has no decorator. Repeat the decorator on it; ` +
          'with disabled: true the task is left out without this warning.',
      );
    }
  }

  #warnOfUnprovided(prototypes: readonly object[]): void {
    const names = prototypes.flatMap((prototype) =>
      [...(markedOn(prototype)?.keys() ?? [])].map((key) => nameOfMethod(prototype.constructor.name, key)),
    );
    if (names.length === 0) return;
    const more = names.length > NAMED ? ` and ${names.length - NAMED} more` : '';
    this.logger.warn(
      `Not scheduled: ${names.slice(0, NAMED).join(', ')}${more}. No module of this application has the class among its ` +
        'providers or controllers; lazily loaded modules are not searched.',
    );
  }
}
