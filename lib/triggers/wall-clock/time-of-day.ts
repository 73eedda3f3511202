import { countBelow, nextTable, NONE } from './value.tables.js';
import type { NextTable } from './value.tables.js';

/** Times of a day: each of some hours at each of some minutes and seconds. Times are seconds since midnight. */
export class TimesOfDay {
  /** How many there are. */
  readonly size: number;
  /** The first one. */
  readonly first: number;
  readonly #seconds: NextTable;
  readonly #minutes: NextTable;
  readonly #hours: NextTable;
  /** How many values of the set lie below each value. */
  readonly #secondsBelow: Int16Array;
  readonly #minutesBelow: Int16Array;
  readonly #hoursBelow: Int16Array;

  /** For each hour, minute and second, 1 where it is one of them; none may be empty. */
  constructor(hours: Uint8Array, minutes: Uint8Array, seconds: Uint8Array) {
    this.#hours = nextTable(hours);
    this.#minutes = nextTable(minutes);
    this.#seconds = nextTable(seconds);
    this.#hoursBelow = countBelow(hours);
    this.#minutesBelow = countBelow(minutes);
    this.#secondsBelow = countBelow(seconds);
    this.first = (this.#hours[0]! * 60 + this.#minutes[0]!) * 60 + this.#seconds[0]!;
    this.size = this.#secondsBelow.at(-1)! * this.#minutesBelow.at(-1)! * this.#hoursBelow.at(-1)!;
  }

  /** The first one at or after a time; {@link NONE} when there is none. */
  next(time: number): number {
    const hour = Math.floor(time / 3_600);
    const minute = Math.floor(time / 60) % 60;
    const inHour = this.#hours[hour]!;
    if (inHour === hour) {
      const inMinute = this.#minutes[minute]!;
      if (inMinute === minute) {
        const second = this.#seconds[time % 60]!;
        if (second !== NONE) return hour * 3_600 + minute * 60 + second;
        const later = this.#minutes[minute + 1]!;
        if (later !== NONE) return hour * 3_600 + later * 60 + this.#seconds[0]!;
      } else if (inMinute !== NONE) {
        return hour * 3_600 + inMinute * 60 + this.#seconds[0]!;
      }
      const later = this.#hours[hour + 1]!;
      return later === NONE ? NONE : later * 3_600 + this.#minutes[0]! * 60 + this.#seconds[0]!;
    }
    return inHour === NONE ? NONE : inHour * 3_600 + this.#minutes[0]! * 60 + this.#seconds[0]!;
  }

  /** How many lie before a time. */
  countBefore(time: number): number {
    const hour = Math.floor(time / 3_600);
    const minute = Math.floor(time / 60) % 60;
    const minutesPerHour = this.#minutesBelow.at(-1)!;
    const secondsPerMinute = this.#secondsBelow.at(-1)!;
    let count = this.#hoursBelow[hour]! * minutesPerHour * secondsPerMinute;
    if (this.#hours[hour] !== hour) return count;
    count += this.#minutesBelow[minute]! * secondsPerMinute;
    return this.#minutes[minute] === minute ? count + this.#secondsBelow[time % 60]! : count;
  }

  /** The one that `index` others lie before. */
  at(index: number): number {
    const secondsPerMinute = this.#secondsBelow.at(-1)!;
    const perHour = this.#minutesBelow.at(-1)! * secondsPerMinute;
    const hour = nth(this.#hours, Math.floor(index / perHour));
    const minute = nth(this.#minutes, Math.floor((index % perHour) / secondsPerMinute));
    return (hour * 60 + minute) * 60 + nth(this.#seconds, index % secondsPerMinute);
  }
}

function nth(table: NextTable, index: number): number {
  let value = table[0]!;
  for (let i = 0; i < index; i += 1) value = table[value + 1]!;
  return value;
}
