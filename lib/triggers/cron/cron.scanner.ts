import { nearestName } from '../../errors/nearest-name.js';
import { CronSyntaxError } from '../../errors/trigger.errors.js';
import { CRON_RANGES } from './cron.fields.js';
import { DIALECTS } from './cron.dialects.js';
import type { DialectRules } from './cron.dialects.js';
import type { CronDialect, CronFieldName, CronFieldRange } from './cron.fields.js';

/** A value in a field, with its place for messages. */
export interface CronValue {
  readonly value: number;
  readonly named: boolean;
  readonly position: number;
  readonly length: number;
}

const DIGIT = /[0-9]/;
const LETTER = /[A-Za-z]/;

/** Reads one field character by character and knows how to complain about a place in it. */
export class CronScanner {
  readonly range: CronFieldRange;
  readonly rules: DialectRules;
  #position: number;

  /**
   * @param expression The whole text, for messages.
   * @param start Where the field begins in it.
   * @param end Where it ends.
   */
  constructor(
    readonly expression: string,
    readonly field: CronFieldName,
    start: number,
    private readonly end: number,
    dialect: CronDialect,
  ) {
    this.range = CRON_RANGES[field];
    this.rules = DIALECTS[dialect];
    this.#position = start;
  }

  get position(): number {
    return this.#position;
  }

  get atEnd(): boolean {
    return this.#position >= this.end;
  }

  /** The next character, or an empty text at the end. */
  peek(ahead = 0): string {
    const at = this.#position + ahead;
    return at < this.end ? this.expression[at]! : '';
  }

  /** Takes a character if it is the next one, letters in either case. */
  take(character: string): boolean {
    if (this.peek().toUpperCase() !== character) return false;
    this.#position += 1;
    return true;
  }

  skipBlanks(): void {
    while (this.peek() === ' ' || this.peek() === '\t') this.#position += 1;
  }

  /** What is left up to the next comma: for looking ahead. */
  rest(): string {
    const comma = this.expression.indexOf(',', this.#position);
    return this.expression.slice(this.#position, comma === -1 ? this.end : Math.min(comma, this.end));
  }

  /** Moves on over text that was looked at. */
  advance(characters: number): void {
    this.#position += characters;
  }

  /** Digits as a number; null when there are none. */
  digits(): CronValue | null {
    const position = this.#position;
    while (DIGIT.test(this.peek())) this.#position += 1;
    const length = this.#position - position;
    if (length === 0) return null;
    // Nothing that is allowed anywhere has more; leading zeros do no harm.
    const text = this.expression.slice(position, this.#position).replace(/^0+(?=\d)/, '');
    return { value: text.length > 6 ? Infinity : Number(text), named: false, position, length };
  }

  /** Letters, in lower case. */
  word(): { readonly text: string; readonly position: number } {
    const position = this.#position;
    while (LETTER.test(this.peek())) this.#position += 1;
    return { text: this.expression.slice(position, this.#position).toLowerCase(), position };
  }

  /**
   * A number or a name of the field.
   *
   * @param names The names, the first for the smallest number; those of the field unless given.
   */
  value(names = this.range.names): CronValue {
    const number = this.digits();
    if (number !== null) {
      if (number.value < this.smallest || number.value > this.largest) this.failValue(number);
      return { ...number, value: number.value - this.#offset };
    }
    return this.name(names, this.range.min);
  }

  /**
   * A name.
   *
   * @param first The number of the first name.
   */
  name(names: readonly string[], first: number): CronValue {
    const { text, position } = this.word();
    if (text === '') this.failHere(`${this.describeHere()} where a ${this.range.words} is expected`);
    const index = names.indexOf(text);
    if (index === -1) {
      const near =
        names.find((name) => text.startsWith(name)) ?? (text.length > 1 ? nearestName(text, names, 1) : null);
      this.fail(`"${text}" is no ${this.range.words}`, position, text.length, near === null ? null : `"${near}"`);
    }
    return { value: first + index, named: true, position, length: text.length };
  }

  failValue({ value, position, length }: CronValue): never {
    const shown = this.expression.slice(position, position + Math.min(length, 20));
    // One above the largest often means the smallest: hour 24 is hour 0.
    const wraps = value === this.largest + 1 && this.largest === this.range.max && this.range.min === 0;
    this.fail(`${this.range.words} ${shown} does not exist`, position, length, wraps ? '"0"' : null);
  }

  failHere(found: string, suggestion: string | null = null): never {
    this.fail(found, this.#position, 1, suggestion);
  }

  fail(found: string, position: number, length: number, suggestion: string | null = null): never {
    throw new CronSyntaxError({
      expression: this.expression,
      position,
      length,
      field: this.range.words,
      found,
      allowed: this.allowed(),
      suggestion,
    });
  }

  /** What is next, for a message. */
  describeHere(): string {
    return this.atEnd ? 'the end' : JSON.stringify(this.peek());
  }

  /** What the field takes, in words. */
  allowed(): string {
    const { names } = this.range;
    const values = `${this.smallest}-${this.largest}`;
    const named = names.length === 0 ? values : `${values}, ${names[0]}-${names.at(-1)}`;
    const special = this.rules.special[this.field];
    return `${named}, lists, ranges and steps${special === undefined ? '' : `, ${special}`}`;
  }

  /** The smallest number of the field. */
  get smallest(): number {
    return this.range.min + this.#offset;
  }

  /** The largest number of the field: crontab also has 7 for Sunday. */
  get largest(): number {
    if (this.field === 'year') return this.rules.lastYear;
    if (this.field !== 'dayOfWeek') return this.range.max;
    return this.rules.weekdays === 'mon0' ? 6 : 7;
  }

  /** What a number of the field is more than what it means. */
  get #offset(): number {
    return this.field === 'dayOfWeek' && this.rules.weekdays === 'sun1' ? 1 : 0;
  }
}
