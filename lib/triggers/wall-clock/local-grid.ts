/**
 * A schedule on the wall clock: it knows no zone. Times are whole seconds that the wall clock would have in UTC.
 */
export interface LocalGrid {
  /**
   * The first time at or after a time; `Infinity` when there is none.
   *
   * @param lastYear The last year that has to be looked at.
   */
  next(time: number, lastYear: number): number;
  /** Whether a time is one of the schedule. */
  matches(time: number): boolean;
  /** How many times lie from `from` up to and without `to`. */
  count(from: number, to: number): number;
  /** How many times lie from `from` up to and without `to` of which the time `shift` seconds later is one as well. */
  countBoth(from: number, to: number, shift: number): number;
  /** The last year in which a search that starts in `year` has to look. */
  lastYear(year: number): number;
}

/** {@link LocalGrid.countBoth} by a walk, for grids that are thin. */
export function walkBoth(grid: LocalGrid, from: number, to: number, shift: number): number {
  let count = 0;
  for (let time = grid.next(from, Infinity); time < to; time = grid.next(time + 1, Infinity)) {
    if (grid.matches(time + shift)) count += 1;
  }
  return count;
}
