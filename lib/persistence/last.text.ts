/**
 * The text of what was written last. Tasks that are added together share the very objects of their trigger, policies and state,
 * which never change, so most of a list is text that was just made. It is one object that is remembered: a map of all would cost
 * each write of a task that shares nothing.
 */
export class LastText<T extends object> {
  #value: T | null = null;
  #text = '';

  constructor(private readonly write: (value: T) => string) {}

  textOf(value: T): string {
    if (value === this.#value) return this.#text;
    this.#text = this.write(value);
    this.#value = value;
    return this.#text;
  }
}
