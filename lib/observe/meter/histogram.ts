/** Counts values by their size, in classes that are given: as large after a million values as after one. */
export class Histogram {
  /** How many values are in each class, and in the one above the last bound. */
  readonly counts: Float64Array;
  sum = 0;
  count = 0;

  /** @param bounds The upper bounds of the classes, ascending. */
  constructor(readonly bounds: readonly number[]) {
    this.counts = new Float64Array(bounds.length + 1);
  }

  record(value: number): void {
    const { bounds } = this;
    let at = 0;
    while (at < bounds.length && value > bounds[at]!) at += 1;
    this.counts[at] = this.counts[at]! + 1;
    this.sum += value;
    this.count += 1;
  }
}
