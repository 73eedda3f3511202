import { spend } from '../search-budget.js';
import { TimesOfDay } from '../wall-clock/time-of-day.js';

const DAY_SECONDS = 86_400;

/** One time, at its offset itself. */
const NO_OFFSET = new TimesOfDay(zero(24), zero(60), zero(60));

/** The values of a field that is 0. */
export function zero(size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, value) => (value === 0 ? 1 : 0));
}

/** The times of a rule within one of its periods, in order, without a list of them. Times are wall-clock seconds. */
export class Instances {
  /** How many there are. */
  readonly size: number;

  /**
   * @param offsets The days, or the one hour, minute or second, that have times: when each begins.
   * @param times The times of each, in seconds from its begin.
   */
  constructor(
    private readonly offsets: readonly number[],
    private readonly times: TimesOfDay,
  ) {
    this.size = offsets.length * times.size;
  }

  /** The one that `index` others lie before. */
  at(index: number): number {
    const { size } = this.times;
    return this.offsets[Math.floor(index / size)]! + this.times.at(index % size);
  }

  /** How many lie before a time. */
  countBefore(time: number): number {
    let low = 0;
    let high = this.offsets.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.offsets[middle]! + DAY_SECONDS <= time) low = middle + 1;
      else high = middle;
    }
    let count = low * this.times.size;
    // What begins less than a day before: one day, or hours and times that stand for themselves.
    for (; low < this.offsets.length && this.offsets[low]! < time; low += 1) {
      spend();
      count += this.times.countBefore(time - this.offsets[low]!);
    }
    return count;
  }

  /** Those at some positions, in order. */
  pick(indexes: readonly number[]): Instances {
    spend(indexes.length / 8);
    return new Instances(
      indexes.map((index) => this.at(index)),
      NO_OFFSET,
    );
  }
}

/** What BYSETPOS picks of the times of a period: 1 is the first, -1 the last. */
export class Positions {
  #size = -1;
  #indexes: readonly number[] = [];

  constructor(private readonly positions: readonly number[]) {}

  /** The places of those that are picked of so many times, in order. Periods that follow each other often have as many. */
  of(size: number): readonly number[] {
    if (size !== this.#size) {
      spend(this.positions.length / 2);
      const wanted = this.positions.map((position) => (position > 0 ? position - 1 : size + position));
      const indexes = new Set(wanted.filter((index) => index >= 0 && index < size));
      this.#indexes = [...indexes].sort((a, b) => a - b);
      this.#size = size;
    }
    return this.#indexes;
  }
}
