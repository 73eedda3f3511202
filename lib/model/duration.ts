/**
 * A length of time: milliseconds as a number, or text such as `'90s'`, `'5m'`, `'2h30m'`, `'1d'`, `'250ms'`, or an
 * ISO 8601 duration of weeks, days, hours, minutes and seconds (`'PT5M'`).
 *
 * @publicApi
 */
export type Duration = number | string;

/** The units of a duration, in milliseconds. */
export const UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

const COMPACT = /^(?:\d+(?:\.\d+)?(?:ms|[smhdw])\s*)+$/;
const COMPACT_PART = /(\d+(?:\.\d+)?)(ms|[smhdw])/g;
const ISO = /^P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$/;

/**
 * Reads a duration.
 *
 * @returns Milliseconds, or null when it is not a duration. Years and months have no fixed length and are refused.
 *
 * @publicApi
 */
export function parseDuration(value: unknown): number | null {
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (typeof value !== 'string' || value.length > 100) return null;
  const text = value.trim();
  if (COMPACT.test(text)) {
    let total = 0;
    for (const [, amount, unit] of text.matchAll(COMPACT_PART)) total += Number(amount) * UNIT_MS[unit!]!;
    return total;
  }
  const iso = ISO.exec(text);
  if (!iso || iso.slice(1).every((part) => part === undefined)) return null;
  const [weeks, days, hours, minutes, seconds] = iso.slice(1).map((part) => Number(part ?? 0));
  return weeks! * UNIT_MS.w! + days! * UNIT_MS.d! + hours! * UNIT_MS.h! + minutes! * UNIT_MS.m! + seconds! * UNIT_MS.s!;
}

/**
 * Writes milliseconds as the shortest exact text that {@link parseDuration} reads back: `5400000` is `'1h30m'`.
 */
export function formatDuration(ms: number): string {
  if (ms === 0) return '0ms';
  let rest = ms;
  let text = '';
  for (const unit of ['w', 'd', 'h', 'm', 's', 'ms']) {
    const size = UNIT_MS[unit]!;
    const amount = unit === 'ms' ? rest : Math.floor(rest / size);
    if (amount > 0) text += `${amount}${unit}`;
    rest -= amount * size;
  }
  return text;
}
