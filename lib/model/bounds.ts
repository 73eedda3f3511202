/**
 * The largest count and fencing token that is written. Far below 2^53, above which a number is not exact any more, and
 * above all times: a token is never below the clock.
 */
export const MAX_COUNT = 2 ** 52;

/** The largest number of an attempt, and of a priority on either side of zero: what an integer column holds. */
export const MAX_INTEGER = 2 ** 31 - 1;

/** The times that a `Date` can hold, in milliseconds on either side of the epoch. */
export const MAX_TIME = 8_640_000_000_000_000;
