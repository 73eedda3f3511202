import { types } from 'node:util';
import type { JournalChange } from './journal.js';

/** How many characters of a text are shown, how many parts of a list or an object, and how deep. */
const MAX_TEXT = 1_000;
const MAX_PARTS = 50;
const MAX_DEPTH = 6;

/** How many characters the values of one entry have together, and no value any more beyond that. */
const MAX_ENTRY = 12_000;

/** Stands for what is left out. */
const MORE = '…';

/**
 * Values as an entry of the journal shows them: plain JSON that is never too long. It is a picture to be read, not a copy to be
 * used: a `Date` is its ISO text, what JSON has no form for is described, and what is too long is cut.
 */
export class JournalValues {
  #left = MAX_ENTRY;
  #isCut = false;

  /** A field before and after; undefined for none. Never throws. */
  change(field: string, before: unknown, after: unknown): JournalChange {
    const was = this.of(before);
    const is = this.of(after);
    return {
      field,
      ...(before === undefined ? {} : { before: was }),
      ...(after === undefined ? {} : { after: is }),
      ...(this.#takeCut() && { cut: true as const }),
    };
  }

  /** Never throws. */
  of(value: unknown): unknown {
    try {
      return this.#shown(value, 0);
    } catch {
      return '(unreadable)';
    }
  }

  #shown(value: unknown, depth: number): unknown {
    if (this.#left <= 0) return this.#cut(MORE);
    switch (typeof value) {
      case 'string':
        return this.#text(value);
      case 'number':
        this.#left -= 8;
        return Number.isFinite(value) ? value : String(value);
      case 'boolean':
        this.#left -= 4;
        return value;
      case 'bigint':
        // The time to write one grows faster than its length.
        return value > -(2n ** 1_024n) && value < 2n ** 1_024n
          ? this.#text(`${value}n`)
          : this.#cut('(a large bigint)');
      case 'object':
        return value === null ? null : this.#object(value, depth);
      case 'undefined':
        return '(undefined)';
      default:
        return `(${typeof value})`;
    }
  }

  #object(value: object, depth: number): unknown {
    if (types.isDate(value)) return this.#text(Number.isNaN(value.getTime()) ? '(no date)' : value.toISOString());
    if (depth >= MAX_DEPTH) return this.#cut(MORE);
    if (Array.isArray(value)) return this.#list(value, value.length, depth);
    if (types.isSet(value)) return this.#list(value, value.size, depth);
    if (types.isMap(value)) return this.#list(value, value.size, depth);
    if (types.isArrayBuffer(value) || ArrayBuffer.isView(value)) return `(${value.byteLength} bytes)`;
    return this.#record(value as Readonly<Record<string, unknown>>, depth);
  }

  #list(values: Iterable<unknown>, length: number, depth: number): unknown[] {
    const shown: unknown[] = [];
    for (const value of values) {
      if (shown.length === MAX_PARTS || this.#left <= 0) {
        shown.push(this.#cut(`${MORE} ${length - shown.length} more`));
        break;
      }
      shown.push(this.#shown(value, depth + 1));
    }
    return shown;
  }

  #record(value: Readonly<Record<string, unknown>>, depth: number): object {
    const shown: [string, unknown][] = [];
    for (const key in value) {
      if (!Object.hasOwn(value, key) || value[key] === undefined) continue;
      if (shown.length === MAX_PARTS || this.#left <= 0) {
        shown.push([MORE, this.#cut('more')]);
        break;
      }
      shown.push([String(this.#text(key)), this.#shown(value[key], depth + 1)]);
    }
    // Makes own properties whatever their names.
    return Object.fromEntries(shown.filter(([key]) => key !== '__proto__'));
  }

  #text(text: string): unknown {
    const length = Math.min(MAX_TEXT, this.#left);
    this.#left -= Math.min(text.length, length) + 4;
    return text.length <= length ? text : this.#cut(`${text.slice(0, length)}${MORE} (${text.length} characters)`);
  }

  /** Whether something was cut since this was asked last. */
  #takeCut(): boolean {
    const isCut = this.#isCut;
    this.#isCut = false;
    return isCut;
  }

  #cut(what: string): string {
    this.#isCut = true;
    return what;
  }
}
