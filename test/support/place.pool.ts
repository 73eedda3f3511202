/**
 * Gives each namespace of the conformance kit a place of its own, such as a set of tables, and hands a place that was
 * emptied to one that comes later: to make tables and indexes takes longer than most rules.
 */
export class PlacePool {
  readonly #taken = new Map<string, string>();
  readonly #free: string[] = [];

  /** All places that were ever given. */
  readonly all: string[] = [];

  /** The place of a namespace, which is the first one's name that had it. */
  of(namespace: string): string {
    const known = this.#taken.get(namespace);
    if (known !== undefined) return known;
    const place = this.#free.pop() ?? namespace;
    if (place === namespace) this.all.push(place);
    this.#taken.set(namespace, place);
    return place;
  }

  /** The place is empty again. */
  release(namespace: string): void {
    const place = this.#taken.get(namespace);
    if (place === undefined) return;
    this.#taken.delete(namespace);
    this.#free.push(place);
  }
}
