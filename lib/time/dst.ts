/**
 * How a wall-clock time that a change of clocks skips is handled: it moves forward by the length of the gap, within its day;
 * is skipped; or runs at the first instant after the gap.
 *
 * @publicApi
 */
export type DstGap = 'shift' | 'skip' | 'next';

/**
 * Which of the two instants runs if the clocks show a time twice.
 *
 * @publicApi
 */
export type DstOverlap = 'first' | 'second' | 'both';

/**
 * The rules of a schedule for changes of clocks.
 *
 * @publicApi
 */
export interface DstRules {
  readonly gap: DstGap;
  readonly overlap: DstOverlap;
}
