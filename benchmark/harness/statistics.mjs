// What is computed of measurements. Pure functions.

/** The value below which a share of the values is, by nearest rank; NaN of nothing. */
export function percentile(values, share) {
  if (values.length === 0) return NaN;
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1))];
}

/** The middle value; of an even number the mean of the two in the middle. */
export function median(values) {
  if (values.length === 0) return NaN;
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Median, least and greatest of the rounds that have the figure; null when none has it. */
export function summary(values) {
  const known = values.filter((value) => typeof value === 'number' && Number.isFinite(value));
  return known.length === 0 ? null : { median: median(known), min: Math.min(...known), max: Math.max(...known) };
}

/**
 * How many times the first is the second. Rounds alternate between the systems, so each is divided by the one of its own
 * round, which was measured within the same minute; the median of these counts. By the medians when the rounds do not pair.
 */
export function ratio(firsts, seconds) {
  const pairs = firsts.length === seconds.length;
  const quotients = pairs ? firsts.map((first, at) => first / seconds[at]) : [median(firsts) / median(seconds)];
  return summary(quotients);
}

/** The mean of ratios. */
export function geometricMean(values) {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}

/** A number with three significant digits, and commas in large ones; a dash for none. */
export function inWords(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return '-';
  if (!Number.isFinite(value)) return '∞';
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en');
  return String(Number(value.toPrecision(Math.abs(value) >= 1 ? 3 : 2)));
}

/** A summary as text: the median, and the range when the rounds differ. */
export function summaryInWords(figure) {
  if (figure === null) return '-';
  const { median: middle, min, max } = figure;
  const [low, high] = [inWords(min), inWords(max)];
  return low === high ? inWords(middle) : `${inWords(middle)} (${low}–${high})`;
}
