import { spend } from '../search-budget.js';

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

/**
 * {@link LocalGrid.countBoth} by a walk.
 *
 * @param alike Whether all minutes that have times have them at the same seconds: then whole minutes are taken at once.
 */
export function countPairs(grid: LocalGrid, from: number, to: number, shift: number, alike: boolean): number {
  let count = 0;
  if (alike && shift % 60 === 0) {
    for (let time = from; time < to;) {
      spend();
      const end = Math.min(to, (Math.floor(time / 60) + 1) * 60);
      if (grid.count(time + shift, end + shift) > 0) count += grid.count(time, end);
      time = end;
    }
    return count;
  }
  for (let time = grid.next(from, Infinity); time < to; time = grid.next(time + 1, Infinity)) {
    spend();
    if (grid.matches(time + shift)) count += 1;
  }
  return count;
}
