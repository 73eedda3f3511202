const UNITS: readonly (readonly [Intl.RelativeTimeFormatUnit, number])[] = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1_000],
];

const RELATIVE = new Intl.RelativeTimeFormat('en', { style: 'narrow', numeric: 'always' });

/** How far a time is from another one: `in 5min`, `2h ago`, `now`. */
export function relativeTime(time: number, now: number): string {
  const away = time - now;
  for (const [unit, length] of UNITS) {
    if (Math.abs(away) >= length) return RELATIVE.format(Math.trunc(away / length), unit);
  }
  return 'now';
}

/** A time as people read it: that of the clock in UTC, and how far away that is. */
export function shownTime(time: string | null | undefined, now: number): string {
  if (time === null || time === undefined) return '-';
  const at = Date.parse(time);
  if (Number.isNaN(at)) return time;
  const absolute = new Date(at)
    .toISOString()
    .replace('T', ' ')
    .replace(/\.\d+Z$/, 'Z');
  return `${absolute} (${relativeTime(at, now)})`;
}

/** How long something took, in milliseconds. */
export function shownDuration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
  return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1_000)} s`;
}
