import { nearestName } from '../../errors/nearest-name.js';
import { formatDuration, UNIT_MS } from '../../model/duration.js';
import type { CronDialect } from './cron.fields.js';

/** The schedules that have names. */
export const MACROS: Readonly<Record<string, string>> = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
};

/** What is longer was not written by a person, and no slip is looked for in it. */
const MAX_REPAIRED = 60;

type IsValid = (expression: string) => boolean;

/** What was meant by a name that is not known; null when nothing is near. */
export function macroMeant(name: string): string | null {
  if (name === '@reboot') return '{ type: "startup" }';
  if (name.startsWith('@every')) {
    const every = intervalOf(name.slice('@every'.length).trim());
    return every === null ? null : `{ type: "interval", every: "${every}" }`;
  }
  return /^@[a-z]+$/.test(name) ? nearestName(name, Object.keys(MACROS), 2) : null;
}

/** The units of a duration of Go, in milliseconds: ours and smaller ones. Days and weeks are those of tools that add them. */
const GO_UNITS: Readonly<Record<string, number>> = {
  ...UNIT_MS,
  ns: 1e-6,
  us: 1e-3,
  '\u00b5s': 1e-3,
  '\u03bcs': 1e-3,
};

/** A duration of Go, such as `1h30m10s` or `1.5h`, as one of ours; null when it is none, or less than a millisecond. */
function intervalOf(text: string): string | null {
  if (text.length > MAX_REPAIRED || !/^(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|\u00b5s|\u03bcs|ms|[smhdw]))+$/.test(text))
    return null;
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/([\d.]+)([a-z\u00b5\u03bc]+)/g))
    total += Number(amount) * GO_UNITS[unit!]!;
  const ms = Math.round(total);
  return ms < 1 || ms > Number.MAX_SAFE_INTEGER ? null : formatDuration(ms);
}

/** What surrounds an expression and does not belong there, and what it is here; null when there is nothing. */
export function otherNotation(expression: string): { readonly found: string; readonly meant: string } | null {
  const text = expression.trim();
  const zone = /^(?:CRON_)?TZ=(\S+)\s+(\S.*)$/s.exec(text);
  if (zone) {
    const meant = `{ expression: ${JSON.stringify(zone[2])}, timezone: ${JSON.stringify(zone[1])} }`;
    return { found: 'the time zone is an option of its own', meant };
  }
  const cron = /^cron\((.*)\)$/is.exec(text);
  if (cron) {
    const meant = `{ expression: ${JSON.stringify(cron[1]!.trim())}, dialect: "aws" }`;
    return { found: '"cron(…)" is EventBridge', meant };
  }
  const rate = /^rate\(\s*(\d{1,6})\s+(minute|hour|day)s?\s*\)$/i.exec(text);
  if (rate) {
    const meant = `{ type: "interval", every: "${rate[1]}${rate[2]![0]!.toLowerCase()}" }`;
    return { found: '"rate(…)" is EventBridge, and an interval', meant };
  }
  return null;
}

/** Which dialect an expression is of that is refused in another one; null when none is sure. */
export function otherDialect(
  expression: string,
  dialect: CronDialect,
  isValid: (text: string, dialect: CronDialect) => boolean,
): string | null {
  if (!expression.includes('?')) return null;
  const parts = expression.trim().split(/\s+/);
  // In the third or fifth of six fields is the day for EventBridge alone: all others have the second first.
  const isAws = parts.length === 6 && (parts[2]!.startsWith('?') || parts[4]!.startsWith('?'));
  const [other, reason] = isAws
    ? (['aws', 'EventBridge: the minute first, the year last, Sunday is 1'] as const)
    : (['quartz', 'Quartz: the second first, Sunday is 1'] as const);
  return other !== dialect && isValid(expression, other) ? `dialect: "${other}" (${reason})` : null;
}

/** Tries the slips that are made most, and proposes the first that gives a schedule. */
export function repair(expression: string, isValid: IsValid): string | null {
  // Only what looks like a slip is worth the tries.
  if (expression.length > MAX_REPAIRED || !/^[0-9a-z*?,/#\s-]+$/i.test(expression)) return null;
  const parts = expression.trim().split(/\s+/);
  if (parts.length === 1) {
    if (!/^[a-z]+$/i.test(expression)) return null;
    const name = nearestName(`@${parts[0]!.toLowerCase()}`, Object.keys(MACROS), 2);
    return name === null ? null : `"${name}"`;
  }
  const first = parts.length > 5 ? 1 : 0;
  const candidates: [readonly string[], string][] = [];
  if (parts.length === 4) candidates.push([[...parts, '*'], 'with the weekday last']);
  if (parts.length === 6) candidates.push([['0', ...parts], 'with the second first']);
  if (parts.length >= 5 && parts.length <= 7) {
    candidates.push([swapped(parts, first), 'the minute comes before the hour']);
    candidates.push([swapped(parts, first + 2), 'the day comes before the month']);
    candidates.push([swapped(parts, first + 3), 'the month comes before the weekday']);
  }
  for (const [candidate, reason] of candidates) {
    const text = candidate.join(' ');
    if (isValid(text)) return `"${text}" (${reason})`;
  }
  return null;
}

function swapped(parts: readonly string[], index: number): string[] {
  const copy = [...parts];
  [copy[index], copy[index + 1]] = [parts[index + 1]!, parts[index]!];
  return copy;
}
