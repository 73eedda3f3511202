/*
 * A second opinion on cron, written apart from the code under test: no tables, no masks, no knowledge of offsets. It asks
 * Intl for the wall clock of each minute of a few days and looks at every one. It knows five fields of numbers, lists,
 * ranges and steps, and the policy for changes of clocks that the conformance vectors state.
 */

const MINUTE = 60_000;

/** What a minute looks like on the wall clock. */
interface WallMinute {
  readonly time: number;
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly weekday: number;
  readonly hour: number;
  readonly minute: number;
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** Intl is slow, and most questions are about the same few days. */
const seen = new Map<string, WallMinute>();

function wallMinute(time: number, timezone: string): WallMinute {
  const key = `${timezone}@${time}`;
  let wall = seen.get(key);
  if (!wall) {
    wall = readWallMinute(time, timezone);
    seen.set(key, wall);
  }
  return wall;
}

function readWallMinute(time: number, timezone: string): WallMinute {
  let format = formats.get(timezone);
  if (!format) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: timezone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
    });
    formats.set(timezone, format);
  }
  const [, month, day, year, hour, minute] = /^(\d+)\/(\d+)\/(\d+), (\d+):(\d+)$/
    .exec(format.format(time))!
    .map(Number);
  const weekday = new Date(Date.UTC(year!, month! - 1, day)).getUTCDay();
  return { time, year: year!, month: month!, day: day!, weekday, hour: hour!, minute: minute! };
}

function matchesField(text: string, value: number, min: number, max: number): boolean {
  return text.split(',').some((part) => {
    const [range, step = '1'] = part.split('/');
    const [from, to] = range === '*' ? [min, max] : range!.split('-').map(Number);
    const last = to ?? (part.includes('/') ? max : from!);
    return value >= from! && value <= last && (value - from!) % Number(step) === 0;
  });
}

function matchesDate(expression: string, { month, day, weekday }: Omit<WallMinute, 'time'>): boolean {
  const [, , days, months, weekdays] = expression.split(' ') as [string, string, string, string, string];
  if (!matchesField(months, month, 1, 12)) return false;
  const byDay = matchesField(days, day, 1, 31);
  const byWeekday = matchesField(weekdays, weekday, 0, 6) || (weekday === 0 && matchesField(weekdays, 7, 0, 7));
  if (days === '*') return byWeekday;
  return weekdays === '*' ? byDay : byDay || byWeekday;
}

function matches(expression: string, wall: WallMinute): boolean {
  const [minutes, hours] = expression.split(' ') as [string, string];
  return (
    matchesField(minutes, wall.minute, 0, 59) && matchesField(hours, wall.hour, 0, 23) && matchesDate(expression, wall)
  );
}

function keyOf({ year, month, day, hour, minute }: Omit<WallMinute, 'time' | 'weekday'>): number {
  return Date.UTC(year, month - 1, day, hour, minute);
}

/** Whether the hours are a matter of elapsed time: every hour, or every so many, however that is written. */
function isElapsed(hours: string): boolean {
  if (hours.split(',').some((part) => part.startsWith('*') || /^0?0-23(?:\/|$)|^0?0\//.test(part))) return true;
  return Array.from({ length: 24 }, (_, hour) => hour).every((hour) => matchesField(hours, hour, 0, 23));
}

/**
 * All runs from `from` on, within `days` days.
 *
 * @param from Milliseconds since the epoch.
 */
export function slowRuns(expression: string, timezone: string, from: number, days: number): number[] {
  const margin = 1_600 * MINUTE;
  const start = Math.floor((from - margin) / MINUTE) * MINUTE;
  const end = from + days * 1_440 * MINUTE;
  const walls: WallMinute[] = [];
  for (let time = start; time < end + margin; time += MINUTE) walls.push(wallMinute(time, timezone));
  const runs = new Set<number>();
  const hours = expression.split(' ')[1]!;
  if (isElapsed(hours)) {
    for (const wall of walls) if (matches(expression, wall)) runs.add(wall.time);
  } else {
    const firstPass = new Map<number, number>();
    for (const wall of walls) if (!firstPass.has(keyOf(wall))) firstPass.set(keyOf(wall), wall.time);
    for (let index = 0; index < walls.length; index += 1) {
      const wall = walls[index]!;
      // Each nominal time once: in the first pass of a time that comes twice.
      if (matches(expression, wall) && firstPass.get(keyOf(wall)) === wall.time) runs.add(wall.time);
      const next = walls[index + 1];
      if (next) for (const run of skippedRuns(expression, wall, next)) runs.add(run);
    }
  }
  return [...runs].filter((time) => time >= from && time <= end).sort((a, b) => a - b);
}

/** The nominal times that the clocks leave out between two minutes, moved forward by as much, within their day. */
function skippedRuns(expression: string, before: WallMinute, after: WallMinute): number[] {
  const gap = keyOf(after) - keyOf(before) - MINUTE;
  const runs: number[] = [];
  for (let key = keyOf(before) + MINUTE; key < keyOf(after); key += MINUTE) {
    const date = new Date(key);
    const nominal = {
      year: date.getUTCFullYear(),
      month: date.getUTCMonth() + 1,
      day: date.getUTCDate(),
      weekday: date.getUTCDay(),
      hour: date.getUTCHours(),
      minute: date.getUTCMinutes(),
    };
    const sameDay = new Date(key + gap).getUTCDate() === nominal.day;
    if (sameDay && matches(expression, { ...nominal, time: 0 })) runs.push(after.time + (key + gap - keyOf(after)));
  }
  return runs;
}
